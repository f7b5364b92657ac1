let nowMs = 0;
let isKnown = false;

function forget(): void {
  isKnown = false;
}

/**
 * Milliseconds since the epoch, read once in each turn of the event loop: a turn is short, and to read the system's clock takes longer than
 * what is done with it. Not for what must hold to the millisecond, as a lease.
 */
export function turnMs(): number {
  if (!isKnown) {
    isKnown = true;
    nowMs = Date.now();
    setImmediate(forget);
  }
  return nowMs;
}
