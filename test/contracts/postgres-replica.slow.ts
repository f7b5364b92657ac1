import assert from "node:assert/strict";
import { after, before, describe, type TestContext, test } from "node:test";
import pg from "pg";
import { createStores, openPostgres, type PostgresOptions } from "../../src/database/index.ts";
import { consumer } from "../../src/entities/index.ts";
import {
  assertAllWithin,
  assertMostWithin,
  configureWalkthrough,
  databaseSettings,
  delayUntil,
  migrateUp,
  startNode,
} from "../helpers/nodes.ts";
import { lacking, until } from "../helpers/servers.ts";
import { type SqlServer, startPostgres, startStandby } from "../helpers/sql-servers.ts";

describe("a PostgreSQL server with a standby", { skip: lacking("postgres", "initdb", "pg_basebackup") }, () => {
  let primary: SqlServer;
  let standby: SqlServer;
  let schemas = 0;
  before(async () => {
    primary = await startPostgres("a 'password'");
    standby = await startStandby(primary);
  });
  after(async () => {
    await standby?.remove();
    await primary?.remove();
  });

  function optionsOf({ settings }: SqlServer): PostgresOptions {
    const { username: user, ...at } = settings;
    return { ...at, user, schema: `s${schemas}`, timeoutMs: 5000, maxConnections: 8, idleTimeoutMs: 60_000 };
  }

  /** A node in a schema of its own, and what it says of its standby. */
  async function openNode(t: TestContext, changes: Partial<PostgresOptions> = {}) {
    schemas++;
    const said: string[] = [];
    const database = await openPostgres({
      ...optionsOf(primary),
      replica: { ...optionsOf(standby), ...changes },
      onReplica: (event, error) => void said.push(error ? `${event}: ${(error as Error).message}` : event),
    });
    t.after(() => database.close());
    const stores = await createStores(database, { plugins: [] });
    /** Where whole tables are read, and how many consumers are seen there. */
    const scan = async () => {
      const sql = `SELECT pg_is_in_recovery()::text AS "isStandby", count(*)::int AS count FROM "consumers"`;
      const [row] = await database.scans!.execute(sql);
      return row as unknown as { isStandby: string; count: number };
    };
    return { consumers: stores.of(consumer), scan, said };
  }

  /** Statements on the standby itself. */
  async function onStandby(sql: string): Promise<pg.QueryResult> {
    const { username: user, ...at } = standby.settings;
    const client = new pg.Client({ ...at, user });
    await client.connect();
    try {
      return await client.query(sql);
    } finally {
      await client.end();
    }
  }

  /** What is committed from now on does not reach the standby. */
  async function pauseReplay(): Promise<void> {
    await onStandby("SELECT pg_wal_replay_pause()");
    await until("the standby stands", async () => {
      const { rows } = await onStandby("SELECT pg_get_wal_replay_pause_state() AS state");
      return rows[0].state === "paused";
    });
  }

  test("whole tables are read there, with everything that was committed before", async (t) => {
    const { consumers, scan } = await openNode(t);
    let there = 0;
    for (let count = 1; count <= 50; count++) {
      await consumers.insert({ username: `u${count}` });
      const found = await scan();
      assert.equal(found.count, count);
      if (found.isStandby === "true") there++;
      assert.equal((await consumers.all()).length, count);
    }
    assert.ok(there > 0, "the standby was never read");
  });

  test("what a standby that is behind does not have is read on the primary", async (t) => {
    const { consumers, scan, said } = await openNode(t);
    await until("the standby is read", async () => (await scan()).isStandby === "true");
    said.length = 0;
    await pauseReplay();
    try {
      const { id } = await consumers.insert({ username: "u" });
      assert.deepEqual(await scan(), { isStandby: "false", count: 1 });
      assert.equal((await consumers.all()).length, 1);
      assert.equal((await consumers.select({ id }))?.username, "u");
      assert.equal((await consumers.page()).data.length, 1);
      assert.deepEqual(said, ["lost: it is too far behind, or does not answer"]);
    } finally {
      await onStandby("SELECT pg_wal_replay_resume()");
    }
    await until("the standby is read again", async () => (await scan()).isStandby === "true");
    assert.equal(said[1], "restored");
  });

  test("a standby that ends, or stands still, is done without", async (t) => {
    const { consumers, scan, said } = await openNode(t);
    await until("the standby is read", async () => (await scan()).isStandby === "true");
    await consumers.insert({ username: "u" });
    standby.freeze();
    try {
      assert.deepEqual(await scan(), { isStandby: "false", count: 1 });
    } finally {
      standby.thaw();
    }
    await until("the standby is read again", async () => (await scan()).isStandby === "true");
    await standby.kill();
    assert.deepEqual(await scan(), { isStandby: "false", count: 1 });
    const late = await openNode(t);
    assert.equal((await late.scan()).isStandby, "false");
    assert.match(late.said.join(), /^lost: cannot open the PostgreSQL database .*ECONNREFUSED/);
    await standby.start();
    for (const node of [{ scan, said }, late]) {
      await until("the standby is read again", async () => (await node.scan()).isStandby === "true");
      assert.equal(node.said.at(-1), "restored");
    }
  });

  test("a server that is no standby of the primary is not read", async (t) => {
    const other = await startPostgres("another password");
    t.after(() => other.remove());
    for (const server of [primary, other]) {
      const { port, password } = server.settings;
      const { scan, said } = await openNode(t, { port, password });
      assert.equal((await scan()).isStandby, "false");
      assert.deepEqual(said, [`lost: sesame at 127.0.0.1:${port} is no standby of the primary`]);
    }
  });

  test("a gateway starts by it, with settings that fall back to the primary's", async (t) => {
    const settings = databaseSettings(primary, "gateway");
    await migrateUp(settings);
    const { port } = standby.settings;
    const node = await startNode(t, {
      ...settings,
      pg_ro_host: "127.0.0.1",
      pg_ro_port: String(port),
      pg_ro_pool_size: "2",
    });
    const { rows } = await onStandby(
      "SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = 'sesame'",
    );
    assert.ok(rows[0].n >= 1 && rows[0].n <= 2, `${rows[0].n} connections`);
    await node.change("POST", "/consumers", { username: "fiona" });
    assert.doesNotMatch(node.errors(), /pg_ro_host/);
  });

  test("gateways whose standby is far behind serve, and end sessions, as without one", async (t) => {
    const { port } = standby.settings;
    const replica = { pg_ro_host: "127.0.0.1", pg_ro_port: String(port), pg_ro_timeout: "500" };
    const settings = { ...databaseSettings(primary, "behind"), ...replica, nginx_worker_processes: "2" };
    await migrateUp(settings);
    const first = await startNode(t, settings);
    await pauseReplay();
    try {
      await configureWalkthrough(t, first);
      const second = await startNode(t, settings);
      const cookie = await first.login();
      assert.equal((await second.get("/app", cookie)).status, 200);
      assert.equal((await first.get("/app?session_logout=true", cookie)).status, 200);
      assertAllWithin([await delayUntil(403, () => second.get("/app", cookie))]);
      const routes: number[] = [];
      for (let i = 0; i < 5; i++) {
        const path = `/more-${i}`;
        await second.change("POST", "/services/app/routes", { paths: [path] });
        routes.push(await delayUntil(403, () => first.get(path)));
      }
      assertMostWithin(routes);
    } finally {
      await onStandby("SELECT pg_wal_replay_resume()");
    }
  });
});
