import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { atTurnEnd, awaitTurnEnd, turnMs } from "./turn.ts";

test("a turn that ends does what was asked for, in its order, and what one step throws at keeps no other from the next turn", (t) => {
  const ends: (() => void)[] = [];
  t.mock.method(globalThis, "setImmediate", (end: () => void) => void ends.push(end));
  const done: string[] = [];
  let isBroken = false;
  atTurnEnd(() => {
    done.push("first");
    // What is asked for while the turn ends is done before it has ended.
    awaitTurnEnd();
    if (isBroken) throw new Error("broken");
  });
  atTurnEnd(() => done.push("second"));

  awaitTurnEnd();
  awaitTurnEnd();
  assert.equal(ends.length, 1);
  ends.pop()!();
  assert.deepEqual(done.splice(0), ["first", "second"]);
  assert.equal(ends.length, 0);

  isBroken = true;
  awaitTurnEnd();
  assert.throws(ends.pop()!, /broken/);
  assert.deepEqual(done.splice(0), ["first"]);
  isBroken = false;
  assert.equal(ends.length, 1, "nothing would be done any more");
  ends.pop()!();
  assert.deepEqual(done.splice(0), ["first", "second"]);
});

test("the clock of a turn stands still until its end", async () => {
  const started = turnMs();
  for (const end = Date.now() + 20; Date.now() < end; );
  assert.equal(turnMs(), started);
  await turn();
  const now = turnMs();
  assert.ok(now >= started + 20 && now <= Date.now());
});
