import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { startAdmin } from "../../../test/helpers/admin.ts";

const now = Math.floor(Date.now() / 1000);
const encode = (text: string) => Buffer.from(text).toString("base64url");

/** Two consumers: fiona with a login in the browser's cookie and a session in the database, dave with a login. */
async function start(t: TestContext) {
  const counts: unknown[] = [];
  const count = (...what: unknown[]) => void counts.push(what);
  const { stores, call } = await startAdmin(t, { metrics: { count, observe: assert.fail } });
  const add = (entity: string, input: object) => stores.named(entity)!.insert(input as never);
  const fiona = await add("consumers", { username: "fiona", custom_id: "f-1" });
  const dave = await add("consumers", { username: "dave" });
  const login = (consumer: { id: string }, subject: string, lineage: string, audience = "default") =>
    add("session_lineages", {
      ...{ consumer: { id: consumer.id }, subject, audience, lineage, session_id: `sid-${lineage}` },
      ...{
        created_at: now - 100,
        last_seen: now - 10,
        expires: now + 800,
        over: now + 5000,
        ip: "192.0.2.1",
        ttl: 801,
      },
    });
  const cookie = await login(fiona, "fiona", "a.1");
  await login(dave, "dave", "a.2", "shop");
  const row = await add("sessions", { session_id: "in-database", expires: now + 50, data: "x", ttl: 51 });
  await add("session_metadatas", {
    ...{ session: { id: row.id }, sid: "in-database", subject: encode("fiona"), audience: encode("shop") },
  });
  const revoked = async () =>
    (await stores.named("session_revocations")!.all()).map(({ key, before }) => [key, before]).sort();
  const ids = async (path: string) => {
    const { body } = await call("GET", path);
    return body.data.map(({ session_id }: { session_id: string }) => session_id);
  };
  const counted = () => {
    for (const what of counts) assert.deepEqual(what, ["sesame_sessions_ended_total", { how: "admin" }]);
    return counts.length;
  };
  return { stores, call, ids, revoked, counted, fiona, dave, cookie, row };
}

describe("sessions", () => {
  it("are Kong's rows as long as nobody asks whose", async (t) => {
    const { call, row } = await start(t);
    const { body } = await call("GET", "/sessions");
    assert.deepEqual(
      body.data.map(({ id }: { id: string }) => id),
      [row.id],
    );
    assert.deepEqual(Object.keys(body.data[0]).sort(), ["created_at", "data", "expires", "id", "session_id", "ttl"]);
  });

  it("are found by subject, audience and consumer, wherever they are kept", async (t) => {
    const { ids, fiona } = await start(t);
    assert.deepEqual(await ids("/sessions?subject=fiona"), ["sid-a.1", "in-database"]);
    assert.deepEqual(await ids("/sessions?audience=shop"), ["sid-a.2", "in-database"]);
    assert.deepEqual(await ids("/sessions?subject=fiona&audience=default"), ["sid-a.1"]);
    assert.deepEqual(await ids("/sessions?subject=nobody"), []);
    assert.deepEqual(await ids("/sessions?consumer=nobody"), []);
    assert.deepEqual(await ids(`/sessions?consumer=${fiona.id}`), ["sid-a.1", "in-database"]);
    assert.deepEqual(await ids("/sessions?consumer=fiona&subject=dave"), []);
    assert.deepEqual(await ids("/consumers/fiona/sessions"), ["sid-a.1", "in-database"]);
  });

  it("tell what is known of a login", async (t) => {
    const { call, cookie, fiona, row } = await start(t);
    const { body } = await call("GET", "/sessions?subject=fiona&size=1");
    assert.deepEqual(body.data, [
      {
        ...{ id: cookie.id, session_id: "sid-a.1", subject: "fiona", audience: "default", consumer: { id: fiona.id } },
        ...{ created_at: now - 100, last_seen: now - 10, expires: now + 800, ip: "192.0.2.1", user_agent: null },
      },
    ]);
    const next = await call("GET", body.next);
    assert.equal(next.body.data[0].id, row.id);
    assert.equal(next.body.data[0].subject, "fiona");
    assert.equal(next.body.next, null);
    assert.deepEqual((await call("GET", `/sessions/${cookie.id}`)).body, body.data[0]);
  });

  it("that were recorded as logins and are rows too are listed once", async (t) => {
    const { stores, ids, cookie } = await start(t);
    await stores.named("session_lineages")!.update({ id: cookie.id }, { session_id: "in-database" });
    assert.deepEqual(await ids("/sessions?subject=fiona"), ["in-database"]);
  });

  it("come in pages that do not lose any", async (t) => {
    const { stores, call, fiona } = await start(t);
    for (let i = 0; i < 7; i++) {
      const at = { lineage: `b.${i}`, consumer: { id: fiona.id }, subject: "fiona", audience: "default", ttl: 100 };
      await stores.named("session_lineages")!.insert(at);
    }
    const seen = new Set<string>();
    for (let path = "/sessions?subject=fiona&size=3"; path; ) {
      const { body } = await call("GET", path);
      for (const { id } of body.data) seen.add(id);
      path = body.next;
    }
    assert.equal(seen.size, 9);
  });

  it("are refused for a filter that is none", async (t) => {
    const { call } = await start(t);
    for (const query of ["subject=", "audience", "consumer=&subject=x", "subject=a&size=0"]) {
      assert.equal((await call("GET", `/sessions?${query}`)).status, 400, query);
    }
  });
});

describe("ending sessions", () => {
  it("is counted once for each that was there", async (t) => {
    const { stores, call, counted, cookie } = await start(t);
    for (let i = 0; i < 2; i++) {
      await call("DELETE", "/sessions/in-database");
      assert.equal(counted(), 1);
    }
    for (let i = 0; i < 2; i++) {
      await call("DELETE", `/sessions/${cookie.id}`);
      assert.equal(counted(), 2);
    }
    await call("DELETE", "/consumers/fiona/sessions");
    assert.equal(counted(), 2);
    for (let i = 0; i < 2; i++) {
      await call("POST", "/sessions/revoke", { before: now });
      assert.equal(counted(), 3);
    }
    assert.deepEqual(await stores.named("session_lineages")!.all(), []);
  });

  it("of a consumer counts a login and its row as one", async (t) => {
    const { stores, call, counted, cookie } = await start(t);
    await stores.named("session_lineages")!.update({ id: cookie.id }, { session_id: "in-database" });
    await call("DELETE", "/consumers/fiona/sessions");
    assert.equal(counted(), 1);
    await call("DELETE", "/consumers/dave/sessions");
    assert.equal(counted(), 2);
  });

  it("one by one revokes a login, and deletes a row", async (t) => {
    const { stores, call, revoked, cookie, row } = await start(t);
    assert.equal((await call("DELETE", `/sessions/${cookie.id}`)).status, 204);
    assert.deepEqual(await revoked(), [["lineage:a.1", null]]);
    assert.equal((await call("GET", `/sessions/${cookie.id}`)).status, 404);
    assert.equal((await call("DELETE", `/sessions/${row.id}`)).status, 204);
    assert.deepEqual(await stores.named("sessions")!.all(), []);
    assert.equal((await call("DELETE", "/sessions/in-database")).status, 204);
  });

  it("of a consumer ends all that are known, and those that are not", async (t) => {
    const { stores, call, ids, revoked, fiona } = await start(t);
    assert.equal((await call("DELETE", "/consumers/fiona/sessions")).status, 204);
    const [[key, before], lineage] = (await revoked()) as [[string, number], unknown];
    assert.equal(key, `consumer:${fiona.id}`);
    assert.ok(before > Date.now() / 1000 - 5 && before <= Date.now() / 1000 + 1);
    assert.deepEqual(lineage, ["lineage:a.1", null]);
    assert.deepEqual(await ids("/consumers/fiona/sessions"), []);
    assert.deepEqual(await stores.named("sessions")!.all(), []);
    assert.deepEqual(await ids("/consumers/dave/sessions"), ["sid-a.2"]);
    assert.equal((await call("DELETE", "/consumers/nobody/sessions")).status, 404);
  });

  it("before a time is written down for whom it is meant, and never taken back", async (t) => {
    const { call, ids, revoked } = await start(t);
    assert.equal((await call("POST", "/sessions/revoke", { before: now - 50, subject: "fiona" })).status, 204);
    assert.deepEqual(await ids("/sessions?subject=fiona"), ["in-database"]);
    assert.equal((await call("POST", "/sessions/revoke", { before: now - 90, subject: "fiona" })).status, 204);
    assert.equal((await call("POST", "/sessions/revoke", `before=${now - 200}&audience=shop`)).status, 204);
    assert.deepEqual(await ids("/sessions?audience=shop"), ["sid-a.2", "in-database"], "a later login stays");
    assert.equal((await call("POST", "/sessions/revoke", { before: now })).status, 204);
    assert.deepEqual(await revoked(), [
      ['["shop",null]', now - 200],
      ['[null,"fiona"]', now - 50],
      ["[null,null]", now],
    ]);
    assert.deepEqual(await ids("/sessions?audience=shop"), ["in-database"]);
  });

  const refusals: readonly [body: object | string, field: string][] = [
    [{}, "before"],
    [{ before: "yesterday" }, "before"],
    [{ before: 1.5 }, "before"],
    [{ before: -1 }, "before"],
    [{ before: now + 3600 }, "before"],
    [{ before: now, subject: "" }, "subject"],
    [{ before: now, audience: ["a"] }, "audience"],
    [{ before: now, consumer: "x" }, "consumer"],
    ["before=abc", "before"],
  ];
  for (const [sent, field] of refusals) {
    it(`is refused for ${JSON.stringify(sent)}`, async (t) => {
      const { call, revoked } = await start(t);
      const { status, body } = await call("POST", "/sessions/revoke", sent);
      assert.equal(status, 400);
      assert.deepEqual(Object.keys(body.fields), [field]);
      assert.deepEqual(await revoked(), []);
    });
  }
});
