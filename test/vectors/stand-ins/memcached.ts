import type { SessionStorage } from "../../../src/session/index.ts";
import { liveEntry, readEntries, removedEntry } from "../../../src/session/storages/index-entries.ts";
import { indexName, type NameAffixes, recordName } from "../../../src/session/storages/names.ts";

/** One key as the vectors dump it. Null means that the key stays. */
export interface MemcachedKey {
  readonly key: string;
  readonly ttl_about: number | null;
  readonly value: string;
}

/** The commands of a memcached server that sessions use, in memory. Its own clock stands still, as while the vectors were made. */
export class MemcachedServer {
  readonly #keys = new Map<string, { value: string; exptime: number }>();

  set(key: string, value: string, exptime: number): void {
    this.#keys.set(key, { value, exptime });
  }
  add(key: string, value: string, exptime: number): boolean {
    if (this.#keys.has(key)) return false;
    this.set(key, value, exptime);
    return true;
  }
  append(key: string, value: string): void {
    const found = this.#keys.get(key);
    if (found) found.value += value;
  }
  get(key: string): string | undefined {
    return this.#keys.get(key)?.value;
  }
  touch(key: string, exptime: number): void {
    const found = this.#keys.get(key);
    if (found) found.exptime = exptime;
  }
  delete(key: string): void {
    this.#keys.delete(key);
  }

  load(dump: readonly MemcachedKey[]): void {
    this.#keys.clear();
    for (const { key, ttl_about, value } of dump) this.set(key, value, ttl_about ?? 0);
  }
  dump(): MemcachedKey[] {
    return [...this.#keys].map(([key, { value, exptime }]) => ({ key, ttl_about: exptime || null, value }));
  }
}

/** Sessions in memcached (SPEC-session-v4 §9.3); the clean-up that happens once in ten saves does not happen here. */
export function memcachedStorage(server: MemcachedServer, affixes: NameAffixes): SessionStorage {
  const record = (name: string, key: string) => encodeURIComponent(recordName(affixes, name, key));
  const indexKey = (...[name, index]: [string, Parameters<typeof indexName>[2]]) =>
    encodeURIComponent(indexName(affixes, name, index));

  return {
    get: (name, key) => server.get(record(name, key)),
    set(name, key, value, { now, ttl, replaces, stale_ttl = 0, metadata = [] }) {
      server.set(record(name, key), value, ttl);
      if (replaces !== undefined) server.touch(record(name, replaces), stale_ttl);
      for (const index of metadata) {
        const entry = liveEntry(key, now + ttl);
        if (!server.add(indexKey(name, index), entry, 0)) server.append(indexKey(name, index), entry);
        if (replaces !== undefined) server.append(indexKey(name, index), removedEntry(replaces));
      }
    },
    delete(name, key, now, metadata = []) {
      server.delete(record(name, key));
      for (const index of metadata) {
        const live = readEntries((server.get(indexKey(name, index)) ?? "") + removedEntry(key), now);
        const text = [...live].map(([other, expires]) => liveEntry(other, expires)).join("");
        if (live.size === 0) server.delete(indexKey(name, index));
        else server.set(indexKey(name, index), text, Math.max(...live.values()) - now);
      }
    },
    list: (name, of, now) => readEntries(server.get(indexKey(name, of)) ?? "", now),
  };
}
