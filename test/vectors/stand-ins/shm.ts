import type { SessionStorage } from "../../../src/session/index.ts";
import { liveEntry, readEntries, removedEntry } from "../../../src/session/storages/index-entries.ts";
import { indexName, recordName } from "../../../src/session/storages/names.ts";

/** One key as the vectors dump it. A ttl of 0 means that the key stays. */
export interface ShmKey {
  readonly key: string;
  readonly type: string;
  readonly ttl: number;
  readonly value: string | string[];
}

/** A shared dictionary of nginx in memory: texts and lists. Its own clock stands still, as while the vectors were made. */
export class SharedDictionary {
  readonly #keys = new Map<string, { value: string | string[]; ttl: number }>();

  set(key: string, value: string, ttl: number): void {
    this.#keys.set(key, { value, ttl });
  }
  get(key: string): string | undefined {
    const value = this.#keys.get(key)?.value;
    return typeof value === "string" ? value : undefined;
  }
  ttl(key: string): number | undefined {
    return this.#keys.get(key)?.ttl;
  }
  expire(key: string, ttl: number): void {
    const found = this.#keys.get(key);
    if (found) found.ttl = ttl;
  }
  delete(key: string): void {
    this.#keys.delete(key);
  }
  rpush(key: string, value: string): void {
    const found = this.#keys.get(key);
    if (Array.isArray(found?.value)) found.value.push(value);
    else this.#keys.set(key, { value: [value], ttl: 0 });
  }
  /** All elements of a list, taken out of it. */
  drain(key: string): string[] {
    const value = this.#keys.get(key)?.value;
    this.#keys.delete(key);
    return Array.isArray(value) ? value : [];
  }

  load(dump: readonly ShmKey[]): void {
    this.#keys.clear();
    for (const { key, ttl, value } of dump) this.#keys.set(key, { ttl, value: structuredClone(value) });
  }
  dump(): ShmKey[] {
    return [...this.#keys].map(([key, { ttl, value }]) => {
      return { key, type: typeof value === "string" ? "string" : "list", ttl, value };
    });
  }
}

/** Sessions in shared memory (SPEC-session-v4 §9.4); the clean-up that happens once in ten saves does not happen here. */
export function shmStorage(dictionary: SharedDictionary): SessionStorage {
  function cleanUp(index: string, now: number): Map<string, number> {
    const live = readEntries(dictionary.drain(index).join(""), now);
    for (const [key, expires] of live) dictionary.rpush(index, liveEntry(key, expires));
    if (live.size > 0) dictionary.expire(index, Math.max(...live.values()) - now);
    return live;
  }

  return {
    get: (name, key) => dictionary.get(recordName({}, name, key)),
    set(name, key, value, { now, ttl, replaces, stale_ttl = 0, metadata = [] }) {
      dictionary.set(recordName({}, name, key), value, ttl);
      const old = replaces === undefined ? undefined : recordName({}, name, replaces);
      if (old !== undefined && (dictionary.ttl(old) ?? 0) > stale_ttl) dictionary.expire(old, stale_ttl);
      for (const index of metadata) {
        dictionary.rpush(indexName({}, name, index), liveEntry(key, now + ttl));
        if (replaces !== undefined) dictionary.rpush(indexName({}, name, index), removedEntry(replaces));
      }
    },
    delete(name, key, now, metadata = []) {
      dictionary.delete(recordName({}, name, key));
      for (const index of metadata) {
        dictionary.rpush(indexName({}, name, index), removedEntry(key));
        cleanUp(indexName({}, name, index), now);
      }
    },
    list: (name, of, now) => cleanUp(indexName({}, name, of), now),
  };
}
