import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { createStores, openSqlite } from "../database/index.ts";
import { createMasker } from "../log.ts";
import { plugins } from "../plugins/index.ts";
import { followRows } from "./follow-rows.ts";
import { maskConfiguredNames } from "./secret-names.ts";

async function openStores(t: TestContext) {
  const database = openSqlite({ file: ":memory:" });
  t.after(() => database.close());
  return createStores(database, { plugins });
}

test("rows are those of the database, at first and after every change", async (t) => {
  const stores = await openStores(t);
  const consumers = stores.named("consumers")!;
  await consumers.insert({ username: "a" });
  const seen: string[] = [];
  const stop = await followRows(stores, ["consumers"], (rows) => {
    seen.push([...rows.get("consumers")!.values()].map((row) => row["username"]).join());
  });
  await consumers.insert({ username: "b" });
  await consumers.update({ username: "b" }, { username: "c" });
  await consumers.delete({ username: "a" });
  stop();
  await consumers.insert({ username: "d" });
  assert.deepEqual(seen, ["a", "a,b", "a,c", "c"]);
});

test("changes that come while the rows are read are not lost, and bring nothing back", async (t) => {
  const stores = await openStores(t);
  const consumers = stores.named("consumers")!;
  await consumers.insert({ username: "old" });
  await consumers.insert({ username: "gone" });
  // Reads that take long: what they saw is delivered after the changes.
  const slow = {
    onChange: stores.onChange.bind(stores),
    onReset: stores.onReset.bind(stores),
    named: (name: string) => ({
      ...stores.named(name)!,
      async all() {
        const rows = await stores.named(name)!.all();
        await consumers.insert({ username: "new" });
        await consumers.delete({ username: "gone" });
        return rows;
      },
    }),
  } as unknown as typeof stores;
  const seen: string[][] = [];
  await followRows(slow, ["consumers"], (rows) => {
    seen.push([...rows.get("consumers")!.values()].map((row) => String(row["username"])).sort());
  });
  assert.deepEqual(seen, [["new", "old"]]);
});

test("names that plugins take secrets from are masked as long as they are configured", async (t) => {
  const stores = await openStores(t);
  const rows = stores.named("plugins")!;
  const masker = createMasker();
  await rows.insert({ name: "key-auth", config: { key_names: ["x-house"] } });
  await maskConfiguredNames(masker, stores);
  assert.equal(masker.target("/?x-house=1&x-door=2"), "/?x-house=******&x-door=2");
  const door = await rows.insert({ name: "session", config: { cookie_name: "x-door" } });
  assert.equal(masker.target("/?x-house=1&x-door=2"), "/?x-house=******&x-door=******");
  await rows.delete({ id: door.id });
  assert.equal(masker.target("/?x-house=1&x-door=2"), "/?x-house=******&x-door=2");
});
