import assert from "node:assert/strict";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "iovalkey";
import { createConnection } from "mysql2/promise";
import pg from "pg";
import { startEcho } from "../../src/cli/echo-server.ts";
import { get, temporaryFolder } from "../helpers/gateway-process.ts";
import { keysOfMemcached, startMemcached } from "../helpers/memcached-server.ts";
import { databaseSettings, migrateUp, type Node, startNode } from "../helpers/nodes.ts";
import { startRedis } from "../helpers/redis-servers.ts";
import { lacking, type TestServer } from "../helpers/servers.ts";
import { type SqlServer, startMariadb, startPostgres } from "../helpers/sql-servers.ts";

const AT_ONCE = 200;

/** Seconds after which a session is due for renewal, by Kong's defaults, for a quarter of an hour. */
const DUE = 2701;

const preload = new URL("../helpers/shifted-clock.ts", import.meta.url).href;

describe("two hundred requests that cross one rolling moment", {
  skip: lacking("postgres", "initdb", "redis-server", "memcached", "mariadbd", "mariadb-install-db"),
}, () => {
  let postgres: SqlServer;
  let mariadb: SqlServer;
  let redis: TestServer;
  let memcached: TestServer;
  before(async () => {
    [postgres, mariadb, redis, memcached] = await Promise.all([
      startPostgres("password"),
      startMariadb("password"),
      startRedis(),
      startMemcached(),
    ]);
  });
  after(() => Promise.all([postgres, mariadb, redis, memcached].map((server) => server?.remove())));

  it("are all recognised and given one new session, in cookies one of each process", async (t) => {
    const client = new Redis(redis.port, "127.0.0.1");
    t.after(() => client.disconnect());
    const common = databaseSettings(postgres, "renewals");
    await migrateUp(common);
    const own: Readonly<Record<string, string>>[] = [{}, { nginx_worker_processes: "2" }, {}];
    const clock = join(temporaryFolder(t), "clock");
    writeFileSync(clock, "0");
    const env = { NODE_OPTIONS: `--import=${preload}`, TEST_CLOCK_FILE: clock };
    const nodes = await Promise.all(own.map((more) => startNode(t, { ...common, ...more }, env)));
    const [first] = nodes as [Node];

    const echo = await startEcho({ port: 0 });
    t.after(() => echo.close());
    const anonymous = await first.change("POST", "/consumers", { username: "anonymous" });
    await first.change("POST", "/consumers", { username: "fiona" });
    await first.change("POST", "/consumers/fiona/key-auth", { key: "open_sesame" });
    const refusal = { name: "request-termination", config: { status_code: 403 } };
    await first.change("POST", `/consumers/${anonymous.id}/plugins`, refusal);
    const settings = { cookie_secure: false, idling_timeout: 0 };
    const folder = temporaryFolder(t);
    const host = "127.0.0.1";
    const storages: Readonly<Record<string, object | undefined>> = {
      cookie: undefined,
      kong: undefined,
      redis: { host, port: redis.port },
      memcached: { host, port: memcached.port },
      mysql: { ...mariadb.settings, create_tables: true },
      postgres: { ...postgres.settings, create_tables: true, table: "visits" },
      file: { path: folder },
    };
    for (const [storage, place] of Object.entries(storages)) {
      await first.change("POST", "/services", { name: storage, url: echo.url });
      await first.change("POST", `/services/${storage}/routes`, { paths: [`/${storage}`] });
      const authentication = { name: "key-auth", config: { anonymous: anonymous.id } };
      await first.change("POST", `/services/${storage}/plugins`, authentication);
      const config = { ...settings, storage, cookie_name: storage, ...(place && { [storage]: place }) };
      await first.change("POST", `/services/${storage}/plugins`, { name: "session", config });
    }
    await sleep(200);

    const ask = (node: Node, path: string, cookie?: string) => get(node.proxy + path, cookie ? { cookie } : {});
    const cookieOf = ({ headers }: Awaited<ReturnType<typeof ask>>) => headers["set-cookie"]?.[0]?.split(";")[0];
    const count: Readonly<Record<string, () => Promise<number>>> = {
      async kong() {
        const { data } = (await (await fetch(`${first.admin}/sessions?size=1000`)).json()) as { data: unknown[] };
        return data.length;
      },
      // Notes of successors and proofs of links are kept there, too.
      redis: async () => (await client.keys("*")).filter((name) => /^redis:[\w-]{43}$/.test(name)).length,
      memcached: async () =>
        [...(await keysOfMemcached(memcached.port)).keys()].filter((name) => /^memcached%3A[\w-]{43}$/.test(name))
          .length,
      async mysql() {
        const { username: user, ...to } = mariadb.settings;
        const connection = await createConnection({ ...to, user });
        const [rows] = await connection.query("SELECT sid FROM sessions WHERE name = 'mysql'");
        await connection.end();
        return (rows as unknown[]).length;
      },
      async postgres() {
        const { username: user, ...to } = postgres.settings;
        const connection = new pg.Client({ ...to, user });
        await connection.connect();
        const { rows } = await connection.query("SELECT sid FROM visits WHERE name = 'postgres'");
        await connection.end();
        return rows.length;
      },
      file: async () => readdirSync(folder).filter((name) => /^file_[\w-]{43}$/.test(name)).length,
    };
    const burst = (on: readonly Node[], path: string, cookie: string) =>
      Promise.all(Array.from({ length: AT_ONCE }, (_, i) => ask(on[i % on.length]!, path, cookie)));

    const cases = Object.keys(storages).flatMap((storage) => [
      { storage, on: [first], most: 1 },
      // One of the nodes has two workers.
      { storage, on: nodes, most: storage === "cookie" ? 4 : 1 },
    ]);
    const olds: string[] = [];
    for (const { storage } of cases) olds.push(cookieOf(await ask(first, `/${storage}?apikey=open_sesame`))!);
    writeFileSync(clock, String(DUE + 1));
    await sleep(1000);

    for (const [index, { storage, on, most }] of cases.entries()) {
      const path = `/${storage}`;
      const old = olds[index]!;
      const where = `storage ${storage}, ${on.length} of the nodes`;
      const had = await count[storage]?.();
      const answers = await burst(on, path, old);
      assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]), where);
      const renewed = new Set(answers.map(cookieOf));
      t.diagnostic(`${where}: ${renewed.size} new session(s) for ${AT_ONCE} requests`);
      assert.ok(
        !renewed.has(undefined) && !renewed.has(old),
        `${where}: whoever is heard, the browser has a new cookie`,
      );
      assert.ok(renewed.size <= most, `${where}: ${renewed.size} new sessions`);
      if (had !== undefined) assert.equal((await count[storage]!()) - had, renewed.size, "and no more are kept");
      for (const node of nodes) {
        for (const cookie of renewed) {
          const { status, headers } = await ask(node, path, cookie);
          assert.deepEqual([status, headers["set-cookie"]], [200, undefined], where);
        }
      }
    }
  });
});
