import type { Log } from "../../gateway/index.ts";
import { type Awaitable, andThen } from "../../schema/index.ts";
import type { Denial, Revocation } from "./denied.ts";
import { type Accused, type DenyList, keyOf, type Revocations } from "./revocations.ts";

/**
 * A list outside the gateway that others write to as well. What is there goes into the memory of the gateway's own list. Nothing is
 * ever taken back: a list that was emptied, or has an earlier time, is set right by those who know better.
 */
export interface SharedList {
  /** Whether memory has everything that was acknowledged there until 100 ms ago. */
  isCurrent(): boolean;
  /** Why a session is revoked there, if it is. */
  ask(accused: Accused, now: number): Promise<Denial | undefined>;
  /** Write an entry. Done when everybody who asks there hears of it; when it fails, it is tried again later all the same. */
  put(revocation: Revocation, now: number): Promise<void>;
  /** The same, for what others may be about to write, too. */
  passOn(revocation: Revocation, now: number): Promise<void>;
  close(): void;
}

export interface SharedRevocationsParts {
  /** The gateway's own list. */
  readonly database: Revocations;
  readonly list: SharedList;
  /** What the list is kept in, for messages. */
  readonly where: string;
  readonly log: Log;
}

/**
 * The deny list of the gateway's database, shared by another storage with gateways that have databases of their own. It is checked
 * in the same memory; while that cannot be trusted, either is asked. What becomes known in the database, as by the Admin API, is
 * passed on.
 */
export class SharedRevocations implements DenyList {
  readonly #parts: SharedRevocationsParts;
  readonly #stopFollowing: () => void;
  /** The keys that are being written by `revoke`. */
  readonly #own = new Set<string>();

  constructor(parts: SharedRevocationsParts) {
    this.#parts = parts;
    this.#stopFollowing = parts.database.follow((revocation) => this.#passOn(revocation));
  }

  denial(accused: Accused, now: number): Awaitable<Denial | undefined> {
    const { database, list } = this.#parts;
    return andThen(database.denial(accused, now), (denial) => {
      return denial ?? (list.isCurrent() ? undefined : list.ask(accused, now));
    });
  }

  recall(accused: Accused, now: number): boolean | undefined {
    const known = this.#parts.database.recall(accused, now);
    return known === false && !this.#parts.list.isCurrent() ? undefined : known;
  }

  lastKnown(accused: Accused, now: number): Denial | undefined {
    return this.#parts.database.lastKnown(accused, now);
  }

  async revoke(lineage: string, ttl: number, now: number, why?: Denial): Promise<void> {
    const { database, list } = this.#parts;
    const key = keyOf(lineage, why);
    this.#own.add(key);
    try {
      const put = list.put({ key, before: null, expires: now + ttl }, now);
      await Promise.all([put, database.revoke(lineage, ttl, now, why)]);
    } finally {
      this.#own.delete(key);
    }
  }

  close(): void {
    this.#stopFollowing();
    this.#parts.list.close();
  }

  /** A row of the database that was not known before. */
  #passOn(revocation: Revocation): void {
    const now = wallSeconds();
    if (revocation.expires < now || this.#own.has(revocation.key)) return;
    this.#parts.list.passOn(revocation, now).catch((error) => {
      this.#parts.log.warn(`a revocation could not be passed on to ${this.#parts.where} yet`, { error });
    });
  }
}

export const wallSeconds = (): number => Math.floor(Date.now() / 1000);
