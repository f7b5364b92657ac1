import { type Awaitable, attempt, chain, type SessionStorage } from "../../session/index.ts";

/** A storage that is left alone for a while when it fails again and again. */
export interface GuardedStorage extends SessionStorage {
  /** Seconds until it is worth asking again; 0 while it is not known to be out of order. */
  retryAfter(now: number): number;
}

/** Failures in a row after which a storage is left alone, and for how many seconds. */
const FAILURES = 5;
const PAUSE = 5;

/**
 * A circuit breaker around a storage, one for its reads and one for its writes, as on a full disk it is the writes that fail:
 *
 *   closed --5 failures in a row--> open --after 5 seconds--> half-open: one request tries --success--> closed
 *                                     ^------------------------------------------------failure-----'
 *
 * While it is open all fails at once, so that visitors do not wait for timeouts and a storage that recovers is not run over.
 */
export function guardedStorage(storage: SessionStorage): GuardedStorage {
  const reads = createBreaker();
  const writes = createBreaker();
  return {
    get: (name, key, now) => reads.run(now, () => storage.get(name, key, now)),
    set: (name, key, value, write) => writes.run(write.now, () => storage.set(name, key, value, write)),
    delete: (name, key, now, metadata) => writes.run(now, () => storage.delete(name, key, now, metadata)),
    ...(storage.noteSuccessor && {
      noteSuccessor: (name, key, text, write) =>
        writes.run(write.now, () => storage.noteSuccessor!(name, key, text, write)),
    }),
    retryAfter: (now) => Math.max(reads.retryAfter(now), writes.retryAfter(now)),
  };
}

/** Runs what may fail; see `guardedStorage`. */
export function createBreaker() {
  let failures = 0;
  let openUntil = 0;
  let isProbing = false;
  return {
    run<T>(now: number, work: () => Awaitable<T>): Awaitable<T> {
      if (failures >= FAILURES) {
        if (isProbing || now < openUntil) throw new Error(`the storage failed ${failures} times in a row: not asked`);
        isProbing = true;
      }
      return chain(
        attempt(work, (error): never => {
          failures++;
          openUntil = now + PAUSE;
          isProbing = false;
          throw error;
        }),
        (value) => {
          failures = 0;
          isProbing = false;
          return value;
        },
      );
    },
    retryAfter: (now: number): number => (failures >= FAILURES ? Math.max(1, openUntil - now) : 0),
  };
}
