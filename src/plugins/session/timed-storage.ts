import type { Metrics } from "../../gateway/index.ts";
import { type Awaitable, isPromise, type SessionStorage } from "../../session/index.ts";

/** A storage whose answers are timed, be they good or bad. */
export function timedStorage(storage: SessionStorage, kind: string, metrics: Metrics): SessionStorage {
  function time<T>(labels: Readonly<Record<string, string>>, work: () => Awaitable<T>): Awaitable<T> {
    const startMs = performance.now();
    const observe = () =>
      metrics.observe("sesame_session_storage_seconds", (performance.now() - startMs) / 1000, labels);
    let answer: Awaitable<T>;
    try {
      answer = work();
    } catch (error) {
      observe();
      throw error;
    }
    if (isPromise(answer)) return answer.finally(observe);
    observe();
    return answer;
  }

  const [get, set, remove, note] = ["get", "set", "delete", "note"].map((operation) => ({ storage: kind, operation }));
  return {
    get: (name, key, now) => time(get!, () => storage.get(name, key, now)),
    set: (name, key, value, write) => time(set!, () => storage.set(name, key, value, write)),
    delete: (name, key, now, metadata) => time(remove!, () => storage.delete(name, key, now, metadata)),
    ...(storage.noteSuccessor && {
      noteSuccessor: (name, key, text, write) => time(note!, () => storage.noteSuccessor!(name, key, text, write)),
    }),
  };
}
