import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { openWorld, START, type World } from "../../../test/helpers/plugins.ts";
import { session as sessionEntity } from "./entities.ts";
import { session } from "./index.ts";
import { type Answer, authentication, cookieOf, open, send, someone } from "./testing.ts";

const outOfOrder = (world: World) => world.database.execute("ALTER TABLE sessions RENAME TO away");
const repaired = (world: World) => world.database.execute("ALTER TABLE away RENAME TO sessions");

const refused = { status: 503, cookies: [], retryAfter: "5" };
const outcome = ({ status, cookies, retryAfter }: Answer) => ({ status, cookies, retryAfter });

describe("a session in the cookie", () => {
  it("is made and recognised without waiting for anything", async (t) => {
    const { send } = await open(t, {});
    const login = await send({ key: true });
    assert.deepEqual(login.waited, [false, false]);
    const visit = await send({ cookie: cookieOf(login) });
    assert.deepEqual([visit.consumer, visit.cookies, visit.waited], ["coop", [], [false, false]]);
  });

  it("is found among several Cookie lines and other cookies", async (t) => {
    const { send } = await open(t, {});
    const login = await send({ key: true });
    assert.equal((await send({ cookie: `a=1; ${cookieOf(login)}; b="x"` })).consumer, "coop");
  });

  it("is no matter of the database's health", async (t) => {
    const { world, send } = await open(t, {});
    const login = await send({ key: true });
    await outOfOrder(world);
    assert.equal((await send({ cookie: cookieOf(login) })).consumer, "coop");
  });
});

describe("a session in the database", () => {
  const config = { storage: "kong" };

  it("is committed before its cookie leaves", async (t) => {
    const { world, send } = await open(t, config);
    for (let i = 0; i < 20; i++) {
      const login = await send({ key: true });
      assert.equal(login.waited[1], true);
      assert.equal((await world.stores.of(sessionEntity).all()).length, i + 1);
      assert.equal((await send({ cookie: cookieOf(login) })).consumer, "coop");
    }
  });

  it("survives 64 logins at once, each with the next request behind it", async (t) => {
    const { send } = await open(t, config);
    const visits = await Promise.all(
      Array.from({ length: 64 }, async () => send({ cookie: cookieOf(await send({ key: true })) })),
    );
    assert.ok(visits.every(({ consumer }) => consumer === "coop"));
  });

  it("that cannot be committed gives no cookie, but 503", async (t) => {
    const { world, send } = await open(t, config);
    const login = await send({ key: true, meanwhile: () => outOfOrder(world) });
    assert.deepEqual(outcome(login), refused);
    assert.match(login.body!, /"message":"Sessions are currently unavailable"/);
    assert.match(world.logged.at(-1)!, /^error: session save failed \(unable to store session data\)$/);
    await repaired(world);
    assert.equal((await send({ key: true })).cookies.length, 1);
  });

  it("that cannot be read is not taken for none", async (t) => {
    const { world, send } = await open(t, config);
    const cookie = cookieOf(await send({ key: true }));
    await outOfOrder(world);
    assert.deepEqual(outcome(await send({ cookie })), refused);
    assert.deepEqual(outcome(await send({ cookie: "session=forged" })), {
      ...refused,
      status: 200,
      retryAfter: undefined,
    });
    await repaired(world);
    assert.equal((await send({ cookie })).consumer, "coop");
  });

  it("that cannot be renewed is not renewed, and its cookie goes on", async (t) => {
    const { world, send } = await open(t, { ...config, idling_timeout: 0 });
    const cookie = cookieOf(await send({ key: true }));
    world.now = START + 2800;
    await send({ cookie: "session=x" });
    await world.database.execute("PRAGMA query_only = ON");
    assert.deepEqual(outcome(await send({ cookie })), refused);
    await world.database.execute("PRAGMA query_only = OFF");
    const renewed = await send({ cookie });
    assert.equal(renewed.cookies.length, 1);
    assert.equal((await send({ cookie: cookieOf(renewed) })).consumer, "coop");
  });

  it("that cannot be ended is not reported to be", async (t) => {
    const { world, send } = await open(t, config);
    const cookie = cookieOf(await send({ key: true }));
    await send({ cookie });
    await world.database.execute("PRAGMA query_only = ON");
    const logout = { method: "POST", target: "/?session_logout", cookie };
    assert.deepEqual(outcome(await send(logout)), refused);
    await world.database.execute("PRAGMA query_only = OFF");
    const done = await send(logout);
    assert.deepEqual([done.status, done.body], [200, ""]);
    assert.match(done.cookies[0]!, /^session=; .*Max-Age=0$/);
    assert.equal((await send({ cookie })).consumer, undefined);
  });

  it("that another logout ended meanwhile is logged out all the same", async (t) => {
    const { world, send } = await open(t, config);
    const cookie = cookieOf(await send({ key: true }));
    const logout = { method: "DELETE", target: "/?session_logout", cookie };
    const both = await Promise.all([send(logout), send(logout)]);
    for (const { status, cookies } of both) assert.deepEqual([status, cookies.length], [200, 1]);
    assert.deepEqual(await world.stores.of(sessionEntity).all(), []);
  });

  it("that only a remember cookie could open is not taken for none either", async (t) => {
    const { world, send } = await open(t, { ...config, remember: true });
    const login = await send({ key: true });
    const remember = login.cookies[1]!.split(";", 1)[0]!;
    await outOfOrder(world);
    assert.deepEqual(outcome(await send({ cookie: remember })), refused);
    await repaired(world);
    const back = await send({ cookie: remember });
    assert.deepEqual([back.consumer, back.cookies.length], ["coop", 2]);
  });
});

describe("the consumer of a session", () => {
  it("who cannot be looked up is not taken for a stranger", async (t) => {
    const { world, send } = await open(t, {});
    const cookie = cookieOf(await send({ key: true }));
    await world.database.execute("ALTER TABLE consumers RENAME TO nobody");
    assert.deepEqual(outcome(await send({ cookie })), refused);
  });

  it("who was deleted ends the session", async (t) => {
    const { world, send } = await open(t, { storage: "kong" });
    const cookie = cookieOf(await send({ key: true }));
    await world.stores.named("consumers")!.delete({ id: someone.id });
    const visit = await send({ cookie });
    assert.equal(visit.consumer, undefined);
    assert.match(visit.cookies[0]!, /^session=; .*Max-Age=0$/);
    assert.deepEqual(await world.stores.of(sessionEntity).all(), []);
  });
});

describe("a visitor who was recognised before", () => {
  for (const storage of ["cookie", "kong"]) {
    it(`is a stranger once the consumer is deleted, storage ${storage}`, async (t) => {
      const { world, send } = await open(t, { storage });
      const cookie = cookieOf(await send({ key: true }));
      await send({ cookie });
      await world.stores.named("consumers")!.delete({ id: someone.id });
      assert.equal((await send({ cookie })).consumer, undefined);
    });

    it(`has a new name as soon as the consumer has, storage ${storage}`, async (t) => {
      const { world, send } = await open(t, { storage });
      const cookie = cookieOf(await send({ key: true }));
      await send({ cookie });
      await world.stores.named("consumers")!.update({ id: someone.id }, { username: "renamed" });
      assert.equal((await send({ cookie })).consumer, "renamed");
    });

    it(`is looked at again when a clock asks for it, storage ${storage}`, async (t) => {
      const { world, send } = await open(t, { storage });
      const cookie = cookieOf(await send({ key: true }));
      await send({ cookie });
      world.now = START + 60;
      assert.deepEqual((await send({ cookie })).cookies, []);
      world.now = START + 61;
      assert.equal((await send({ cookie })).cookies.length, 1, "touched");
      world.now = START + 901;
      assert.equal((await send({ cookie })).consumer, undefined, "idle for too long");
    });

    it(`is forgotten with the secret, storage ${storage}`, async (t) => {
      const { world, send } = await open(t, { storage });
      const cookie = cookieOf(await send({ key: true }));
      await send({ cookie });
      const [row] = (await world.stores.named("plugins")!.all()).filter(({ name }) => name === "session");
      await world.stores.named("plugins")!.update({ id: row!.id }, { config: { secret: "another" } });
      assert.equal((await send({ cookie })).consumer, undefined);
    });

    it(`can log out, storage ${storage}`, async (t) => {
      const { send } = await open(t, { storage });
      const cookie = cookieOf(await send({ key: true }));
      await send({ cookie });
      const logout = await send({ cookie, method: "POST", target: "/?session_logout" });
      assert.deepEqual([logout.status, logout.cookies.length], [200, 1]);
      assert.equal((await send({ cookie })).consumer, storage === "kong" ? undefined : "coop");
    });
  }

  it("is a stranger at once when the session's row is deleted, wherever that was done", async (t) => {
    const { world, send } = await open(t, { storage: "kong" });
    const cookie = cookieOf(await send({ key: true }));
    await send({ cookie });
    const [row] = await world.stores.of(sessionEntity).all();
    await world.stores.of(sessionEntity).delete({ id: row!.id });
    assert.equal((await send({ cookie })).consumer, undefined);
  });

  it("sees the clocks of now in the session headers", async (t) => {
    const world = await openWorld(t, [session, authentication]);
    await world.add("consumers", someone);
    await world.configure("authentication");
    await world.configure("session", { secret: "a secret", request_headers: ["idling-timeout"] });
    const cookie = cookieOf(await send(world, { key: true }));
    await send(world, { cookie });
    world.now = START + 25;
    const { ctx } = await world.visit({ headers: ["Cookie", cookie] });
    assert.equal(ctx.service.request.headers.get("session-idling-timeout"), "875");
  });
});
