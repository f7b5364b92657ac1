import assert from "node:assert/strict";
import { test } from "node:test";
import { memoryStorage, type SessionStorage } from "../../session/index.ts";
import { guardedStorage } from "./breaker.ts";

/** A storage that fails as long as it is told to, and counts what it is asked. */
function fragile() {
  const inner = memoryStorage();
  const state = { isDown: false, asked: 0 };
  const through = <T>(work: () => T): Promise<T> => {
    state.asked++;
    return state.isDown ? Promise.reject(new Error("down")) : Promise.resolve(work());
  };
  const storage: SessionStorage = {
    get: (name, key, now) => through(() => inner.get(name, key, now)),
    set: (name, key, value, write) => through(() => inner.set(name, key, value, write)),
    delete: (name, key) => through(() => inner.delete(name, key)),
  };
  return { state, storage };
}

async function fails(work: () => unknown): Promise<string | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

test("a storage that fails five times in a row is left alone for five seconds, then tried by one", async () => {
  const { state, storage } = fragile();
  const guarded = guardedStorage(storage);
  await guarded.set("s", "k", "v", { now: 1000, ttl: 60 });
  state.isDown = true;
  for (let i = 0; i < 5; i++) {
    assert.equal(guarded.retryAfter(1000), 0);
    assert.equal(await fails(() => guarded.get("s", "k", 1000)), "down");
  }
  assert.equal(guarded.retryAfter(1000), 5);
  const { asked } = state;
  assert.match((await fails(() => guarded.get("s", "k", 1004)))!, /failed 5 times in a row: not asked/);
  assert.equal(guarded.retryAfter(1004), 1);
  assert.equal(state.asked, asked, "nobody was sent there");

  const [first, second] = await Promise.all([1, 2].map(() => fails(() => guarded.get("s", "k", 1005))));
  assert.equal(first, "down");
  assert.match(second!, /not asked/);
  assert.equal(state.asked, asked + 1);
  assert.match((await fails(() => guarded.get("s", "k", 1009)))!, /not asked/);

  state.isDown = false;
  assert.equal(await guarded.get("s", "k", 1010), "v");
  assert.equal(guarded.retryAfter(1010), 0);
  assert.deepEqual(await Promise.all([1, 2].map(() => guarded.get("s", "k", 1010))), ["v", "v"]);
});

test("a storage that takes no writes is read all the same", async () => {
  const { state, storage } = fragile();
  const guarded = guardedStorage(storage);
  await guarded.set("s", "k", "v", { now: 1000, ttl: 60 });
  state.isDown = true;
  for (let i = 0; i < 5; i++) await fails(() => guarded.set("s", "other", "v", { now: 1000, ttl: 60 }));
  state.isDown = false;
  assert.equal(await guarded.get("s", "k", 1001), "v");
  assert.match((await fails(() => guarded.delete("s", "k", 1001)))!, /not asked/, "which says nothing about writes");
  assert.equal(guarded.retryAfter(1001), 4);
  await guarded.delete("s", "k", 1005);
  assert.equal(guarded.retryAfter(1005), 0);
});

test("failures with successes between them are borne", async () => {
  const { state, storage } = fragile();
  const guarded = guardedStorage(storage);
  for (let i = 0; i < 20; i++) {
    state.isDown = i % 4 !== 0;
    await fails(() => guarded.delete("s", "k", 1000));
  }
  assert.equal(state.asked, 20);
});

test("a storage that throws at once counts as one that rejects", async () => {
  const guarded = guardedStorage({
    ...memoryStorage(),
    get() {
      throw new Error("thrown");
    },
  });
  for (let i = 0; i < 5; i++) assert.equal(await fails(() => guarded.get("s", "k", 1)), "thrown");
  assert.match((await fails(() => guarded.get("s", "k", 1)))!, /not asked/);
});
