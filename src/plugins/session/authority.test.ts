import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { START } from "../../../test/helpers/plugins.ts";
import { createSessions } from "../../session/index.ts";
import { ownerOf, sessionData } from "./owner.ts";
import { cookieOf, open, someone } from "./testing.ts";

async function openWithPass(t: TestContext, config: object = {}) {
  const { world, send } = await open(t, config);
  const row = await world.add("passes", { consumer: { id: someone.id }, word: "sesame", note: "first" });
  const passes = world.stores.named("passes")!;
  return { world, send, passes, key: { id: row.id } };
}

for (const storage of ["cookie", "kong"]) {
  describe(`a session that a credential opened, storage ${storage}`, () => {
    it("ends when the credential is deleted", async (t) => {
      const { send, passes, key } = await openWithPass(t, { storage });
      const cookie = cookieOf(await send({ pass: "sesame" }));
      for (let i = 0; i < 2; i++) assert.equal((await send({ cookie })).consumer, "coop");
      await passes.delete(key);
      assert.equal((await send({ cookie })).consumer, undefined);
    });

    it("ends when the credential is changed, but not when it is annotated", async (t) => {
      const { send, passes, key } = await openWithPass(t, { storage });
      const cookie = cookieOf(await send({ pass: "sesame" }));
      await send({ cookie });
      await passes.update(key, { note: "second" });
      assert.equal((await send({ cookie })).consumer, "coop");
      await passes.update(key, { word: "another" });
      const visit = await send({ cookie });
      assert.deepEqual([visit.consumer, visit.cookies], [undefined, []]);
      const again = await send({ cookie, pass: "another" });
      assert.equal((await send({ cookie: cookieOf(again) })).consumer, "coop", "a new login counts");
    });

    it("is over when the credential is deleted, or changed, while it logs in", async (t) => {
      const { send, passes, key } = await openWithPass(t, { storage });
      const changing = await send({ pass: "sesame", meanwhile: () => passes.update(key, { word: "another" }) });
      assert.equal((await send({ cookie: cookieOf(changing) })).consumer, undefined);
      const deleting = await send({ pass: "another", meanwhile: () => passes.delete(key) });
      assert.equal((await send({ cookie: cookieOf(deleting) })).consumer, undefined);
    });

    it("lives on where it is not to follow", async (t) => {
      const { send, passes, key } = await openWithPass(t, { storage, follow_credential: false });
      const cookie = cookieOf(await send({ pass: "sesame" }));
      await passes.delete(key);
      assert.equal((await send({ cookie })).consumer, "coop");
    });
  });
}

it("a session that was opened by what is no row is not followed", async (t) => {
  const { send } = await openWithPass(t);
  const cookie = cookieOf(await send({ key: true }));
  for (let i = 0; i < 2; i++) assert.equal((await send({ cookie })).consumer, "coop");
});

it("a session of Kong's opens as it is, and is followed from its first renewal on", async (t) => {
  const { world, send, passes, key } = await openWithPass(t, { idling_timeout: 0 });
  const engine = createSessions({ secret: "a secret", release: "4.0" });
  const session = engine.create({});
  session.data = sessionData({ consumerId: someone.id, credentialId: key.id, groups: undefined });
  assert.deepEqual(session.data, [someone.id, key.id]);
  session.subject = "coop";
  const [set] = await session.save(START);
  const cookie = set!.text.split(";", 1)[0]!;
  const visit = await send({ cookie });
  assert.deepEqual([visit.consumer, visit.cookies], ["coop", []]);
  world.now = START + 2701;
  const renewed = await send({ cookie });
  assert.equal(renewed.cookies.length, 1);
  await passes.delete(key);
  assert.equal((await send({ cookie: cookieOf(renewed) })).consumer, undefined);
  assert.equal((await send({ cookie })).consumer, "coop");
});

describe("the data of a session", () => {
  const ids = { consumerId: "c", credentialId: "d" };
  const rows: readonly [owner: Parameters<typeof sessionData>[0], data: unknown][] = [
    [{ ...ids, groups: undefined }, ["c", "d"]],
    [{ ...ids, groups: ["a", "b"] }, ["c", "d", ["a", "b"]]],
    [{ ...ids, groups: undefined, lineage: "l" }, ["c", "d", false, "l"]],
    [{ ...ids, groups: ["a"], lineage: "l", mark: "m" }, ["c", "d", ["a"], "l", "m"]],
    [{ ...ids, groups: undefined, mark: "m" }, ["c", "d", false, false, "m"]],
  ];
  for (const [owner, data] of rows) {
    it(`${JSON.stringify(data)} comes back as it was, and Kong finds its own in it`, () => {
      assert.deepEqual(sessionData(owner), data);
      assert.deepEqual(ownerOf(sessionData(owner)), owner);
    });
  }
  it("of another application is none, or passed over", () => {
    for (const data of [{}, [], [1], ["c", "d", 5, 6, { a: 1 }]]) {
      const owner = ownerOf(data as never);
      assert.deepEqual(owner, data[0 as never] === "c" ? { ...ids, groups: undefined } : undefined);
    }
  });
});
