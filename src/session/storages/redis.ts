import type { SessionIndex, SessionStorage, SessionWrite } from "../storage.ts";
import { indexName, type NameAffixes, recordName, successorName } from "./names.ts";

/** A connection to Redis or Valkey, single, by Sentinel or a cluster: whatever finds the server that has a key. */
export interface RedisClient {
  /**
   * Send a command and wait for its answer, with bulk strings as text. Commands that are sent without waiting and have the
   * same key take effect in that order. Rejects for an answer that is an error, and when none comes.
   */
  command(args: readonly string[]): Promise<unknown>;
}

/** No client knows a key without an end by another number. */
const NO_EXPIRY = -1;

/**
 * Sessions in Redis (SPEC-session-v4 §9.1): a record is a string with an expiry, an index a sorted set of keys by expiry. The
 * server's clock ends records, and the notes of their successors. It must know `ZRANGE` with `BYSCORE`, so Redis 6.2 or Valkey.
 */
export function redisStorage({ client, prefix, suffix }: NameAffixes & { readonly client: RedisClient }) {
  const affixes = { prefix, suffix };
  const send = (...args: (string | number)[]): Promise<unknown> => client.command(args.map(String));

  async function join(index: string, key: string, { now, ttl, replaces }: SessionWrite): Promise<void> {
    await Promise.all([
      send("ZREMRANGEBYSCORE", index, 0, now - 1),
      send("ZADD", index, now + ttl, key),
      replaces === undefined ? undefined : send("ZREM", index, replaces),
      send("EXPIRE", index, ttl),
    ]);
  }

  return {
    async get(name: string, key: string): Promise<string | undefined> {
      const value = await send("GET", recordName(affixes, name, key));
      return typeof value === "string" ? value : undefined;
    },
    async set(name: string, key: string, value: string, write: SessionWrite): Promise<void> {
      const { ttl, replaces, stale_ttl = 0, metadata = [] } = write;
      const old = replaces === undefined ? undefined : recordName(affixes, name, replaces);
      const [, left] = await Promise.all([
        send("SET", recordName(affixes, name, key), value, "EX", ttl),
        old === undefined ? undefined : send("TTL", old),
      ]);
      await Promise.all(metadata.map((index) => join(indexName(affixes, name, index), key, write)));
      // The old record comes last: when something failed before, it is all the visitor has.
      if (old === undefined || !(left === NO_EXPIRY || Number(left) > stale_ttl)) return;
      await send("EXPIRE", old, stale_ttl);
    },
    async delete(name: string, key: string, now: number, metadata: readonly SessionIndex[] = []): Promise<void> {
      const indexes = metadata.map((index) => indexName(affixes, name, index));
      await Promise.all([
        send("UNLINK", recordName(affixes, name, key)),
        ...indexes.flatMap((index) => [send("ZREMRANGEBYSCORE", index, 0, now - 1), send("ZREM", index, key)]),
      ]);
    },
    async noteSuccessor(name: string, key: string, note: string, { ttl }: Pick<SessionWrite, "ttl">): Promise<string> {
      const own = successorName(affixes, name, key);
      if ((await send("SET", own, note, "NX", "EX", ttl)) !== null) return note;
      const kept = await send("GET", own);
      return typeof kept === "string" ? kept : note;
    },
    async list(name: string, of: SessionIndex, now: number): Promise<Map<string, number>> {
      const found = await send("ZRANGE", indexName(affixes, name, of), now, "+inf", "BYSCORE", "WITHSCORES");
      // Members and scores take turns; a client that speaks RESP3 has them in pairs.
      const flat = (found as unknown[]).flat();
      const live = new Map<string, number>();
      for (let at = 0; at < flat.length; at += 2) live.set(String(flat[at]), Number(flat[at + 1]));
      return live;
    },
  } satisfies SessionStorage;
}
