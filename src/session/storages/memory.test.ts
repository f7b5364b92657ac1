import assert from "node:assert/strict";
import { test } from "node:test";
import { memoryStorage } from "./memory.ts";

const of = { audience: "aud", subject: "sub" };

test("a record is there until the second it expires, that second included", () => {
  const storage = memoryStorage();
  storage.set("session", "a", "text", { now: 100, ttl: 10 });
  assert.equal(storage.get("session", "a", 110), "text");
  assert.equal(storage.get("session", "a", 111), undefined);
  assert.equal(storage.get("remember", "a", 100), undefined);
});

test("a replaced record lives stale_ttl longer, or what was left if that is less", () => {
  const storage = memoryStorage();
  storage.set("session", "long", "1", { now: 100, ttl: 1000 });
  storage.set("session", "short", "2", { now: 100, ttl: 5 });
  storage.set("session", "b", "3", { now: 100, ttl: 1000, replaces: "long", stale_ttl: 10 });
  storage.set("session", "c", "4", { now: 100, ttl: 1000, replaces: "short", stale_ttl: 10 });
  storage.set("session", "d", "5", { now: 100, ttl: 1000, replaces: "unknown", stale_ttl: 10 });
  assert.equal(storage.get("session", "long", 110), "1");
  assert.equal(storage.get("session", "long", 111), undefined);
  assert.equal(storage.get("session", "short", 106), undefined);
});

test("the index knows what lives, and a rewritten record stays in it", () => {
  const storage = memoryStorage();
  const list = (now: number) => [...storage.list("session", of, now)];
  assert.deepEqual(list(100), []);
  storage.set("session", "a", "1", { now: 100, ttl: 10, metadata: [of] });
  storage.set("session", "b", "2", { now: 100, ttl: 20, metadata: [of] });
  storage.set("session", "b", "3", { now: 105, ttl: 25 });
  assert.deepEqual(list(110), [
    ["a", 110],
    ["b", 130],
  ]);
  assert.deepEqual(list(111), [["b", 130]]);
  storage.set("session", "c", "4", { now: 111, ttl: 10, replaces: "b", stale_ttl: 5, metadata: [of] });
  assert.deepEqual(list(111), [["c", 121]]);
  storage.delete("session", "c");
  storage.delete("session", "c");
  assert.deepEqual(list(112), []);
});

test("no more than the configured number is kept: the expired go first, then the oldest", () => {
  const storage = memoryStorage({ maxRecords: 10 });
  storage.set("session", "kept", "x", { now: 0, ttl: 1000 });
  for (let key = 0; key < 9; key++) storage.set("session", `short${key}`, "x", { now: 0, ttl: 1, metadata: [of] });
  storage.set("session", "new", "x", { now: 5, ttl: 1000 });
  assert.equal(storage.get("session", "kept", 5), "x");
  for (let key = 0; key < 20; key++) storage.set("session", `n${key}`, "x", { now: 6, ttl: 1000 });
  const left = [...Array(20).keys()].filter((key) => storage.get("session", `n${key}`, 6) !== undefined);
  assert.deepEqual(left, [10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
  assert.equal(storage.get("session", "kept", 6), undefined);
  assert.equal(storage.list("session", of, 0).size, 0);
});
