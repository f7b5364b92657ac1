import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { openStores, START } from "../../../test/helpers/plugins.ts";
import { type Lease, revocationKey, sessionRevocation } from "../../entities/index.ts";
import { createLookups } from "../../gateway/index.ts";
import { session } from "./index.ts";
import { cutOffsOf, Revocations } from "./revocations.ts";

/** A deny list on a database of its own; `trust.isCurrent` says whether memory counts. */
async function open(
  t: TestContext,
  before: (add: (key: string, more?: object) => Promise<unknown>) => unknown = () => {},
) {
  const trust = { isCurrent: true };
  const lease: Lease = { isCurrent: () => trust.isCurrent, ageMs: () => 0, onRenew: () => () => {} };
  const { database, stores } = await openStores({ plugins: [session], now: () => START, lease });
  const lookups = createLookups(stores);
  t.after(() => {
    lookups.close();
    return database.close();
  });
  const store = stores.of(sessionRevocation);
  const add = (key: string, more: object = {}) => store.insert({ key, expires: START + 100, ttl: 101, ...more });
  await before(add);
  return { database, stores, store, add, trust, revocations: new Revocations(lookups) };
}

const accused = (lineage: string, since = START) => ({ lineage, since, cutOffs: cutOffsOf("c", "aud", "sub") });

test("what was revoked before is known at once, when it is all on one page", async (t) => {
  const { revocations } = await open(t, (add) => add(revocationKey({ lineage: "a" })));
  assert.equal(revocations.recall(accused("a"), START), true);
  assert.equal(revocations.recall(accused("b"), START), false);
});

test("a long list is read page by page, and until then the database is asked", async (t) => {
  const { revocations } = await open(t, async (add) => {
    for (let i = 0; i < 2500; i++) await add(revocationKey({ lineage: `x${i}` }));
  });
  assert.equal(revocations.recall(accused("x7"), START), undefined);
  assert.deepEqual(
    await Promise.all(["x7", "x2499", "y"].map((lineage) => revocations.denial(accused(lineage), START))),
    ["revoked", "revoked", undefined],
  );
  while (revocations.recall(accused("x7"), START) === undefined) await new Promise(setImmediate);
  assert.equal(revocations.size, 2500);
  assert.equal(revocations.recall(accused("x2499"), START), true);
});

test("a change is known when it is committed, and memory does not count while changes may be missing", async (t) => {
  const { revocations, add, trust } = await open(t);
  await add(revocationKey({ lineage: "a" }));
  assert.equal(revocations.denial(accused("a"), START), "revoked");
  trust.isCurrent = false;
  assert.equal(revocations.recall(accused("a"), START), undefined);
  assert.equal(await revocations.denial(accused("a"), START), "revoked");
  assert.equal(await revocations.denial(accused("b"), START), undefined);
});

test("changes that were missed are read again", async (t) => {
  const { database, stores, revocations } = await open(t);
  // Behind everybody's back, as another node's change that was not heard of.
  await database.execute(`INSERT INTO session_revocations (id, key, expires, created_at, ttl) VALUES (?, ?, ?, ?, ?)`, [
    "00000000-0000-4000-8000-000000000001",
    "lineage:a",
    START + 100,
    START,
    START + 100,
  ]);
  assert.equal(revocations.recall(accused("a"), START), false);
  await stores.reset();
  assert.equal(revocations.recall(accused("a"), START), true);
});

test("a list that cannot be read is asked for again", async (t) => {
  const { database, stores, add, revocations } = await open(t);
  await add(revocationKey({ lineage: "a" }));
  await database.execute("ALTER TABLE session_revocations RENAME TO away");
  await stores.reset();
  await assert.rejects(async () => revocations.denial(accused("a"), START));
  assert.equal(revocations.lastKnown(accused("a"), START), "revoked");
  await database.execute("ALTER TABLE away RENAME TO session_revocations");
  assert.equal(await revocations.denial(accused("a"), START + 2), "revoked");
  assert.equal(revocations.recall(accused("b"), START + 2), false);
});

test("times count for logins before them, up to their end", async (t) => {
  const { revocations, add, trust } = await open(t);
  await add(revocationKey({ subject: "sub" }), { before: START });
  for (const isCurrent of [true, false]) {
    trust.isCurrent = isCurrent;
    assert.equal(await revocations.denial(accused("a", START - 1), START), "revoked");
    assert.equal(await revocations.denial(accused("a", START), START), undefined);
    assert.equal(await revocations.denial(accused("a", START - 1), START + 101), undefined);
  }
});

test("a lineage is written down once, for its time", async (t) => {
  const { revocations, store } = await open(t);
  await revocations.revoke("a", 50, START);
  await revocations.revoke("a", 50, START + 1);
  const rows = await store.all();
  assert.deepEqual(
    rows.map(({ key, expires }) => [key, expires]),
    [["lineage:a", START + 50]],
  );
  assert.equal(revocations.recall(accused("a"), START + 50), true);
  assert.equal(revocations.recall(accused("a"), START + 51), false);
});

test("what made room for a newer login is told apart, from memory and from the database", async (t) => {
  const { revocations, trust, store } = await open(t, (add) => add(revocationKey({ replaced: "old" })));
  await revocations.revoke("a", 50, START, "replaced");
  await revocations.revoke("b", 50, START);
  const denials = () => Promise.all(["old", "a", "b", "c"].map((name) => revocations.denial(accused(name), START)));
  for (const isCurrent of [true, false]) {
    trust.isCurrent = isCurrent;
    assert.deepEqual(await denials(), ["replaced", "replaced", "revoked", undefined]);
  }
  trust.isCurrent = true;
  assert.equal(revocations.recall(accused("a"), START), true);
  await revocations.revoke("a", 50, START);
  assert.deepEqual([...revocations.denied].map(({ key }) => key).sort(), ["lineage:b", "replaced:a", "replaced:old"]);
  assert.equal((await store.all()).length, 3);
  assert.equal(await revocations.denial(accused("a"), START + 51), undefined);
});

test("what has run out does not stay in memory", async (t) => {
  const { revocations, add } = await open(t);
  revocations.recall(accused("a"), START);
  for (let i = 0; i < 1999; i++) await add(revocationKey({ lineage: `x${i}` }));
  assert.equal(revocations.size, 1999);
  revocations.recall(accused("a"), START + 200);
  await add(revocationKey({ lineage: "last" }), { expires: START + 300, ttl: 301 });
  assert.equal(revocations.size, 1);
});
