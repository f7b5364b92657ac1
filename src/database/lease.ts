import type { Instant, Lease } from "../entities/index.ts";

/** How old knowledge may be that is used without asking. */
const LEASE_MS = 100;

/** The origin of `performance.now()` differs between processes; that of the system's monotonic clock does not. */
const originMs = Number(process.hrtime.bigint() / 1000n) / 1000 - performance.now();

export function instant(): Instant {
  return { monotonicMs: performance.now() + originMs, wallMs: Date.now() };
}

/**
 * The right to answer from memory for 100 ms after the last moment at which everything was known. Both clocks must agree:
 * the wall clock can be set, and the monotonic one stands still while a machine sleeps. A process that was stopped looks at
 * them when it goes on, before it uses what it remembers.
 */
export class TimedLease implements Lease {
  readonly #listeners = new Set<(at: Instant) => void>();
  #renewed: Instant = { monotonicMs: Number.NEGATIVE_INFINITY, wallMs: Number.NEGATIVE_INFINITY };

  #hasEnded = false;

  isCurrent(): boolean {
    const { monotonicMs, wallMs } = this.#renewed;
    if (this.#hasEnded) return false;
    return performance.now() + originMs - monotonicMs < LEASE_MS && Date.now() - wallMs < LEASE_MS;
  }

  ageMs(): number {
    const { monotonicMs, wallMs } = this.#renewed;
    return Math.max(performance.now() + originMs - monotonicMs, Date.now() - wallMs);
  }

  /** Everything that was committed before this moment is known. */
  renew(at: Instant): void {
    this.#renewed = at;
    this.#hasEnded = false;
    for (const listener of this.#listeners) listener(at);
  }

  /** Nothing that happens from now on is known. */
  end(): void {
    this.#hasEnded = true;
  }

  onRenew(listener: (at: Instant) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

/** Where every write is made by the one process that answers, nothing can be missed. */
export const permanentLease: Lease = { isCurrent: () => true, ageMs: () => 0, onRenew: () => () => {} };
