import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { Timed } from "./timed.ts";

class Waiting extends Timed {
  readonly #call: () => void;

  constructor(call: () => void) {
    super();
    this.#call = call;
  }

  protected expired(): void {
    this.#call();
  }

  override releaseTimer(): void {
    super.releaseTimer();
  }
}

test("a deadline expires once, however often it was moved", async () => {
  const started = performance.now();
  const ends: number[] = [];
  const deadline = new Waiting(() => ends.push(performance.now() - started));
  deadline.expireIn(5);
  deadline.expireIn(1000);
  deadline.expireIn(30);
  await wait(70);
  assert.equal(ends.length, 1);
  assert.ok(ends[0]! >= 30, `expired after ${ends[0]} ms`);
  deadline.expireIn(1);
  await wait(20);
  assert.equal(ends.length, 2);
});

test("a deadline that was stopped or closed does not expire", async () => {
  let expired = 0;
  const deadline = new Waiting(() => (expired += 1));
  deadline.expireIn(5);
  deadline.neverExpire();
  await wait(20);
  deadline.expireIn(5);
  deadline.releaseTimer();
  await wait(20);
  assert.equal(expired, 0);
});

test("a deadline beyond what timers can wait, or never, does not fire early", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const delays: number[] = [];
  const setTimer = globalThis.setTimeout;
  t.mock.method(globalThis, "setTimeout", (call: () => void, ms: number, ...args: []) => {
    delays.push(ms);
    return setTimer(call, ms, ...args);
  });
  const deadline = new Waiting(() => assert.fail("expired"));
  deadline.expireIn(2 ** 40);
  deadline.releaseTimer();
  deadline.expireIn(Number.POSITIVE_INFINITY);
  deadline.releaseTimer();
  assert.deepEqual(delays, [2 ** 31 - 1]);
});
