import assert from "node:assert/strict";
import { after, before, describe, type TestContext, test } from "node:test";
import { type Database, openPostgres, type PostgresOptions } from "../../src/database/index.ts";
import { get } from "../helpers/gateway-process.ts";
import { configureWalkthrough, databaseSettings, migrateUp, startNode } from "../helpers/nodes.ts";
import { lacking } from "../helpers/servers.ts";
import { type SqlServer, startPostgres } from "../helpers/sql-servers.ts";

describe("limits of statements on a PostgreSQL server", { skip: lacking("postgres", "initdb") }, () => {
  let server: SqlServer;
  before(async () => {
    server = await startPostgres("a 'password'");
  });
  after(() => server?.remove());

  async function open(t: TestContext, limits: Partial<PostgresOptions>): Promise<Database> {
    const { username: user, ...at } = server.settings;
    const database = await openPostgres({
      ...at,
      user,
      timeoutMs: 5000,
      maxConnections: 2,
      idleTimeoutMs: 60_000,
      ...limits,
    });
    t.after(() => database.close());
    return database;
  }

  /** What became of so many statements at once. */
  async function runTogether(database: Database, count: number, sql = "SELECT pg_sleep(0.3)"): Promise<string[]> {
    const running = Array.from({ length: count }, async () => database.execute(sql));
    return (await Promise.allSettled(running)).map((result) => {
      if (result.status === "fulfilled") return "done";
      assert.equal(result.reason.code, "ERR_DATABASE_FAILED");
      return result.reason.message;
    });
  }

  test("more than pg_backlog do not wait for a connection, and all is well again afterwards", async (t) => {
    const database = await open(t, { maxWaiting: 3 });
    const refusal = /failed: all 2 connections of pg_pool_size are in use, and the 3 of pg_backlog wait for one$/;
    for (let round = 0; round < 2; round++) {
      const results = await runTogether(database, 8);
      assert.equal(results.filter((result) => result === "done").length, 5);
      assert.deepEqual(results.slice(0, 5), Array(5).fill("done"));
      for (const result of results.slice(5)) assert.match(result, refusal);
    }
    assert.deepEqual(await runTogether(database, 5, "SELECT 1"), Array(5).fill("done"));
  });

  test("with a pg_backlog of 0 nobody waits, and without one anybody may", async (t) => {
    const none = await open(t, { maxWaiting: 0 });
    assert.equal((await runTogether(none, 4)).filter((result) => result === "done").length, 2);
    const any = await open(t, {});
    assert.deepEqual(await runTogether(any, 12, "SELECT pg_sleep(0.05)"), Array(12).fill("done"));
  });

  test("a statement that has no turn in time names the settings, and the turns are given back", async (t) => {
    const database = await open(t, { turns: { count: 1, timeoutMs: 100 } });
    const refusal =
      /failed: none of the 1 turns of pg_max_concurrent_queries came within pg_semaphore_timeout \(100 ms\)$/;
    const results = await runTogether(database, 3);
    assert.equal(results[0], "done");
    for (const result of results.slice(1)) assert.match(result, refusal);
    await assert.rejects(Promise.resolve(database.execute("SELECT * FROM nowhere")), /nowhere/);
    assert.deepEqual(await runTogether(database, 1, "SELECT 1"), ["done"]);
  });

  test("no more statements are under way than have a turn", async (t) => {
    const database = await open(t, { maxConnections: 8, turns: { count: 2, timeoutMs: 5000 } });
    const sql = `SELECT count(*)::int AS n, pg_sleep(0.05)::text FROM pg_stat_activity
      WHERE application_name = 'sesame' AND state = 'active' AND query LIKE '%no more%'`;
    const counts = await Promise.all(Array.from({ length: 10 }, async () => (await database.execute(sql))[0]!["n"]));
    assert.ok(Math.max(...counts.map(Number)) <= 2, String(counts));
  });

  test("a visitor for whom there is no connection gets 503", async (t) => {
    const settings = { ...databaseSettings(server, "limits"), pg_timeout: "20000", nginx_worker_processes: "1" };
    await migrateUp(settings);
    await configureWalkthrough(t, await startNode(t, settings));
    const node = await startNode(t, { ...settings, pg_pool_size: "1", pg_backlog: "0" });
    const { username: user, ...at } = server.settings;
    const other = await openPostgres({
      ...at,
      user,
      schema: "limits",
      timeoutMs: 20_000,
      maxConnections: 1,
      idleTimeoutMs: 60_000,
    });
    t.after(() => other.close());
    const locked = Promise.withResolvers<void>();
    const unlock = Promise.withResolvers<void>();
    const holding = other.transaction(async (tx) => {
      await tx.execute(`LOCK TABLE "keyauth_credentials" IN ACCESS EXCLUSIVE MODE`);
      locked.resolve();
      await unlock.promise;
    });
    await locked.promise;
    // The first look-up holds the only connection until the lock is gone; the other key is refused at once.
    const ask = (key: string) => get(`${node.proxy}/app`, { apikey: key });
    const first = ask("nobody-1");
    await new Promise((resolve) => setTimeout(resolve, 300));
    const second = await ask("nobody-2");
    unlock.resolve();
    await holding;
    assert.equal(second.status, 503, second.body);
    assert.equal(second.headers["retry-after"], "5");
    assert.match(node.errors(), /pg_backlog/);
    assert.equal((await first).status, 403);
  });
});
