import { setTimeout as pause } from "node:timers/promises";
import type { Write } from "../entities/index.ts";
import type { Row } from "../schema/index.ts";

/** A write, and who waits for it. */
export interface Waiting {
  readonly write: Write;
  resolve(answer: Row | boolean): void;
  reject(reason: unknown): void;
}

/** Writes that are performed together at most: enough to share what a commit costs, and no pause that anyone would notice. */
const MOST = 100;

/**
 * Puts writes in turn. Those that come while the ones before are under way, or in the same turn of the event loop, are
 * performed together, so that they share one transaction and one commit.
 */
export class WriteQueue {
  readonly #perform: (batch: readonly Waiting[]) => Promise<void>;
  readonly #patienceMs: number | undefined;
  #waiting: Waiting[] = [];
  #isBusy = false;

  /**
   * `perform` settles what waits, sooner or later, and never rejects. The next writes have their turn when it is done itself, or
   * after `patienceMs` beside it, as it may have to wait for a lock.
   */
  constructor(perform: (batch: readonly Waiting[]) => Promise<void>, patienceMs?: number) {
    this.#perform = perform;
    this.#patienceMs = patienceMs;
  }

  add(write: Write): Promise<Row | boolean> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ write, resolve, reject });
      if (!this.#isBusy) this.#continue();
    });
  }

  #continue(): void {
    this.#isBusy = this.#waiting.length > 0;
    if (!this.#isBusy) return;
    setImmediate(() => {
      const performed = this.#perform(this.#waiting.splice(0, MOST));
      const waits = this.#patienceMs === undefined ? [] : [pause(this.#patienceMs, undefined, { ref: false })];
      void Promise.race([performed, ...waits]).then(() => this.#continue());
    });
  }
}
