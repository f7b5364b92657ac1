import assert from "node:assert/strict";
import { test } from "node:test";
import { Turns } from "./turns.ts";

test("turns are given in the order in which they were asked for", async () => {
  const turns = new Turns({ count: 2, timeoutMs: 60_000 });
  assert.deepEqual([turns.take(), turns.take()], [true, true]);
  const got: string[] = [];
  const waiting = ["a", "b", "c"].map(async (name) => {
    assert.equal(await turns.take(), true);
    got.push(name);
    turns.give();
  });
  await new Promise(setImmediate);
  assert.deepEqual(got, []);
  turns.give();
  await Promise.all(waiting);
  assert.deepEqual(got, ["a", "b", "c"]);
  turns.give();
  assert.deepEqual([turns.take(), turns.take()], [true, true]);
});

test("who has waited for too long is out of the queue", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const turns = new Turns({ count: 1, timeoutMs: 50 });
  assert.equal(turns.take(), true);
  const late = turns.take();
  t.mock.timers.tick(30);
  const later = turns.take();
  t.mock.timers.tick(20);
  assert.equal(await late, false);
  turns.give();
  assert.equal(await later, true);
});
