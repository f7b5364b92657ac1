import assert from "node:assert/strict";
import { test } from "node:test";
import { openWorld } from "../../../test/helpers/plugins.ts";
import { closedWhenIdle } from "./idle-close.ts";

test("what handlers hold is released when the last request that uses it has ended", async (t) => {
  const world = await openWorld(t, []);
  const contexts = [(await world.begin()).ctx, (await world.begin()).ctx, (await world.begin()).ctx] as const;
  let released = 0;
  const handlers = closedWhenIdle({ access: () => undefined }, () => released++);
  handlers.access!(contexts[0]);
  handlers.access!(contexts[1]);
  handlers.log!(contexts[0]);
  assert.equal(released, 0, "not closed yet");
  handlers.close!();
  assert.equal(released, 0, "one is under way");
  // One whose access phase was skipped.
  handlers.log!(contexts[2]);
  assert.equal(released, 0);
  handlers.log!(contexts[1]);
  assert.equal(released, 1);
});

test("what nobody uses is released at once", () => {
  let released = 0;
  closedWhenIdle({}, () => released++).close!();
  assert.equal(released, 1);
});
