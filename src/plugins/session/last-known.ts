import { LRUCache } from "lru-cache";
import { attempt, chain, type SessionStorage } from "../../session/index.ts";

/** What was read or written, and the second until which it may stand in for the storage. */
interface Known {
  readonly value: string;
  until: number;
}

/** Characters of records that are kept at most. */
const MAX_SIZE = 64 * 1024 * 1024;
const ENTRY_SIZE = 256;

export interface LastKnownStorage extends SessionStorage {
  /** The same test of whether a record is as it was; whenever it is, it is known anew. */
  confirmedBy(isStored: () => boolean, name: string, key: string): (now: number) => boolean;
}

/**
 * A storage that, when it fails to answer, answers what it last knew, up to `seconds` after. What it cannot write it does not
 * claim to have written.
 */
export function lastKnownStorage(storage: SessionStorage, seconds: number): LastKnownStorage {
  const records = new LRUCache<string, Known>({
    maxSize: MAX_SIZE,
    sizeCalculation: ({ value }) => value.length + ENTRY_SIZE,
  });
  const nameOf = (name: string, key: string) => `${name}:${key}`;

  return {
    get(name, key, now) {
      const record = nameOf(name, key);
      const got = attempt(
        () => storage.get(name, key, now),
        (error) => {
          const known = records.get(record);
          if (known && now <= known.until) return known;
          throw error;
        },
      );
      return chain(got, (answer) => {
        if (typeof answer === "object") return answer.value;
        if (answer === undefined) records.delete(record);
        else records.set(record, { value: answer, until: now + seconds });
        return answer;
      });
    },
    set(name, key, value, write) {
      return chain(storage.set(name, key, value, write), () => {
        const { now, ttl, replaces, stale_ttl = 0 } = write;
        records.set(nameOf(name, key), { value, until: now + Math.min(ttl, seconds) });
        const old = replaces === undefined ? undefined : records.get(nameOf(name, replaces));
        if (old) old.until = Math.min(old.until, now + stale_ttl);
      });
    },
    delete(name, key, now, metadata) {
      return chain(storage.delete(name, key, now, metadata), () => void records.delete(nameOf(name, key)));
    },
    confirmedBy(isStored, name, key) {
      const known = records.get(nameOf(name, key));
      return (now) => {
        if (!isStored()) return false;
        if (known) known.until = now + seconds;
        return true;
      };
    },
    ...(storage.noteSuccessor && { noteSuccessor: storage.noteSuccessor }),
  };
}
