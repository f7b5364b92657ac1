import type { Revocation } from "../denied.ts";

/**
 * Where gateways write down what is revoked, and read what others have. Entries are read in the order in which they become visible,
 * which need not be that in which they were begun: `SLOWEST_APPEND_MS` says how far back that can reach.
 */
export interface RevocationLog {
  /** Write an entry. Every reading that begins when this is done finds it, provided it took less than `SLOWEST_APPEND_MS`. */
  append(revocation: Revocation, now: number): Promise<void>;
  /** Read on from where the last reading came to its end. Rejects when it does not come to one. */
  read(reader: LogReader, now: number): Promise<void>;
}

/** What comes of a reading. */
export interface LogReader {
  /** An entry, perhaps not for the first time. */
  found(revocation: Revocation): void;
  /** This is the first reading, or what was read before is not there any more: what is found from now on is all there is. */
  anew(): void;
}

/** An opened log. */
export interface OpenedLog {
  readonly log: RevocationLog;
  readonly close?: (() => Promise<void>) | undefined;
}

/** An append that took longer may have been overlooked by some who read. */
export const SLOWEST_APPEND_MS = 1_000;

/** Entries that are read in one turn. */
export const BATCH = 1_000;

/** No session and no subject is called so. */
export const LOG_NAME = "sesame@revoked";

const NOT_ASCII = /[^\0-\x7f]/g;

/** An entry as one line of ASCII: `{"key": <text>, "before": <time> | null, "expires": <time>}`. */
export function encodeEntry({ key, before, expires }: Revocation): string {
  const escaped = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return JSON.stringify({ key, before, expires }).replace(NOT_ASCII, escaped);
}

/** Undefined for what nobody here has written. The key may be known from elsewhere. */
export function decodeEntry(text: unknown, ofKey?: string): Revocation | undefined {
  if (typeof text !== "string") return undefined;
  try {
    const { key = ofKey, before, expires } = JSON.parse(text) as Record<string, unknown>;
    if (typeof key !== "string" || (ofKey !== undefined && key !== ofKey)) return undefined;
    if (!isTime(expires) || (before !== null && !isTime(before))) return undefined;
    return { key, before, expires };
  } catch {
    return undefined;
  }
}

const isTime = (value: unknown): value is number => Number.isFinite(value);

/** A moment of both clocks: the wall clock can be set, and the monotonic one stands still while a machine sleeps. */
export class Moment {
  readonly #monotonicMs = performance.now();
  readonly #wallMs = Date.now();

  ageMs(): number {
    return Math.max(performance.now() - this.#monotonicMs, Date.now() - this.#wallMs);
  }
}

/**
 * Where to read on in a log whose positions are given out in order, and become visible in any.
 *
 * An entry that no reading has found yet was not visible when the last one began, so it was begun less than `SLOWEST_APPEND_MS`
 * before that, or its writer knows that it has to write it again. Its position was given out later still, and hence is beyond all
 * that readings had found which ended by then.
 */
export class LookBack {
  /** The greatest position that was found. */
  latest: number;
  /** From which on the next reading has to look. */
  from: number;
  #found: { readonly position: number; readonly endMs: number }[] = [];

  /** The first reading found this. What it can have overlooked is at most so far back. */
  constructor(latest: number, back: number) {
    this.latest = latest;
    this.from = Math.max(0, latest - back);
    this.#found.push({ position: latest, endMs: performance.now() });
  }

  /** A reading that began then has come to its end. */
  advance(position: number, beganMs: number): void {
    if (position > this.latest) {
      this.latest = position;
      this.#found.push({ position, endMs: performance.now() });
    }
    const settled = this.#found.findLastIndex(({ endMs }) => endMs < beganMs - SLOWEST_APPEND_MS);
    if (settled < 0) return;
    this.from = this.#found[settled]!.position;
    this.#found = this.#found.slice(settled + 1);
  }
}
