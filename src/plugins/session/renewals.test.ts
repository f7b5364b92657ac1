import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { START } from "../../../test/helpers/plugins.ts";
import { session as sessionEntity } from "./entities.ts";
import { cookieOf, open } from "./testing.ts";

const AT_ONCE = 200;

for (const storage of ["cookie", "kong", "memory"]) {
  describe(`requests that cross the rolling moment together, storage ${storage}`, () => {
    const config = { storage, idling_timeout: 0 };

    it("are all recognised and given the same one new session", async (t) => {
      const { world, send } = await open(t, config);
      const old = cookieOf(await send({ key: true }));
      world.now = START + 2701;
      const answers = await Promise.all(Array.from({ length: AT_ONCE }, () => send({ cookie: old })));
      assert.ok(answers.every(({ consumer }) => consumer === "coop"));
      const renewed = new Set(answers.map(cookieOf));
      assert.equal(renewed.size, 1);
      const [cookie] = renewed;
      assert.notEqual(cookie, "");
      assert.deepEqual((await send({ cookie })).cookies, []);
      if (storage === "kong") assert.equal((await world.stores.of(sessionEntity).all()).length, 2);
    });

    it("get it too when they come a little later, and their own when they come for another reason", async (t) => {
      const { world, send } = await open(t, config);
      const old = cookieOf(await send({ key: true }));
      const other = cookieOf(await send({ key: true }));
      world.now = START + 2701;
      const renewed = cookieOf(await send({ cookie: old }));
      world.now += 9;
      assert.equal(cookieOf(await send({ cookie: old })), renewed);
      const others = await send({ cookie: other });
      assert.equal(others.consumer, "coop");
      assert.notEqual(cookieOf(others), renewed);
      world.now += 2701;
      const again = await send({ cookie: renewed });
      assert.equal(again.consumer, "coop");
      assert.notEqual(cookieOf(again), renewed);
    });
  });
}

describe("requests that share a renewal", () => {
  it("are touched alike, and again when that is due again", async (t) => {
    const { world, send } = await open(t, { storage: "kong", touch_threshold: 5 });
    const cookie = cookieOf(await send({ key: true }));
    world.now = START + 6;
    const touched = cookieOf(await send({ cookie }));
    assert.equal(cookieOf(await send({ cookie })), touched);
    world.now = START + 12;
    const again = cookieOf(await send({ cookie }));
    assert.ok(again !== "" && again !== touched);
  });

  it("are all told when it fails, and the next one makes it", async (t) => {
    const { world, send } = await open(t, { storage: "kong", idling_timeout: 0 });
    const cookie = cookieOf(await send({ key: true }));
    await send({ cookie });
    world.now = START + 2701;
    // Reading goes on: what fails is the insertion.
    await world.database.execute(
      "CREATE TRIGGER full BEFORE INSERT ON sessions BEGIN SELECT RAISE(ABORT, 'full'); END",
    );
    const failed = await Promise.all(Array.from({ length: 20 }, () => send({ cookie })));
    assert.deepEqual(new Set(failed.map(({ status }) => status)), new Set([503]));
    assert.ok(failed.every(({ cookies }) => cookies.length === 0));
    await world.database.execute("DROP TRIGGER full");
    world.now += 6;
    const renewed = await send({ cookie });
    assert.equal(renewed.consumer, "coop");
    assert.notEqual(cookieOf(renewed), "");
  });
});
