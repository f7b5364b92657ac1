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
/** Writes that have to wait for another's, as for a lock, hold up the next ones no longer than this. */
const PATIENCE_MS = 50;

/**
 * Puts writes in turn. Those that come while the ones before are under way, or in the same turn of the event loop, are
 * performed together, so that they share one transaction and one commit.
 */
export class WriteQueue {
  readonly #perform: (batch: readonly Waiting[]) => Promise<void>;
  #waiting: Waiting[] = [];
  #isBusy = false;

  /** `perform` settles what waits, sooner or later, and never rejects; when it is done itself, the next ones have their turn. */
  constructor(perform: (batch: readonly Waiting[]) => Promise<void>) {
    this.#perform = perform;
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
      const patience = pause(PATIENCE_MS, undefined, { ref: false });
      void Promise.race([performed, patience]).then(() => this.#continue());
    });
  }
}
