import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { Deadline } from "./deadline.ts";

test("a deadline expires once, however often it was moved", async () => {
  const started = performance.now();
  const ends: number[] = [];
  const deadline = new Deadline(() => ends.push(performance.now() - started));
  deadline.start(5);
  deadline.start(1000);
  deadline.start(30);
  await wait(70);
  assert.equal(ends.length, 1);
  assert.ok(ends[0]! >= 30, `expired after ${ends[0]} ms`);
  deadline.start(1);
  await wait(20);
  assert.equal(ends.length, 2);
});

test("a deadline that was stopped or closed does not expire", async () => {
  let expired = 0;
  const deadline = new Deadline(() => (expired += 1));
  deadline.start(5);
  deadline.stop();
  await wait(20);
  deadline.start(5);
  deadline.close();
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
  const deadline = new Deadline(() => assert.fail("expired"));
  deadline.start(2 ** 40);
  deadline.close();
  deadline.start(Number.POSITIVE_INFINITY);
  deadline.close();
  assert.deepEqual(delays, [2 ** 31 - 1]);
});
