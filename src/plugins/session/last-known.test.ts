import assert from "node:assert/strict";
import { test } from "node:test";
import { memoryStorage } from "../../session/index.ts";
import { lastKnownStorage } from "./last-known.ts";

function open() {
  const inner = memoryStorage();
  const state = { isDown: false };
  const up = () => {
    if (state.isDown) throw new Error("down");
    return inner;
  };
  const storage = lastKnownStorage(
    {
      get: (name, key, now) => up().get(name, key, now),
      set: (name, key, value, write) => up().set(name, key, value, write),
      delete: (name, key) => up().delete(name, key),
    },
    60,
  );
  return { state, storage };
}

test("what was read or written stands in for a storage that fails, for its time", async () => {
  const { state, storage } = open();
  await storage.set("s", "written", "a", { now: 1000, ttl: 900 });
  await storage.set("s", "read", "b", { now: 900, ttl: 900 });
  assert.equal(storage.get("s", "read", 1010), "b");
  state.isDown = true;
  assert.equal(storage.get("s", "written", 1060), "a");
  assert.throws(() => storage.get("s", "written", 1061), /down/);
  assert.equal(storage.get("s", "read", 1070), "b");
  assert.throws(() => storage.get("s", "never seen", 1000), /down/);
});

test("what is known to be as it was counts from the last moment at which it was known", async () => {
  const { state, storage } = open();
  await storage.set("s", "visited", "a", { now: 1000, ttl: 900 });
  let isStored = true;
  const confirm = storage.confirmedBy(() => isStored, "s", "visited");
  assert.equal(confirm(1050), true);
  isStored = false;
  assert.equal(confirm(1090), false);
  state.isDown = true;
  assert.equal(storage.get("s", "visited", 1110), "a");
  assert.throws(() => storage.get("s", "visited", 1111), /down/);
});

test("what is known to be over does not come back", async () => {
  const { state, storage } = open();
  await storage.set("s", "ended", "a", { now: 1000, ttl: 900 });
  await storage.delete("s", "ended", 1001);
  await storage.set("s", "short", "b", { now: 1000, ttl: 5 });
  await storage.set("s", "old", "c", { now: 1000, ttl: 900 });
  await storage.set("s", "new", "d", { now: 1000, ttl: 900, replaces: "old", stale_ttl: 10 });
  state.isDown = true;
  assert.throws(() => storage.get("s", "ended", 1002), /down/);
  assert.throws(() => storage.get("s", "short", 1006), /down/);
  assert.equal(storage.get("s", "old", 1010), "c");
  assert.throws(() => storage.get("s", "old", 1011), /down/);
  assert.equal(storage.get("s", "new", 1011), "d");
});

test("what cannot be written or deleted is not claimed to be", async () => {
  const { state, storage } = open();
  await storage.set("s", "k", "a", { now: 1000, ttl: 900 });
  state.isDown = true;
  assert.throws(() => storage.set("s", "k", "b", { now: 1000, ttl: 900 }), /down/);
  assert.throws(() => storage.delete("s", "k", 1000), /down/);
  assert.equal(storage.get("s", "k", 1000), "a");
});
