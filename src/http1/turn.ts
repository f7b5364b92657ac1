/** What is done at the end of each turn, in this order. */
const steps: (() => void)[] = [];
let isAwaited = false;
let nowMs = 0;
let isKnown = false;

/** Have this done at the end of every turn of the event loop that `awaitTurnEnd` was called in, behind what was asked for before. */
export function atTurnEnd(step: () => void): void {
  steps.push(step);
}

/** There is something to do at the end of this turn: once all that has come was read, before anything more is. */
export function awaitTurnEnd(): void {
  if (isAwaited) return;
  isAwaited = true;
  setImmediate(endTurn);
}

function endTurn(): void {
  let isDone = false;
  try {
    for (let i = 0; i < steps.length; i += 1) steps[i]!();
    isDone = true;
  } finally {
    isAwaited = false;
    isKnown = false;
    // What one of them has thrown at is lost; the others follow.
    if (!isDone) awaitTurnEnd();
  }
}

/**
 * Milliseconds since the epoch, read once in each turn of the event loop: a turn is short, and to read the system's clock takes longer than
 * what is done with it. Not for what must hold to the millisecond, as a lease.
 */
export function turnMs(): number {
  if (!isKnown) {
    isKnown = true;
    nowMs = Date.now();
    awaitTurnEnd();
  }
  return nowMs;
}
