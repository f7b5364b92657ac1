let nowMs = 0;
let isKnown = false;

function forget(): void {
  isKnown = false;
}

/** Milliseconds since the epoch, read once in each turn of the event loop: a turn is short, and the system's clock costs more than it is worth. */
export function turnMs(): number {
  if (!isKnown) {
    isKnown = true;
    nowMs = Date.now();
    setImmediate(forget);
  }
  return nowMs;
}
