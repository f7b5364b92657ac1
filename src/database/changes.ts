import type { Change, ChangeListener } from "../entities/index.ts";

interface Subscription {
  readonly listener: ChangeListener;
  /** Entities of interest; absent: all. */
  readonly entities: ReadonlySet<string> | undefined;
}

/** Tells listeners of changes, one write after the other. */
export class ChangeFeed {
  readonly #subscriptions = new Set<Subscription>();
  #last: Promise<void> = Promise.resolve();

  /** Hear the changes of all entities, or of the named. Answers how to stop. */
  subscribe(listener: ChangeListener, entities?: readonly string[]): () => void {
    const subscription = { listener, entities: entities && new Set(entities) };
    this.#subscriptions.add(subscription);
    return () => this.#subscriptions.delete(subscription);
  }

  /** Done when all listeners are; those of the writes before come first. Rejects with the first failure of a listener. */
  publish(changes: readonly Change[]): Promise<void> {
    const heard = [...this.#subscriptions].flatMap(({ listener, entities }) => {
      const relevant = entities ? changes.filter(({ entity }) => entities.has(entity)) : changes;
      return relevant.length > 0 ? [{ listener, relevant }] : [];
    });
    if (heard.length === 0) return Promise.resolve();
    const told = this.#last.then(async () => {
      const results = await Promise.allSettled(heard.map(async ({ listener, relevant }) => listener(relevant)));
      for (const result of results) if (result.status === "rejected") throw result.reason;
    });
    this.#last = told.catch(() => undefined);
    return told;
  }
}
