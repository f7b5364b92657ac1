import type { SessionIndex, SessionStorage, SessionWrite } from "../storage.ts";
import { indexName, recordName } from "./names.ts";

interface MemoryRecord {
  readonly value: string;
  expires: number;
  /** The indexes it is in, by their names. */
  indexes: readonly string[];
}

/**
 * Sessions in this process's memory, gone with it. At most `maxRecords` (100,000 by default) are kept: now and then what has
 * expired goes, else what was written longest ago. A record is readable up to and including the second it expires.
 */
export function memoryStorage({ maxRecords = 100_000 }: { maxRecords?: number } = {}) {
  const records = new Map<string, MemoryRecord>();
  const indexes = new Map<string, Map<string, string>>();
  let writesWhileFull = maxRecords;

  function leave(record: MemoryRecord, name: string): void {
    for (const index of record.indexes) {
      const members = indexes.get(index);
      members?.delete(name);
      if (members?.size === 0) indexes.delete(index);
    }
    record.indexes = [];
  }

  function remove(name: string): void {
    const record = records.get(name);
    if (record === undefined) return;
    leave(record, name);
    records.delete(name);
  }

  function makeRoom(now: number): void {
    if (records.size < maxRecords) return;
    // Looking at all records pays only when many can have expired since the last time.
    if (++writesWhileFull * 10 >= maxRecords) {
      writesWhileFull = 0;
      for (const [name, record] of records) if (record.expires < now) remove(name);
    }
    for (const name of records.keys()) {
      if (records.size < maxRecords) return;
      remove(name);
    }
  }

  return {
    get(name: string, key: string, now: number): string | undefined {
      const record = records.get(recordName({}, name, key));
      return record && record.expires >= now ? record.value : undefined;
    },
    set(name: string, key: string, value: string, write: SessionWrite): void {
      const { now, ttl, replaces, stale_ttl = 0, metadata } = write;
      const own = recordName({}, name, key);
      const former = records.get(own);
      const kept = metadata?.map((index) => indexName({}, name, index)) ?? former?.indexes ?? [];
      remove(own);
      makeRoom(now);
      records.set(own, { value, expires: now + ttl, indexes: kept });
      for (const index of kept) {
        let members = indexes.get(index);
        if (members === undefined) indexes.set(index, (members = new Map()));
        members.set(own, key);
      }
      if (replaces === undefined) return;
      const old = records.get(recordName({}, name, replaces));
      if (old === undefined) return;
      old.expires = Math.min(old.expires, now + stale_ttl);
      leave(old, recordName({}, name, replaces));
    },
    delete(name: string, key: string): void {
      remove(recordName({}, name, key));
    },
    list(name: string, of: SessionIndex, now: number): Map<string, number> {
      const found = new Map<string, number>();
      for (const [record, key] of indexes.get(indexName({}, name, of)) ?? []) {
        const { expires } = records.get(record)!;
        if (expires >= now) found.set(key, expires);
      }
      return found;
    },
  } satisfies SessionStorage;
}
