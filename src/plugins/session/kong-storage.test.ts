import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, it, type TestContext } from "node:test";
import { openWorld, START } from "../../../test/helpers/plugins.ts";
import { session as sessionEntity, sessionMetadata } from "./entities.ts";
import { session } from "./index.ts";
import { kongStorage } from "./kong-storage.ts";

const key = (text: string) => text.padEnd(43, "_");

async function open(t: TestContext) {
  const world = await openWorld(t, [session]);
  const storage = kongStorage(world.services.lookups);
  const rows = () => world.stores.of(sessionEntity).all();
  return { world, storage, rows, metadata: () => world.stores.of(sessionMetadata).all() };
}

describe("the storage over the gateway's database", () => {
  it("writes rows as Kong does", async (t) => {
    const { storage, rows } = await open(t);
    await storage.set("session", key("a"), '["x"]', { now: START, ttl: 3600 });
    const [row] = await rows();
    const { id, ttl, ...rest } = row!;
    assert.match(id, /^[0-9a-f-]{36}$/);
    assert.equal(ttl, 3600);
    assert.deepEqual(rest, { session_id: key("a"), data: '["x"]', expires: START + 3600, created_at: START });
  });

  it("finds a row at once, without a promise, and does not find what is not there", async (t) => {
    const { storage } = await open(t);
    assert.equal(storage.get("session", key("a"), START), undefined);
    await storage.set("session", key("a"), "x", { now: START, ttl: 10 });
    assert.equal(storage.get("session", key("a"), START), "x");
    assert.equal(storage.get("other", key("a"), START), "x", "the cookie's name is no part of the key");
  });

  it("reads a row up to and including its last second", async (t) => {
    const { world, storage } = await open(t);
    await storage.set("session", key("a"), "x", { now: START, ttl: 10 });
    for (const [second, value] of [
      [10, "x"],
      [11, undefined],
    ] as const) {
      world.now = START + second + 0.9;
      assert.equal(storage.get("session", key("a"), START + second), value, "from memory or not");
      assert.equal(kongStorage(world.services.lookups).get("session", key("a"), START + second), value);
    }
  });

  it("lets a replaced row live on for stale_ttl, and never longer than it would have", async (t) => {
    const { world, storage, rows } = await open(t);
    const expiry = async (name: string) => (await rows()).find(({ session_id }) => session_id === key(name))?.expires;
    await storage.set("session", key("a"), "x", { now: START, ttl: 3600 });
    await storage.set("session", key("b"), "y", { now: START, ttl: 3600, replaces: key("a"), stale_ttl: 10 });
    assert.equal(await expiry("a"), START + 10);
    world.now = START + 5;
    await storage.set("session", key("c"), "z", { now: START + 5, ttl: 3600, replaces: key("a"), stale_ttl: 10 });
    assert.equal(await expiry("a"), START + 10);
    world.now = START + 11;
    assert.equal(storage.get("session", key("a"), START + 11), undefined);
    assert.equal(storage.get("session", key("c"), START + 11), "z");
  });

  it("lets a replaced row live on for stale_ttl whole seconds, however late in its second it is replaced", async (t) => {
    const { world, storage } = await open(t);
    await storage.set("session", key("a"), "x", { now: START, ttl: 3600 });
    world.now = START + 5.9;
    await storage.set("session", key("b"), "y", { now: START + 5, ttl: 3600, replaces: key("a"), stale_ttl: 1 });
    for (const [time, value] of [
      [6.1, "x"],
      [6.8, "x"],
      [6.95, undefined],
    ] as const) {
      world.now = START + time;
      assert.equal(storage.get("session", key("a"), START + 6), value, `${time}`);
    }
  });

  it("ends a replaced row at once when stale_ttl is 0", async (t) => {
    const { storage } = await open(t);
    await storage.set("session", key("a"), "x", { now: START, ttl: 3600 });
    await storage.set("session", key("b"), "y", { now: START, ttl: 3600, replaces: key("a"), stale_ttl: 0 });
    assert.equal(storage.get("session", key("a"), START), undefined);
  });

  it("takes a row that is gone for replaced, and for deleted", async (t) => {
    const { storage, rows } = await open(t);
    await storage.set("session", key("b"), "y", { now: START, ttl: 60, replaces: key("a"), stale_ttl: 10 });
    await storage.delete("session", key("a"), START);
    assert.equal((await rows()).length, 1);
    await storage.delete("session", key("b"), START);
    assert.equal(storage.get("session", key("b"), START), undefined);
  });

  it("keeps every one of many logins and renewals that come at once", async (t) => {
    const { storage, rows } = await open(t);
    const keys = Array.from({ length: 64 }, () => randomBytes(32).toString("base64url"));
    await Promise.all(keys.map((name) => storage.set("session", name, name, { now: START, ttl: 60 })));
    for (const name of keys) assert.equal(storage.get("session", name, START), name);
    const renewed = Array.from({ length: 64 }, () => randomBytes(32).toString("base64url"));
    const write = { now: START, ttl: 60, replaces: keys[0]!, stale_ttl: 10 };
    await Promise.all(renewed.map((name) => storage.set("session", name, name, write)));
    assert.equal((await rows()).length, 128);
    await Promise.all([...keys, ...keys].map((name) => storage.delete("session", name, START)));
    assert.deepEqual((await rows()).map(({ session_id }) => session_id).sort(), renewed.sort());
  });

  it("notes whose session it is, until the session is gone", async (t) => {
    const { storage, metadata } = await open(t);
    const indexes = [
      { audience: "YQ", subject: "cw" },
      { audience: "Yg", subject: "cw" },
    ];
    await storage.set("session", key("a"), "x", { now: START, ttl: 60, metadata: indexes });
    const found = (await metadata()).map(({ sid, audience, subject }) => ({ sid, audience, subject }));
    const expected = indexes.map((index) => ({ sid: key("a"), ...index }));
    assert.deepEqual(
      found.sort((a, b) => (a.audience! < b.audience! ? -1 : 1)),
      expected,
    );
    await storage.delete("session", key("a"), START, indexes);
    assert.deepEqual(await metadata(), []);
  });

  it("keeps no session whose metadata cannot be written", async (t) => {
    const { storage, rows } = await open(t);
    const write = { now: START, ttl: 60, metadata: [{ audience: "YQ", subject: "a null: \0" }] };
    await assert.rejects(async () => storage.set("session", key("a"), "x", write), { code: 2 });
    assert.deepEqual(await rows(), []);
  });

  it("fails when the database does", async (t) => {
    const { world, storage } = await open(t);
    await world.database.execute("ALTER TABLE sessions RENAME TO away");
    assert.throws(() => storage.get("session", key("a"), START), { code: "ERR_DATABASE_FAILED" });
    await assert.rejects(async () => storage.set("session", key("a"), "x", { now: START, ttl: 60 }));
    await assert.rejects(async () => storage.delete("session", key("a"), START));
  });
});
