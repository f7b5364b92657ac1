import { lineageOfKey } from "../../entities/index.ts";
import type { RedisWatch } from "./clients/redis-watch.ts";
import type { Denial, Denied, Revocation } from "./denied.ts";
import type { Keeper } from "./keeper.ts";
import { decodeEntry, LOG_NAME } from "./revocation-logs/log.ts";
import { type Accused, denialOf, keysAgainst } from "./revocations.ts";
import { type SharedList, wallSeconds } from "./revocations-shared.ts";

const INDEX = LOG_NAME;
const PREFIX = `${INDEX}:`;

/** How many entries are read, or looked at, in one turn. */
const BATCH = 1000;
const RETRY_MS = 1_000;

export interface RedisListParts {
  /** The memory of the gateway's own list. */
  readonly denied: Denied;
  readonly keeper: Keeper & { readonly redis: RedisWatch };
  /** The name of the records; those of the list are beside those of the sessions. */
  readonly name: string;
}

/**
 * A deny list in Redis:
 *
 *   <prefix>:<cookie name>:sesame@revoked:<key>   {"before": <time> | null, "expires": <time>}, kept until then
 *   <prefix>:<cookie name>:sesame@revoked         a sorted set of all keys by their ends, from which a gateway reads them at its start
 *
 * What is revoked there is known here by the link that tells of all changes (`RedisLink`); while that cannot be trusted Redis is asked.
 */
export class RedisList implements SharedList {
  readonly #parts: RedisListParts;
  #isLoaded = false;
  /** Counts the attempts to read all; a newer one makes the older ones stop. */
  #loads = 0;
  /** Changes that were heard of and not read yet. */
  #unread = 0;
  #retry: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(parts: RedisListParts) {
    this.#parts = parts;
    const { redis } = parts.keeper;
    redis.follow({ changed: (name) => this.#changed(name), missed: () => void this.#load() });
    redis.start();
  }

  isCurrent(): boolean {
    return this.#isLoaded && this.#unread === 0 && this.#parts.keeper.redis.isCurrent();
  }

  close(): void {
    this.#isClosed = true;
    this.#loads++;
    clearTimeout(this.#retry);
  }

  async ask(accused: Accused, now: number): Promise<Denial | undefined> {
    const keys = keysAgainst(accused);
    const { keeper, name } = this.#parts;
    const texts = await Promise.all(keys.map((key) => keeper.storage.get(name, PREFIX + key, now)));
    const found = texts.map((text, at) => decodeEntry(text, keys[at]!));
    const counts = (entry: Revocation) => entry.expires >= now && accused.since < beforeOf(entry);
    return denialOf(found.flatMap((entry) => (entry && counts(entry) ? [entry.key] : [])));
  }

  async put(revocation: Revocation, now: number): Promise<void> {
    try {
      await this.#put(revocation, now);
    } catch (error) {
      // It gets what it lacks when it is read.
      this.#loadLater();
      throw error;
    }
  }

  /** Twice the same is once. */
  passOn(revocation: Revocation, now: number): Promise<void> {
    return this.put(revocation, now);
  }

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

  #changed(name: string): void {
    const key = this.#parts.keeper.redis.keyOf(name);
    if (key?.startsWith(PREFIX)) void this.#read(key.slice(PREFIX.length));
  }

  async #read(key: string): Promise<void> {
    const { denied, keeper } = this.#parts;
    this.#unread++;
    try {
      const now = wallSeconds();
      // Not by the storage: that may stand in for Redis with what it last knew.
      const entry = decodeEntry(await keeper.redis.command(["GET", keeper.redis.nameOf(PREFIX + key)]), key);
      if (!entry) return;
      denied.note(entry, now);
      const known = denied.get(key);
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
    const { denied, keeper } = this.#parts;
    const { redis } = keeper;
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
    for (const revocation of this.#parts.denied) {
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

const beforeOf = ({ before }: Revocation): number => before ?? Number.POSITIVE_INFINITY;
