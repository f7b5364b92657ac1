import {
  isReplaced,
  type Revocable,
  revocationKey,
  type SessionRevocation,
  sessionRevocation,
} from "../../entities/index.ts";
import type { Lookups } from "../../gateway/index.ts";
import { type Awaitable, andThen } from "../../schema/index.ts";
import { type Denial, Denied, type Revocation } from "./denied.ts";

/** What can be said against a session. */
export interface Accused {
  readonly lineage: string;
  /** When its login was, in seconds since the epoch. */
  readonly since: number;
  /** The keys of the times before which logins may have been revoked. */
  readonly cutOffs: readonly string[];
}

/** All keys of times that matter for a session. */
export function cutOffsOf(consumer: string, audience: string, subject: string | undefined): readonly string[] {
  const whats: Revocable[] = [{}, { audience }, { consumer }];
  if (subject !== undefined) whats.push({ subject }, { audience, subject });
  return whats.map(revocationKey);
}

/** The keys of all that would revoke a session. */
export function keysAgainst({ lineage, cutOffs }: Accused): readonly string[] {
  return [revocationKey({ replaced: lineage }), revocationKey({ lineage }), ...cutOffs];
}

/** What a session is denied for, given the keys of what revokes it. */
export function denialOf(keys: readonly string[]): Denial | undefined {
  if (keys.length === 0) return undefined;
  return keys.some(isReplaced) ? "replaced" : "revoked";
}

/** What is revoked, and so what is not to open any more: checked with each request, from memory while that can be trusted. */
export interface DenyList {
  /** Why a session is revoked, if it is. No promise as long as memory can be trusted. */
  denial(accused: Accused, now: number): Awaitable<Denial | undefined>;
  /** Whether it is, from memory alone; undefined while that cannot be trusted. */
  recall(accused: Accused, now: number): boolean | undefined;
  /** What memory says, be it trusted or not. */
  lastKnown(accused: Accused, now: number): Denial | undefined;
  /** Revoke a lineage for as many seconds as it could live. Done when it is committed. */
  revoke(lineage: string, ttl: number, now: number, why?: Denial): Promise<void>;
}

const PAGE = 1000;

/** Seconds after which another attempt is made to read what is revoked. */
const RETRY = 1;

/**
 * The deny list: kept in the gateway's database, and checked from memory, into which all of it is read at the start and every
 * change goes. Until it is read, and whenever changes of other nodes may be on their way, the database is asked.
 */
export class Revocations implements DenyList {
  readonly #lookups: Lookups;
  /** What is in memory; what others know goes there, too. */
  readonly denied = new Denied();
  readonly #listeners = new Set<(revocation: Revocation) => void>();
  #isLoaded = false;
  /** Counts the attempts to read all; a newer one makes the older ones stop. */
  #loads = 0;
  /** The latest time that was asked about, and that of the last attempt to read all. */
  #now = 0;
  #triedAt = 0;

  constructor(lookups: Lookups) {
    this.#lookups = lookups;
    lookups.follow(
      sessionRevocation,
      (changes) => {
        for (const { operation, row } of changes) {
          if (operation !== "delete") this.#note(row as unknown as SessionRevocation);
        }
      },
      () => this.#load(),
    );
    this.#load();
  }

  get size(): number {
    return this.denied.size;
  }

  /** Hear of each revocation in the database that was not known before. Answers how to stop. */
  follow(listener: (revocation: Revocation) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  denial(accused: Accused, now: number): Awaitable<Denial | undefined> {
    const isDenied = this.recall(accused, now);
    if (isDenied === undefined) return this.#ask(accused, now);
    return isDenied ? this.denied.denial(accused, now) : undefined;
  }

  recall(accused: Accused, now: number): boolean | undefined {
    if (now > this.#now) this.#now = now;
    return this.#isLoaded && this.#lookups.isCurrent() ? this.denied.has(accused, now) : undefined;
  }

  lastKnown(accused: Accused, now: number): Denial | undefined {
    return this.denied.denial(accused, now);
  }

  async #ask(accused: Accused, now: number): Promise<Denial | undefined> {
    if (!this.#isLoaded && now >= this.#triedAt + RETRY) this.#load();
    const store = this.#lookups.store(sessionRevocation);
    const rows = await Promise.all(keysAgainst(accused).map((key) => store.select({ key })));
    const counts = (row: SessionRevocation) =>
      row.expires >= now && accused.since < (row.before ?? Number.POSITIVE_INFINITY);
    return denialOf(rows.flatMap((row) => (row && counts(row) ? [row.key] : [])));
  }

  async revoke(lineage: string, ttl: number, now: number, why?: Denial): Promise<void> {
    if (this.recall({ lineage, since: 0, cutOffs: [] }, now)) return;
    const key = keyOf(lineage, why);
    await this.#lookups.store(sessionRevocation).upsert({ key }, { key, expires: now + ttl, ttl: ttl + 1 });
  }

  #load(): void {
    this.#triedAt = this.#now;
    this.#isLoaded = false;
    const load = ++this.#loads;
    const store = this.#lookups.store(sessionRevocation);

    const next = (offset?: string): Awaitable<void> =>
      andThen(store.page({ size: PAGE, ...(offset !== undefined && { offset }) }), (page) => {
        if (load !== this.#loads) return;
        for (const row of page.data) this.#note(row);
        if (page.offset === undefined) this.#isLoaded = true;
        // Requests have their turn between two pages.
        else return new Promise(setImmediate).then(() => next(page.offset));
      });

    // What could not be read is asked of the database, and this is tried again then.
    try {
      const loading = next();
      if (loading instanceof Promise) loading.catch(ignore);
    } catch {
      return;
    }
  }

  #note({ key, before, expires }: SessionRevocation): void {
    const revocation = { key, before, expires };
    if (this.denied.covers(revocation)) return;
    this.denied.note(revocation, this.#now);
    for (const listener of this.#listeners) listener(revocation);
  }
}

/** The key of a lineage that is revoked for this. */
export function keyOf(lineage: string, why: Denial | undefined): string {
  return revocationKey(why === "replaced" ? { replaced: lineage } : { lineage });
}

function ignore(): void {}

const known = new WeakMap<Lookups, Revocations>();

/** The one deny list of a process, for all configured rows. */
export function revocationsOf(lookups: Lookups): Revocations {
  let revocations = known.get(lookups);
  if (!revocations) known.set(lookups, (revocations = new Revocations(lookups)));
  return revocations;
}
