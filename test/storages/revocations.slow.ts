import assert from "node:assert/strict";
import { test } from "node:test";
import { createStores, openSqlite } from "../../src/database/index.ts";
import { createLookups } from "../../src/gateway/index.ts";
import { plugins } from "../../src/plugins/index.ts";
import { cutOffsOf, Revocations } from "../../src/plugins/session/revocations.ts";

const COUNT = 1_000_000;
const now = Math.floor(Date.now() / 1000);
const lineageOf = (index: number) => `tabcde.${index.toString(36).padStart(16, "_")}`;

test("a deny list of a million lineages is read without holding up requests, and checked in no time", async (t) => {
  const database = openSqlite({ file: ":memory:" });
  const stores = await createStores(database, { plugins });
  await database.transaction(async (tx) => {
    const sql = `INSERT INTO session_revocations (id, key, expires, created_at, ttl) VALUES (?, ?, ?, ?, ?)`;
    for (let i = 0; i < COUNT; i++) {
      const id = `00000000-0000-4000-8000-${i.toString(16).padStart(12, "0")}`;
      await tx.execute(sql, [id, `lineage:${lineageOf(i)}`, now + 86_400, now, now + 86_400]);
    }
  });
  const lookups = createLookups(stores);
  t.after(() => {
    lookups.close();
    return database.close();
  });

  const before = process.memoryUsage().heapUsed;
  const startMs = performance.now();
  const revocations = new Revocations(lookups);
  const innocent = { lineage: "tabcde.none", since: now, cutOffs: cutOffsOf("c", "default", "coop") };
  let longestMs = 0;
  while (revocations.recall(innocent, now) === undefined) {
    const turnMs = performance.now();
    await new Promise(setImmediate);
    longestMs = Math.max(longestMs, performance.now() - turnMs);
  }
  const loadMs = performance.now() - startMs;
  assert.equal(revocations.size, COUNT);

  const checks = 1_000_000;
  const accused = Array.from({ length: 1000 }, (_, i) => ({ ...innocent, lineage: lineageOf(i * 997) }));
  const checkMs = performance.now();
  let found = 0;
  for (let i = 0; i < checks; i++) if (revocations.recall(accused[i % 1000]!, now)) found++;
  const nsPerCheck = ((performance.now() - checkMs) * 1e6) / checks;
  assert.equal(found, checks);

  const megabytes = (process.memoryUsage().heapUsed - before) / 2 ** 20;
  t.diagnostic(
    `${COUNT} lineages: read in ${loadMs.toFixed(0)} ms, requests waited ${longestMs.toFixed(1)} ms at most, ` +
      `${megabytes.toFixed(0)} MB of heap, ${nsPerCheck.toFixed(0)} ns for a check`,
  );
  assert.ok(nsPerCheck < 10_000);
  assert.ok(longestMs < 500);
});
