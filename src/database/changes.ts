import type { Change, ChangeListener } from "../entities/index.ts";
import type { Awaitable } from "../schema/index.ts";

/** Tells listeners of changes. Each hears one write after the other; a slow one does not hold up those that are quick. */
export class ChangeFeed {
  readonly #subscriptions = new Set<Subscription>();
  readonly #resets = new Set<() => Awaitable<void>>();

  /** Hear the changes of all entities, or of the named. Answers how to stop. */
  subscribe(listener: ChangeListener, entities?: readonly string[]): () => void {
    const subscription = new Subscription(listener, entities && new Set(entities));
    this.#subscriptions.add(subscription);
    return () => this.#subscriptions.delete(subscription);
  }

  /** Done when all listeners are. Rejects with the first failure of a listener, when all have heard. */
  async publish(changes: readonly Change[]): Promise<void> {
    await all([...this.#subscriptions].map((subscription) => subscription.tell(changes)));
  }

  /** Be told that changes may have been missed. Answers how to stop. */
  onReset(listener: () => Awaitable<void>): () => void {
    this.#resets.add(listener);
    return () => this.#resets.delete(listener);
  }

  /** Changes may have been missed. Done, or rejected, as `publish`. */
  async reset(): Promise<void> {
    await all([...this.#resets].map(async (listener) => listener()));
  }
}

/** Wait for all; then the first failure counts. */
async function all(told: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(told)) if (result.status === "rejected") throw result.reason;
}

class Subscription {
  readonly #listener: ChangeListener;
  /** Entities of interest; undefined: all. */
  readonly #entities: ReadonlySet<string> | undefined;
  /** The end of what the listener was last told; undefined when it is idle. */
  #busy: Promise<void> | undefined;

  constructor(listener: ChangeListener, entities: ReadonlySet<string> | undefined) {
    this.#listener = listener;
    this.#entities = entities;
  }

  async tell(changes: readonly Change[]): Promise<void> {
    const relevant = this.#entities ? changes.filter(({ entity }) => this.#entities?.has(entity)) : changes;
    if (relevant.length === 0) return;
    const told = this.#busy ? this.#busy.then(() => this.#listener(relevant)) : this.#listener(relevant);
    if (!(told instanceof Promise)) return;
    const busy = told.then(noop, noop);
    this.#busy = busy;
    try {
      await told;
    } finally {
      if (this.#busy === busy) this.#busy = undefined;
    }
  }
}

function noop(): void {}
