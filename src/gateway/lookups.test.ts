import assert from "node:assert/strict";
import { test } from "node:test";
import { type Change, type ChangeListener, consumer, route, type Stores } from "../entities/index.ts";
import { createLookups } from "./lookups.ts";

/** Stores of one consumer table, whose reads are answered when the test says so. */
function slowStores() {
  const rows = new Map<string, object>();
  const reads: (() => void)[] = [];
  let listener: ChangeListener = () => {};
  let reset = () => {};
  const lease = { isHeld: true };
  const select = ({ username }: { username?: string }) =>
    new Promise((resolve) => {
      const found = rows.get(username ?? "");
      reads.push(() => resolve(found));
    });
  const stores = {
    of: () => ({ select }),
    onChange: (heard: ChangeListener) => {
      listener = heard;
      return () => {};
    },
    onReset: (heard: () => void) => {
      reset = heard;
      return () => {};
    },
    lease: { isCurrent: () => lease.isHeld, onRenew: () => () => {} },
  } as unknown as Stores;
  return { stores, rows, reads, lease, reset: () => reset(), tell: (change: object) => listener([change as Change]) };
}

test("an answer that was asked for before a change and comes after it is not kept", async () => {
  const { stores, rows, reads, tell } = slowStores();
  const lookups = createLookups(stores);
  const early = lookups.find(consumer, "username", "fiona");
  const fiona = { id: "1", username: "fiona" };
  rows.set("fiona", fiona);
  await tell({ entity: "consumers", operation: "create", row: fiona });
  reads.shift()!();
  assert.equal(await early, undefined);
  const late = lookups.find(consumer, "username", "fiona");
  reads.shift()!();
  assert.deepEqual(await late, fiona);
});

test("that a row is absent is not remembered of an entity whose creations are not told", async () => {
  const { stores, rows, reads } = slowStores();
  const lookups = createLookups(stores);
  const secret = { ...consumer, unannounced: true } as const;
  const absent = lookups.find(secret, "username", "fiona");
  reads.shift()!();
  assert.equal(await absent, undefined);
  const fiona = { id: "1", username: "fiona" };
  rows.set("fiona", fiona);
  const found = lookups.find(secret, "username", "fiona");
  reads.shift()!();
  assert.equal(await found, fiona);
  assert.equal(lookups.find(secret, "username", "fiona"), fiona);
});

test("a change forgets what the row is and was an answer to, and nothing else", async () => {
  const { stores, rows, reads, tell } = slowStores();
  const lookups = createLookups(stores);
  const [fiona, shrek] = [
    { id: "1", username: "fiona" },
    { id: "2", username: "shrek" },
  ];
  rows.set("fiona", fiona).set("shrek", shrek);
  for (const name of ["fiona", "shrek", "princess"]) {
    const found = lookups.find(consumer, "username", name);
    reads.shift()!();
    await found;
  }
  const princess = { id: "1", username: "princess" };
  rows.delete("fiona");
  rows.set("princess", princess);
  await tell({ entity: "consumers", operation: "update", row: princess, old: fiona });
  assert.equal(lookups.find(consumer, "username", "shrek"), shrek, "answered from memory, without a promise");
  for (const [name, row] of [
    ["fiona", undefined],
    ["princess", princess],
  ] as const) {
    const found = lookups.find(consumer, "username", name);
    reads.shift()!();
    assert.equal(await found, row);
  }
});

test("a text that no row can have is not asked for", () => {
  const { stores, reads } = slowStores();
  const lookups = createLookups(stores);
  for (const text of ["", "a\0b", "\ud800"]) assert.equal(lookups.find(consumer, "username", text), undefined);
  assert.equal(lookups.find(consumer, "id", "../../etc/passwd"), undefined);
  assert.equal(reads.length, 0);
});

test("what was asked for by a long text is not remembered", async () => {
  const { stores, reads } = slowStores();
  const lookups = createLookups(stores);
  for (const count of [1, 2]) {
    const found = lookups.find(consumer, "username", "x".repeat(2000));
    assert.equal(reads.length, count);
    reads.at(-1)!();
    assert.equal(await found, undefined);
  }
});

test("while other nodes may have changed a row, the store is asked for it", async () => {
  const { stores, rows, reads, lease } = slowStores();
  const lookups = createLookups(stores);
  const fiona = { id: "1", username: "fiona" };
  rows.set("fiona", fiona);
  const first = lookups.find(consumer, "username", "fiona");
  reads.shift()!();
  await first;
  assert.equal(lookups.watch(consumer, "username", "fiona")?.row, fiona);
  lease.isHeld = false;
  assert.equal(lookups.watch(consumer, "username", "fiona")?.row, undefined);
  rows.delete("fiona");
  const second = lookups.find(consumer, "username", "fiona");
  reads.shift()!();
  assert.equal(await second, undefined);
});

test("what may have been missed is forgotten, and so is what was asked for before", async () => {
  const { stores, rows, reads, reset } = slowStores();
  const lookups = createLookups(stores);
  const fiona = { id: "1", username: "fiona" };
  rows.set("fiona", fiona);
  const early = lookups.find(consumer, "username", "fiona");
  reset();
  reads.shift()!();
  assert.equal(await early, fiona);
  assert.equal(lookups.watch(consumer, "username", "fiona")?.row, undefined);
});

test("who watches a row learns that it may have been missed", async () => {
  const { stores, rows, reads, reset } = slowStores();
  const lookups = createLookups(stores);
  const fiona = { id: "1", username: "fiona" };
  rows.set("fiona", fiona);
  const found = lookups.find(consumer, "username", "fiona");
  reads.shift()!();
  await found;
  const watched = lookups.watch(consumer, "username", "fiona");
  assert.equal(watched?.row, fiona);
  reset();
  assert.equal(watched?.row, undefined);
});

test("memory alone is never a reason to ask", () => {
  const { stores, reads } = slowStores();
  assert.equal(createLookups(stores).watch(consumer, "username", "fiona"), undefined);
  assert.equal(reads.length, 0);
});

test("rows that refer to another stand in for a store that fails, for as long as the caller says", async () => {
  let isDown = false;
  let ageMs = 0;
  const page = () => {
    if (isDown) throw new Error("down");
    return { data: [{ id: "1" }] };
  };
  const stores = {
    of: () => ({ page }),
    onChange: () => () => {},
    onReset: () => () => {},
    lease: { isCurrent: () => ageMs < 100, ageMs: () => ageMs, onRenew: () => () => {} },
  } as unknown as Stores;
  const lookups = createLookups(stores);
  const ask = (id: string, staleSeconds?: number) => lookups.children(route, "service", id, staleSeconds);
  assert.deepEqual(await ask("a", 10), [{ id: "1" }]);
  isDown = true;
  assert.deepEqual(await ask("a"), [{ id: "1" }], "it is still known");
  ageMs = 9000;
  assert.throws(() => ask("a"), /down/);
  assert.throws(() => ask("b", 10), /down/);
  assert.deepEqual(await ask("a", 10), [{ id: "1" }]);
});
