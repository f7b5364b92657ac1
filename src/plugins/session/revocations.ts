import type { Lookups } from "../../gateway/index.ts";
import { type Awaitable, andThen, type Row } from "../../schema/index.ts";
import { type SessionRevocationRow, sessionRevocation } from "./entities.ts";

/** What can be said against a session. */
export interface Accused {
  readonly lineage: string;
  /** When its login was, in seconds since the epoch. */
  readonly since: number;
  /** The keys of the times before which logins may have been revoked. */
  readonly cutOffs: readonly string[];
}

export const lineageKey = (lineage: string): string => `lineage:${lineage}`;

/** Where it is written that sessions of these are revoked; undefined stands for all. */
export const cutOffKey = (audience: string | undefined, subject: string | undefined): string =>
  JSON.stringify([audience ?? null, subject ?? null]);

export const consumerKey = (id: string): string => `consumer:${id}`;

/** All keys of times that matter for a session. */
export function cutOffsOf(consumerId: string, audience: string, subject: string | undefined): readonly string[] {
  const keys = [cutOffKey(undefined, undefined), cutOffKey(audience, undefined), consumerKey(consumerId)];
  if (subject !== undefined) keys.push(cutOffKey(undefined, subject), cutOffKey(audience, subject));
  return keys;
}

const PAGE = 1000;
const LINEAGE = "lineage:";
/** No time: what is revoked stays so. */
const FOR_EVER = Number.POSITIVE_INFINITY;

/** Seconds after which another attempt is made to read what is revoked. */
const RETRY = 1;

/**
 * The deny list: kept in the gateway's database, and checked from memory, into which all of it is read at the start and every
 * change goes. Until it is read, and whenever changes of other nodes may be on their way, the database is asked.
 */
export class Revocations {
  readonly #lookups: Lookups;
  /** When each revoked lineage may be forgotten, in seconds since the epoch. */
  readonly #lineages = new Map<string, number>();
  readonly #cutOffs = new Map<string, { readonly before: number; readonly expires: number }>();
  #isLoaded = false;
  /** Counts the attempts to read all; a newer one makes the older ones stop. */
  #loads = 0;
  #triedAt = Number.NEGATIVE_INFINITY;
  #sweepAt = 2 * PAGE;

  constructor(lookups: Lookups, now = Date.now() / 1000) {
    this.#lookups = lookups;
    lookups.follow(
      sessionRevocation,
      (changes) => {
        const seconds = Date.now() / 1000;
        for (const { operation, row } of changes) if (operation !== "delete") this.#note(row as Row, seconds);
      },
      () => this.#load(Date.now() / 1000),
    );
    this.#load(now);
  }

  get size(): number {
    return this.#lineages.size + this.#cutOffs.size;
  }

  /** Whether a session is revoked. No promise as long as memory can be trusted. */
  isRevoked(accused: Accused, now: number): Awaitable<boolean> {
    return this.recall(accused, now) ?? this.#ask(accused, now);
  }

  /** The same from memory alone; undefined while that cannot be trusted. */
  recall({ lineage, since, cutOffs }: Accused, now: number): boolean | undefined {
    if (!this.#isLoaded || !this.#lookups.isCurrent()) return undefined;
    if (this.#lineages.size > 0 && (this.#lineages.get(lineage) ?? -1) >= now) return true;
    if (this.#cutOffs.size === 0) return false;
    for (const key of cutOffs) {
      const cutOff = this.#cutOffs.get(key);
      if (cutOff && since < cutOff.before && cutOff.expires >= now) return true;
    }
    return false;
  }

  /** What memory holds against a session, be it all there is or not. */
  lastKnown(accused: Accused, now: number): boolean {
    return this.#lineages.has(accused.lineage) || this.#cutOffsIn(accused, now);
  }

  #cutOffsIn({ since, cutOffs }: Accused, now: number): boolean {
    return cutOffs.some((key) => {
      const cutOff = this.#cutOffs.get(key);
      return cutOff !== undefined && since < cutOff.before && cutOff.expires >= now;
    });
  }

  async #ask({ lineage, since, cutOffs }: Accused, now: number): Promise<boolean> {
    if (!this.#isLoaded && now >= this.#triedAt + RETRY) this.#load(now);
    const store = this.#lookups.store(sessionRevocation);
    const found = await Promise.all([lineageKey(lineage), ...cutOffs].map((key) => store.select({ key })));
    return found.some((row) => row !== undefined && since < (row.before ?? FOR_EVER));
  }

  /** Revoke a lineage, or what was opened before a time, for as many seconds as it could live. Done when it is committed. */
  async revoke(key: string, { before, ttl }: { readonly before?: number; readonly ttl: number }): Promise<void> {
    const row = { key, before: before ?? null, ttl };
    const store = this.#lookups.store(sessionRevocation);
    const known = await store.select({ key });
    // What is revoked already stays so.
    if (known && (known.before ?? FOR_EVER) >= (before ?? FOR_EVER) && (known.ttl ?? FOR_EVER) >= ttl) return;
    await store.upsert({ key }, row);
  }

  #load(now: number): void {
    this.#triedAt = now;
    this.#isLoaded = false;
    const load = ++this.#loads;
    const store = this.#lookups.store(sessionRevocation);

    const next = (offset?: string): Awaitable<void> => {
      const page = store.page({ size: PAGE, ...(offset !== undefined && { offset }) });
      return andThen(page, ({ data, offset: more }) => {
        if (load !== this.#loads) return;
        for (const row of data) this.#note(row, now);
        if (more === undefined) {
          this.#isLoaded = true;
          return;
        }
        // Requests have their turn between two pages.
        return new Promise(setImmediate).then(() => next(more));
      });
    };
    // What failed is asked of the database, and tried again when there is something to ask.
    const failed = () => undefined;
    try {
      const loading = next();
      if (loading instanceof Promise) loading.catch(failed);
    } catch {
      failed();
    }
  }

  #note(row: Row, now: number): void {
    const { key, before, ttl } = row as unknown as SessionRevocationRow;
    const expires = now + (ttl ?? FOR_EVER);
    if (key.startsWith(LINEAGE)) this.#lineages.set(key.slice(LINEAGE.length), expires);
    else this.#cutOffs.set(key, { before: before ?? FOR_EVER, expires });
    if (this.size >= this.#sweepAt) this.#sweep(now);
  }

  #sweep(now: number): void {
    for (const [lineage, expires] of this.#lineages) if (expires < now) this.#lineages.delete(lineage);
    for (const [key, { expires }] of this.#cutOffs) if (expires < now) this.#cutOffs.delete(key);
    this.#sweepAt = 2 * (this.size + PAGE);
  }
}

const known = new WeakMap<Lookups, Revocations>();

/** The one deny list of a process, for all configured rows. */
export function revocationsOf(lookups: Lookups): Revocations {
  let revocations = known.get(lookups);
  if (!revocations) known.set(lookups, (revocations = new Revocations(lookups)));
  return revocations;
}
