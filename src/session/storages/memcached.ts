import type { SessionIndex, SessionStorage, SessionWrite } from "../storage.ts";
import { liveEntry, readEntries, removedEntry } from "./index-entries.ts";
import { indexName, type NameAffixes, recordName, successorName } from "./names.ts";

/** The commands of a memcached server. Each rejects for an answer that is an error, and when none comes. */
export interface MemcachedClient {
  /** A value with the mark that `cas` compares; undefined when there is none. */
  get(key: string): Promise<{ readonly value: string; readonly cas: string } | undefined>;
  /** Seconds a value has left, infinite when it stays or the server cannot tell; undefined when there is none. */
  life(key: string): Promise<number | undefined>;
  /**
   * Write a value: always, if there is none, at the end of one, or if it is unchanged since `cas`. Whether that was so.
   * `exptime` is memcached's: 0 for ever, up to 30 days in seconds, beyond that a time since the epoch.
   */
  store(
    verb: "set" | "add" | "append" | "cas",
    key: string,
    value: string,
    exptime: number,
    cas?: string,
  ): Promise<boolean>;
  touch(key: string, exptime: number): Promise<void>;
  delete(key: string): Promise<void>;
}

/** How many seconds memcached takes for a duration; more is a time since the epoch. */
const LONGEST_DURATION = 2_592_000;
const AT_ONCE = -1;
const ATTEMPTS = 10;

export interface MemcachedStorageOptions extends NameAffixes {
  readonly client: MemcachedClient;
  /** How probable it is that a save rewrites the indexes it joins without what is dead: 0.1 by default. */
  readonly cleanUpProbability?: number;
}

/**
 * Sessions in memcached (SPEC-session-v4 §9.3): records under percent-encoded names, and each index one growing text. The
 * server's clock ends records, and it may drop them earlier, when its memory is full. Unlike lua-resty-session, records of
 * more than 30 days are kept (Q5), and neither is the life of an old record lengthened nor that of an index too short.
 */
export function memcachedStorage({ client, prefix, suffix, cleanUpProbability = 0.1 }: MemcachedStorageOptions) {
  const affixes = { prefix, suffix };
  const recordKey = (name: string, key: string) => encode(recordName(affixes, name, key));
  const indexKey = (name: string, index: SessionIndex) => encode(indexName(affixes, name, index));

  async function outdate(record: string, { now, stale_ttl = 0 }: SessionWrite): Promise<void> {
    // A lifetime of 0 would mean for ever.
    if (stale_ttl === 0) return client.delete(record);
    const left = await client.life(record);
    if (left !== undefined && left > stale_ttl) await client.touch(record, exptime(stale_ttl, now));
  }

  async function append(index: string, text: string): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (await client.store("add", index, text, 0)) return;
      if (await client.store("append", index, text, 0)) return;
    }
    throw new Error("memcached keeps dropping an index");
  }

  async function join(index: string, key: string, { now, ttl, replaces }: SessionWrite): Promise<void> {
    await append(index, liveEntry(key, now + ttl) + (replaces === undefined ? "" : removedEntry(replaces)));
    if (Math.random() < cleanUpProbability) return rewrite(index, now);
    const left = await client.life(index);
    if (left !== undefined && left < ttl) await client.touch(index, exptime(ttl, now));
  }

  /** Drop what is dead, and this key, from an index; others may write to it meanwhile. */
  async function rewrite(index: string, now: number, removed?: string): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const found = await client.get(index);
      if (found === undefined) return;
      const live = readEntries(found.value, now);
      if (removed !== undefined) live.delete(removed);
      const text = [...live].map(([key, expires]) => liveEntry(key, expires)).join("");
      const end = live.size === 0 ? AT_ONCE : exptime(Math.max(...live.values()) - now, now);
      if (await client.store("cas", index, text, end, found.cas)) return;
    }
    if (removed !== undefined) await append(index, removedEntry(removed));
  }

  return {
    async get(name: string, key: string): Promise<string | undefined> {
      return (await client.get(recordKey(name, key)))?.value;
    },
    async set(name: string, key: string, value: string, write: SessionWrite): Promise<void> {
      const { now, ttl, replaces, metadata = [] } = write;
      await client.store("set", recordKey(name, key), value, exptime(ttl, now));
      await Promise.all(metadata.map((index) => join(indexKey(name, index), key, write)));
      // The old record comes last: when something failed before, it is all the visitor has.
      if (replaces !== undefined) await outdate(recordKey(name, replaces), write);
    },
    async delete(name: string, key: string, now: number, metadata: readonly SessionIndex[] = []): Promise<void> {
      await client.delete(recordKey(name, key));
      await Promise.all(metadata.map((index) => rewrite(indexKey(name, index), now, key)));
    },
    async noteSuccessor(
      name: string,
      key: string,
      note: string,
      { now, ttl }: Pick<SessionWrite, "now" | "ttl">,
    ): Promise<string> {
      const own = encode(successorName(affixes, name, key));
      if (await client.store("add", own, note, exptime(ttl, now))) return note;
      return (await client.get(own))?.value ?? note;
    },
    async list(name: string, of: SessionIndex, now: number): Promise<Map<string, number>> {
      return readEntries((await client.get(indexKey(name, of)))?.value ?? "", now);
    },
  } satisfies SessionStorage;
}

const encode = (name: string): string => encodeURIComponent(name.toWellFormed());

const exptime = (seconds: number, now: number): number => (seconds > LONGEST_DURATION ? now + seconds : seconds);
