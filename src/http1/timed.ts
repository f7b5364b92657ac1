/** Whole milliseconds since the start: an integer lies in its object, any other number in one of its own. */
function clockMs(): number {
  return Math.ceil(performance.now());
}

/**
 * The time as it was at most `TICK_MS` ago: it is read far more often than the system's clock is worth. The timer does not keep
 * the process alive.
 */
let coarseMs = clockMs();
const TICK_MS = 500;
setInterval(() => {
  coarseMs = clockMs();
}, TICK_MS).unref();

/** From this length on a deadline may be late by a tick. */
const LONG_MS = 10_000;

/** Node's timers cannot wait longer. */
const LONGEST_MS = 2 ** 31 - 1;

/** No time. */
const NEVER = -1;

/**
 * What waits for one thing at a time, with a deadline that is moved far more often than it expires: moving it writes a number, and the timer behind it, when it
 * fires too early, is set again for the rest. It does not keep the process alive. `expired` is called at most once per `expireIn`,
 * up to half a second late when that is ten seconds or more.
 */
export abstract class Timed {
  #at = NEVER;
  /** When the timer fires, if there is one. */
  #armedFor = NEVER;
  #timer: NodeJS.Timeout | undefined;

  /** The time is over. */
  protected abstract expired(): void;

  /** Expire in `ms` from now, instead of whatever was set before; infinity is never. */
  expireIn(ms: number): void {
    if (ms === Number.POSITIVE_INFINITY) {
      this.neverExpire();
      return;
    }
    this.#at = ms < LONG_MS ? clockMs() + Math.ceil(ms) : coarseMs + TICK_MS + ms;
    if (this.#armedFor === NEVER || this.#at < this.#armedFor) this.#arm(ms);
  }

  /** The timer may still fire once, and finds nothing to do. */
  neverExpire(): void {
    this.#at = NEVER;
  }

  /** The same, and release the timer. */
  protected releaseTimer(): void {
    this.neverExpire();
    clearTimeout(this.#timer);
    this.#armedFor = NEVER;
  }

  #arm(ms: number): void {
    clearTimeout(this.#timer);
    this.#armedFor = clockMs() + Math.ceil(ms);
    this.#timer = setTimeout(fire, Math.min(Math.ceil(ms), LONGEST_MS), this).unref();
  }

  /** The timer has fired. */
  fire(): void {
    this.#armedFor = NEVER;
    if (this.#at === NEVER) return;
    const restMs = this.#at - performance.now();
    if (restMs > 0) {
      this.#arm(restMs);
      return;
    }
    this.neverExpire();
    this.expired();
  }
}

function fire(timed: Timed): void {
  timed.fire();
}
