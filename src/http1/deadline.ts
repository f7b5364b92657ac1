/** Node's timers cannot wait longer. */
const LONGEST_MS = 2 ** 31 - 1;

/**
 * A timeout that is moved far more often than it expires: moving it writes a number, and the timer behind it, when it fires too
 * early, is set again for the rest. It does not keep the process alive. `expired` is called at most once per `start`.
 */
export class Deadline {
  readonly #expired: () => void;
  #at = Number.POSITIVE_INFINITY;
  /** When the timer fires; infinite without one. */
  #armedFor = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  constructor(expired: () => void) {
    this.#expired = expired;
  }

  /** Expire in `ms` from now, instead of whatever was set before; infinity is never. */
  start(ms: number): void {
    this.#at = performance.now() + ms;
    if (this.#at < this.#armedFor) this.#arm(ms);
  }

  /** Do not expire. The timer may still fire once, and finds nothing to do. */
  stop(): void {
    this.#at = Number.POSITIVE_INFINITY;
  }

  /** Stop, and release the timer. */
  close(): void {
    this.stop();
    clearTimeout(this.#timer);
    this.#armedFor = Number.POSITIVE_INFINITY;
  }

  #arm(ms: number): void {
    clearTimeout(this.#timer);
    this.#armedFor = performance.now() + ms;
    this.#timer = setTimeout(fire, Math.min(Math.ceil(ms), LONGEST_MS), this).unref();
  }

  /** The timer has fired. */
  fire(): void {
    this.#armedFor = Number.POSITIVE_INFINITY;
    if (this.#at === Number.POSITIVE_INFINITY) return;
    const rest = this.#at - performance.now();
    if (rest > 0) {
      this.#arm(rest);
      return;
    }
    this.stop();
    this.#expired();
  }
}

function fire(deadline: Deadline): void {
  deadline.fire();
}
