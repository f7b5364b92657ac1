import type { SessionStorage } from "../../../src/session/index.ts";
import { indexName, type NameAffixes, recordName } from "../../../src/session/storages/names.ts";

/** One key as the vectors dump it; a sorted set's value is a flat list of members and scores. */
export interface RedisKey {
  readonly key: string;
  readonly type: string;
  readonly ttl: number;
  readonly value: string | string[];
}

/** The commands of a Redis server that sessions use, in memory. Its own clock stands still, as while the vectors were made. */
export class RedisServer {
  readonly #strings = new Map<string, { value: string; ttl: number }>();
  readonly #sets = new Map<string, { scores: Map<string, number>; ttl: number }>();

  set(key: string, value: string, ex: number): void {
    this.#strings.set(key, { value, ttl: ex });
  }
  get(key: string): string | undefined {
    return this.#strings.get(key)?.value;
  }
  ttl(key: string): number {
    return this.#strings.get(key)?.ttl ?? -2;
  }
  expire(key: string, ttl: number): void {
    const found = this.#strings.get(key) ?? this.#sets.get(key);
    if (found) found.ttl = ttl;
  }
  unlink(key: string): void {
    this.#strings.delete(key);
  }
  zadd(key: string, score: number, member: string): void {
    const set = this.#sets.get(key) ?? { scores: new Map(), ttl: -1 };
    set.scores.set(member, score);
    this.#sets.set(key, set);
  }
  zrem(key: string, member: string): void {
    this.#drop(key, (other) => other === member);
  }
  zremrangebyscore(key: string, min: number, max: number): void {
    this.#drop(key, (_, score) => score >= min && score <= max);
  }
  zrangebyscore(key: string, min: number): [string, number][] {
    return [...(this.#sets.get(key)?.scores ?? [])].filter(([, score]) => score >= min);
  }

  #drop(key: string, gone: (member: string, score: number) => boolean): void {
    const scores = this.#sets.get(key)?.scores ?? new Map<string, number>();
    for (const [member, score] of scores) if (gone(member, score)) scores.delete(member);
    if (scores.size === 0) this.#sets.delete(key);
  }

  load(dump: readonly RedisKey[]): void {
    this.#strings.clear();
    this.#sets.clear();
    for (const { key, ttl, value } of dump) {
      if (typeof value === "string") this.set(key, value, ttl);
      else for (let at = 0; at < value.length; at += 2) this.zadd(key, Number(value[at + 1]), value[at]!);
      this.expire(key, ttl);
    }
  }

  dump(): RedisKey[] {
    const strings = [...this.#strings].map(([key, { value, ttl }]) => ({ key, type: "string", ttl, value }));
    const sets = [...this.#sets].map(([key, { scores, ttl }]) => {
      return { key, type: "zset", ttl, value: [...scores].flatMap(([member, score]) => [member, String(score)]) };
    });
    return [...strings, ...sets];
  }
}

/** Sessions in Redis (SPEC-session-v4 §9.1). */
export function redisStorage(server: RedisServer, affixes: NameAffixes): SessionStorage {
  return {
    get: (name, key) => server.get(recordName(affixes, name, key)),
    set(name, key, value, { now, ttl, replaces, stale_ttl = 0, metadata = [] }) {
      const old = replaces === undefined ? undefined : recordName(affixes, name, replaces);
      const shorten = old !== undefined && server.ttl(old) > stale_ttl;
      server.set(recordName(affixes, name, key), value, ttl);
      if (shorten) server.expire(old, stale_ttl);
      for (const index of metadata) {
        const set = indexName(affixes, name, index);
        server.zremrangebyscore(set, 0, now - 1);
        server.zadd(set, now + ttl, key);
        if (replaces !== undefined) server.zrem(set, replaces);
        server.expire(set, ttl);
      }
    },
    delete(name, key, now, metadata = []) {
      server.unlink(recordName(affixes, name, key));
      for (const index of metadata) {
        const set = indexName(affixes, name, index);
        server.zremrangebyscore(set, 0, now - 1);
        server.zrem(set, key);
      }
    },
    list: (name, of, now) => new Map(server.zrangebyscore(indexName(affixes, name, of), now)),
  };
}
