import { lineageOfKey } from "../../entities/index.ts";
import type { Log } from "../../gateway/index.ts";
import { type Awaitable, andThen } from "../../schema/index.ts";
import type { RedisWatch } from "./clients/redis-watch.ts";
import type { Denial, Revocation } from "./denied.ts";
import type { Keeper } from "./keeper.ts";
import { type Accused, type DenyList, denialOf, keyOf, keysAgainst, type Revocations } from "./revocations.ts";

/** No session has such an id. */
const INDEX = "sesame@revoked";
const PREFIX = `${INDEX}:`;

/** How many entries are read, or looked at, in one turn. */
const BATCH = 1000;
const RETRY_MS = 1_000;

export interface RedisRevocationsParts {
  /** The gateway's own list. */
  readonly database: Revocations;
  readonly keeper: Keeper & { readonly redis: RedisWatch };
  /** The name of the records; those of the list are beside those of the sessions. */
  readonly name: string;
  readonly log: Log;
}

/**
 * The deny list of the gateway's database, shared by a Redis with gateways that have databases of their own:
 *
 *   <prefix>:<cookie name>:sesame@revoked:<key>   {"before": <time> | null, "expires": <time>}, kept until then
 *   <prefix>:<cookie name>:sesame@revoked         a sorted set of all keys by their ends, from which a gateway reads them at its start
 *
 * What is revoked there is known here by the link that tells of all changes (`RedisLink`), and is checked in the same memory; while
 * that cannot be trusted Redis is asked. What becomes known in the database, as by the Admin API, is passed on. Nothing is ever
 * taken back: a list that was emptied, or has an earlier time, is set right by those who know better.
 */
export class RedisRevocations implements DenyList {
  readonly #parts: RedisRevocationsParts;
  readonly #stopFollowing: () => void;
  /** The keys that are being written by `revoke`. */
  readonly #own = new Set<string>();
  #isLoaded = false;
  /** Counts the attempts to read all; a newer one makes the older ones stop. */
  #loads = 0;
  /** Changes that were heard of and not read yet. */
  #unread = 0;
  #retry: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(parts: RedisRevocationsParts) {
    this.#parts = parts;
    const { redis } = parts.keeper;
    redis.follow({ changed: (name) => this.#changed(name), missed: () => void this.#load() });
    this.#stopFollowing = parts.database.follow((revocation) => this.#passOn(revocation));
    redis.start();
  }

  denial(accused: Accused, now: number): Awaitable<Denial | undefined> {
    return andThen(this.#parts.database.denial(accused, now), (denial) => {
      return denial ?? (this.#isCurrent() ? undefined : this.#ask(accused, now));
    });
  }

  recall(accused: Accused, now: number): boolean | undefined {
    const known = this.#parts.database.recall(accused, now);
    return known === false && !this.#isCurrent() ? undefined : known;
  }

  lastKnown(accused: Accused, now: number): Denial | undefined {
    return this.#parts.database.lastKnown(accused, now);
  }

  async revoke(lineage: string, ttl: number, now: number, why?: Denial): Promise<void> {
    const { database } = this.#parts;
    const key = keyOf(lineage, why);
    this.#own.add(key);
    try {
      const put = this.#put({ key, before: null, expires: now + ttl }, now);
      await Promise.all([put, database.revoke(lineage, ttl, now, why)]);
    } catch (error) {
      // What the one has by now the other is to get, too.
      this.#loadLater();
      throw error;
    } finally {
      this.#own.delete(key);
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#loads++;
    clearTimeout(this.#retry);
    this.#stopFollowing();
  }

  #isCurrent(): boolean {
    return this.#isLoaded && this.#unread === 0 && this.#parts.keeper.redis.isCurrent();
  }

  async #ask(accused: Accused, now: number): Promise<Denial | undefined> {
    const keys = keysAgainst(accused);
    const { keeper, name } = this.#parts;
    const texts = await Promise.all(keys.map((key) => keeper.storage.get(name, PREFIX + key, now)));
    const found = texts.map((text, at) => parseRevocation(keys[at]!, text));
    const counts = (entry: Revocation) => entry.expires >= now && accused.since < beforeOf(entry);
    return denialOf(found.flatMap((entry) => (entry && counts(entry) ? [entry.key] : [])));
  }

  /** Done when it is in Redis. */
  async #put({ key, before, expires }: Revocation, now: number): Promise<void> {
    const { keeper, name } = this.#parts;
    const { redis, storage } = keeper;
    const index = redis.nameOf(INDEX);
    // It counts up to and including the second in which it ends.
    const ttl = Math.ceil(expires - now) + 1;
    await Promise.all([
      redis.command(["ZADD", index, "GT", String(expires), key]),
      redis.command(["ZREMRANGEBYSCORE", index, "-inf", `(${now}`]),
      storage.set(name, PREFIX + key, JSON.stringify({ before, expires }), { now, ttl }),
    ]);
  }

  /** A row of the database that was not known before. */
  #passOn(revocation: Revocation): void {
    const now = wallSeconds();
    if (revocation.expires < now || this.#own.has(revocation.key)) return;
    this.#put(revocation, now).catch((error) => {
      this.#parts.log.warn("a revocation could not be passed on to Redis yet", { error });
      this.#loadLater();
    });
  }

  #changed(name: string): void {
    const key = this.#parts.keeper.redis.keyOf(name);
    if (key?.startsWith(PREFIX)) void this.#read(key.slice(PREFIX.length));
  }

  async #read(key: string): Promise<void> {
    const { database, keeper } = this.#parts;
    this.#unread++;
    try {
      const now = wallSeconds();
      // Not by the storage: that may stand in for Redis with what it last knew.
      const entry = parseRevocation(key, await keeper.redis.command(["GET", keeper.redis.nameOf(PREFIX + key)]));
      if (!entry) return;
      database.denied.note(entry, now);
      const known = database.denied.get(key);
      if (known && known.expires >= now && beforeOf(known) > beforeOf(entry)) await this.#put(known, now);
    } catch {
      this.#loadLater();
    } finally {
      this.#unread--;
    }
  }

  /** Read everything; what Redis does not have of what is known here, it gets. */
  async #load(): Promise<void> {
    const load = ++this.#loads;
    const { denied } = this.#parts.database;
    const { redis } = this.#parts.keeper;
    this.#isLoaded = false;
    clearTimeout(this.#retry);
    try {
      const found = new Set<string>();
      let cursor = "0";
      do {
        const scan = ["ZSCAN", redis.nameOf(INDEX), cursor, "COUNT", String(BATCH)];
        const [next, entries] = (await redis.command(scan)) as [string, string[]];
        if (load !== this.#loads) return;
        const cutOffs: string[] = [];
        for (let at = 0; at < entries.length; at += 2) {
          const key = entries[at]!;
          found.add(key);
          // Of a lineage all is known by its end.
          if (lineageOfKey(key) === undefined) cutOffs.push(key);
          else denied.note({ key, before: null, expires: Number(entries[at + 1]) }, wallSeconds());
        }
        await Promise.all(cutOffs.map((key) => this.#read(key)));
        cursor = next;
      } while (cursor !== "0");
      if (load !== this.#loads) return;
      this.#isLoaded = true;
      await this.#complete(load, found);
    } catch {
      if (load === this.#loads) this.#loadLater();
    }
  }

  async #complete(load: number, found: ReadonlySet<string>): Promise<void> {
    const now = wallSeconds();
    let count = 0;
    let missing: Promise<void>[] = [];
    for (const revocation of this.#parts.database.denied) {
      if (!found.has(revocation.key) && revocation.expires >= now) missing.push(this.#put(revocation, now));
      if (++count % BATCH > 0) continue;
      // Requests have their turn in between.
      await Promise.all([...missing, new Promise(setImmediate)]);
      if (load !== this.#loads) return;
      missing = [];
    }
    await Promise.all(missing);
  }

  #loadLater(): void {
    this.#loads++;
    this.#isLoaded = false;
    clearTimeout(this.#retry);
    if (!this.#isClosed) this.#retry = setTimeout(() => void this.#load(), RETRY_MS).unref();
  }
}

const wallSeconds = (): number => Math.floor(Date.now() / 1000);

const beforeOf = ({ before }: Revocation): number => before ?? Number.POSITIVE_INFINITY;

/** Undefined for what nobody here has written. */
function parseRevocation(key: string, text: unknown): Revocation | undefined {
  if (typeof text !== "string") return undefined;
  try {
    const { before, expires } = JSON.parse(text) as Record<string, unknown>;
    if (typeof expires !== "number" || (before !== null && typeof before !== "number")) return undefined;
    return { key, before, expires };
  } catch {
    return undefined;
  }
}
