/** Lets so many have a turn at the same time. The others wait for it, first come, first served. */
export class Turns {
  readonly #timeoutMs: number;
  readonly #waiting = new Set<() => void>();
  #free: number;

  constructor({ count, timeoutMs }: { readonly count: number; readonly timeoutMs: number }) {
    this.#free = count;
    this.#timeoutMs = timeoutMs;
  }

  /** Whether there was a turn in time; who got one has to give it back. */
  take(): Promise<boolean> | boolean {
    if (this.#free > 0) {
      this.#free--;
      return true;
    }
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(go);
        resolve(false);
      }, this.#timeoutMs);
      const go = () => {
        clearTimeout(timer);
        resolve(true);
      };
      this.#waiting.add(go);
    });
  }

  give(): void {
    const [next] = this.#waiting;
    if (!next) {
      this.#free++;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}
