import { isReplaced, lineageOfKey, revocationKey } from "../../entities/index.ts";
import type { Accused } from "./revocations.ts";

/** What is revoked: the members of a row of `session_revocations` that count. */
export interface Revocation {
  /** See `revocationKey`. */
  readonly key: string;
  /** Logins before this time, in seconds since the epoch; all when null. */
  readonly before: number | null;
  /** Until when, in seconds since the epoch. */
  readonly expires: number;
}

/** Why a session is denied, in the words of the table of reasons. */
export type Denial = "revoked" | "replaced";

interface CutOff {
  readonly before: number;
  readonly expires: number;
}

const SWEEP = 1000;

/** The part of a deny list that is in memory. What has run out is dropped from time to time. */
export class Denied {
  /** When each revoked lineage may be forgotten, in seconds since the epoch. */
  readonly #lineages = new Map<string, number>();
  /** Those of the lineages that made room for a newer login. */
  readonly #replaced = new Set<string>();
  readonly #cutOffs = new Map<string, CutOff>();
  #sweepAt = 2 * SWEEP;

  get size(): number {
    return this.#lineages.size + this.#cutOffs.size;
  }

  has(accused: Accused, now: number): boolean {
    if (this.#lineages.size > 0 && (this.#lineages.get(accused.lineage) ?? -1) >= now) return true;
    if (this.#cutOffs.size === 0) return false;
    const { since, cutOffs } = accused;
    for (const key of cutOffs) {
      const cutOff = this.#cutOffs.get(key);
      if (cutOff && since < cutOff.before && cutOff.expires >= now) return true;
    }
    return false;
  }

  /** The same, and why. */
  denial(accused: Accused, now: number): Denial | undefined {
    if (!this.has(accused, now)) return undefined;
    return this.#replaced.has(accused.lineage) ? "replaced" : "revoked";
  }

  /** What is known of a key. */
  get(key: string): Revocation | undefined {
    const lineage = lineageOfKey(key);
    if (lineage === undefined) return revocationOf(key, this.#cutOffs.get(key));
    const expires = this.#lineages.get(lineage);
    return expires === undefined ? undefined : { key, before: null, expires };
  }

  /** Whether it is known that at least this is revoked. */
  covers({ key, before, expires }: Revocation): boolean {
    const lineage = lineageOfKey(key);
    if (lineage !== undefined) return (this.#lineages.get(lineage) ?? -1) >= expires;
    const known = this.#cutOffs.get(key);
    return known !== undefined && known.before >= (before ?? Number.POSITIVE_INFINITY) && known.expires >= expires;
  }

  /** What was revoked stays so: of two times the later counts. */
  note(revocation: Revocation, now: number): void {
    const { key, before, expires } = revocation;
    if (this.covers(revocation)) return;
    const lineage = lineageOfKey(key);
    if (lineage !== undefined) {
      this.#lineages.set(lineage, expires);
      if (isReplaced(key)) this.#replaced.add(lineage);
    } else {
      const known = this.#cutOffs.get(key);
      this.#cutOffs.set(key, {
        before: Math.max(before ?? Number.POSITIVE_INFINITY, known?.before ?? 0),
        expires: Math.max(expires, known?.expires ?? 0),
      });
    }
    if (this.size >= this.#sweepAt) this.#sweep(now);
  }

  *[Symbol.iterator](): Generator<Revocation> {
    for (const [lineage, expires] of this.#lineages) {
      const what = this.#replaced.has(lineage) ? { replaced: lineage } : { lineage };
      yield { key: revocationKey(what), before: null, expires };
    }
    for (const [key, cutOff] of this.#cutOffs) yield revocationOf(key, cutOff)!;
  }

  #sweep(now: number): void {
    for (const [lineage, expires] of this.#lineages) {
      if (expires >= now) continue;
      this.#lineages.delete(lineage);
      this.#replaced.delete(lineage);
    }
    for (const [key, { expires }] of this.#cutOffs) if (expires < now) this.#cutOffs.delete(key);
    this.#sweepAt = 2 * (this.size + SWEEP);
  }
}

function revocationOf(key: string, cutOff: CutOff | undefined): Revocation | undefined {
  return cutOff && { ...cutOff, key, before: cutOff.before === Number.POSITIVE_INFINITY ? null : cutOff.before };
}
