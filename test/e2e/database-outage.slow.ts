import assert from "node:assert/strict";
import { after, before, describe, it, type TestContext } from "node:test";
import { startEcho } from "../../src/cli/echo-server.ts";
import { get } from "../helpers/gateway-process.ts";
import { databaseSettings, migrateUp, type Node, startNode } from "../helpers/nodes.ts";
import { lacking, until } from "../helpers/servers.ts";
import { type SqlServer, startPostgres } from "../helpers/sql-servers.ts";

const KEY = "open-sesame-0123";
const PASSWORD = "a-pass-word-0123";
const basic = (pair: string) => ({ authorization: `Basic ${Buffer.from(pair).toString("base64")}` });

/** What is protected by each plugin, and how its visitor shows who they are. */
const DOORS = [
  { path: "/key", headers: { apikey: KEY } },
  { path: "/basic", headers: basic(`fiona:${PASSWORD}`) },
  { path: "/groups", headers: { apikey: KEY } },
] as const;

async function configure(t: TestContext, node: Node): Promise<void> {
  const echo = await startEcho({ port: 0 });
  t.after(() => echo.close());
  await node.change("POST", "/services", { name: "app", url: `http://127.0.0.1:${echo.port}` });
  for (const name of ["key", "basic", "groups", "open", "guests"]) {
    await node.change("POST", "/services/app/routes", { name, paths: [`/${name}`] });
  }
  await node.change("POST", "/consumers", { username: "guest" });
  await node.change("POST", "/consumers", { username: "fiona" });
  await node.change("POST", "/consumers/fiona/key-auth", { key: KEY });
  await node.change("POST", "/consumers/fiona/basic-auth", { username: "fiona", password: PASSWORD });
  await node.change("POST", "/consumers/fiona/acls", { group: "staff" });
  await node.change("POST", "/routes/key/plugins", { name: "key-auth" });
  await node.change("POST", "/routes/basic/plugins", { name: "basic-auth" });
  await node.change("POST", "/routes/groups/plugins", { name: "key-auth" });
  await node.change("POST", "/routes/groups/plugins", { name: "acl", config: { allow: ["staff"] } });
  await node.change("POST", "/routes/guests/plugins", { name: "key-auth", config: { anonymous: "guest" } });
}

describe("a gateway whose PostgreSQL is stopped and started again", { skip: lacking("postgres", "initdb") }, () => {
  let server: SqlServer;
  before(async () => {
    server = await startPostgres("a-database-password");
  });
  after(() => server?.remove());

  it("says 503 to who must be looked up, serves everybody else, and recovers by itself", async (t) => {
    const settings = { ...databaseSettings(server, "outage"), pg_timeout: "1000", nginx_worker_processes: "2" };
    await migrateUp(settings);
    const node = await startNode(t, settings);
    await configure(t, node);
    const statusOf = async (path: string, headers: Record<string, string> = {}) =>
      (await get(node.proxy + path, headers)).status;
    for (const { path, headers } of DOORS) {
      await until(`${path} is served`, async () => (await statusOf(path, headers)) === 200, 5000);
      assert.equal(await statusOf(path), 401);
    }
    assert.equal(await statusOf("/key", { apikey: "nobody-0123" }), 401);
    assert.equal(await statusOf("/guests"), 200);

    await server.kill();
    // What was heard a moment ago still counts until the lease is over, in each worker.
    await until("the lease is over", async () => (await statusOf("/key", { apikey: KEY })) !== 200, 5000);
    await new Promise((resolve) => setTimeout(resolve, 500));
    for (const { path, headers } of DOORS) {
      const answer = await get(node.proxy + path, { ...headers, accept: "application/json" });
      assert.equal(answer.status, 503, path);
      assert.equal(answer.headers["retry-after"], "5");
      const { message, request_id } = JSON.parse(answer.body);
      assert.equal(message, "The database is currently unavailable");
      const lines = () =>
        node
          .errors()
          .split("\n")
          .filter((line) => line.includes(request_id));
      await until(`${path} is logged`, () => lines().length > 0, 5000);
      assert.equal(lines().length, 1, `${path} is logged once`);
      assert.match(lines()[0]!, /a request failed.*ERR_DATABASE_FAILED/);
    }
    const page = await get(`${node.proxy}/key`, { apikey: KEY, accept: "text/html" });
    assert.match(page.body, /^<!doctype html>[\s\S]*<p>The database is currently unavailable\.<\/p>/);
    assert.equal(await statusOf("/key", { apikey: "nobody-0123" }), 503, "nobody can tell");
    assert.equal(await statusOf("/guests", { apikey: KEY }), 503, "who shows a key is not taken for a stranger");
    assert.equal(await statusOf("/key"), 401, "without a key there is nothing to look up");
    assert.equal(await statusOf("/open"), 200);

    await server.start();
    for (const { path, headers } of DOORS) {
      await until(`${path} is served again`, async () => (await statusOf(path, headers)) === 200, 10_000);
    }
    assert.equal(await statusOf("/key", { apikey: "nobody-0123" }), 401);
    assert.equal(await statusOf("/guests"), 200);
    for (const secret of [KEY, PASSWORD, "nobody-0123", "a-database-password"]) {
      assert.ok(!node.errors().includes(secret), "no secrets in the log");
    }
  });

  it("is stood in for by what the node last knew, groups included, where the session plugin says so", async (t) => {
    const STALE_SECONDS = 5;
    const settings = { ...databaseSettings(server, "stale"), pg_timeout: "1000" };
    await migrateUp(settings);
    const node = await startNode(t, settings);
    await configure(t, node);
    await node.change("POST", "/consumers", { username: "eve" });
    await node.change("POST", "/consumers/eve/key-auth", { key: "eves-key-0123" });
    const storages = ["kong", "cookie"];
    for (const storage of storages) {
      await node.change("POST", "/services/app/routes", { name: storage, paths: [`/${storage}`] });
      await node.change("POST", `/routes/${storage}/plugins`, { name: "key-auth", config: { anonymous: "guest" } });
      await node.change("POST", `/routes/${storage}/plugins`, { name: "acl", config: { allow: ["staff"] } });
      const stale = { on_storage_error: "stale", stale_seconds: STALE_SECONDS };
      const config = { storage, cookie_name: storage, cookie_secure: false, revocation: true, ...stale };
      await node.change("POST", `/routes/${storage}/plugins`, { name: "session", config });
    }
    await new Promise((resolve) => setTimeout(resolve, 300));

    const login = async (storage: string, apikey: string) => {
      const { headers } = await get(`${node.proxy}/${storage}`, { apikey });
      return { storage, cookie: headers["set-cookie"]![0]!.split(";")[0]! };
    };
    const visit = ({ storage, cookie }: { storage: string; cookie: string }) => node.get(`/${storage}`, cookie);
    const members = await Promise.all(storages.map((storage) => login(storage, KEY)));
    const others = await Promise.all(storages.map((storage) => login(storage, "eves-key-0123")));
    // They are remembered for longer than what is stale counts, so that the outage and not the login is what is counted from.
    for (const end = Date.now() + (STALE_SECONDS + 2) * 1000; Date.now() < end; ) {
      for (const member of members) assert.equal((await visit(member)).status, 200);
      for (const other of others) assert.equal((await visit(other)).status, 403);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }

    await server.kill();
    let isDown = true;
    const killedMs = performance.now();
    const secondsDown = () => (performance.now() - killedMs) / 1000;
    t.after(() => (isDown ? server.start() : undefined));
    let round = 0;
    for (; secondsDown() < STALE_SECONDS - 2; round++) {
      for (const member of members) {
        const { status, body } = await visit(member);
        assert.equal(status, 200, `${member.storage}, ${secondsDown()} s after the end of the database: ${body}`);
        assert.match(body, /\["X-Consumer-Username","fiona"\]/);
        assert.match(body, /\["X-Consumer-Groups","staff"\]/);
      }
      for (const other of others) assert.equal((await visit(other)).status, 403, other.storage);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    assert.ok(round > 3, `${round} rounds`);
    for (const visitor of [...members, ...others]) {
      await until("it is over", async () => (await visit(visitor)).status === 503, 5000);
      assert.ok(secondsDown() > STALE_SECONDS - 2);
      assert.deepEqual((await visit(visitor)).headers["set-cookie"], undefined);
    }
    assert.ok(secondsDown() < STALE_SECONDS + 4, `${secondsDown()} s`);

    await server.start();
    isDown = false;
    for (const member of members) {
      await until("it is served again", async () => (await visit(member)).status === 200, 15_000);
    }
    for (const other of others) await until("it is refused again", async () => (await visit(other)).status === 403);
  });

  it("takes what no column can hold for an unknown key", async (t) => {
    const settings = { ...databaseSettings(server, "hostile") };
    await migrateUp(settings);
    const node = await startNode(t, settings);
    await configure(t, node);
    for (const query of [
      "apikey=%00",
      "apikey=a%00b",
      "apikey=%ff%fe",
      "apikey=%ed%a0%80",
      `apikey=${"x".repeat(8000)}`,
    ]) {
      assert.equal((await get(`${node.proxy}/key?${query}`)).status, 401, query);
    }
    for (const pair of ["\0:a", "a\0b:c", "\ud800:a"]) {
      assert.equal((await get(`${node.proxy}/basic`, basic(pair))).status, 401);
    }
  });
});
