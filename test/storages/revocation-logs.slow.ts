import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createConnection } from "mysql2/promise";
import pg from "pg";
import { openCassandra } from "../../src/plugins/session/clients/cassandra.ts";
import { openMemcached } from "../../src/plugins/session/clients/memcached.ts";
import { openMysql } from "../../src/plugins/session/clients/mysql.ts";
import { openPostgres } from "../../src/plugins/session/clients/postgres.ts";
import { cassandraLog } from "../../src/plugins/session/revocation-logs/cassandra.ts";
import { encodeEntry, type RevocationLog } from "../../src/plugins/session/revocation-logs/log.ts";
import { memcachedLog } from "../../src/plugins/session/revocation-logs/memcached.ts";
import { mysqlLog, postgresLog } from "../../src/plugins/session/revocation-logs/sql.ts";
import type { SqlClient } from "../../src/session/index.ts";
import { readAll, testRevocationLog } from "../contracts/revocation-log.ts";
import { lackingCassandra, startCassandra } from "../helpers/cassandra-server.ts";
import { askMemcached, startMemcached } from "../helpers/memcached-server.ts";
import { lacking, useServer } from "../helpers/servers.ts";
import { type SqlServer, startMariadb, startPostgres } from "../helpers/sql-servers.ts";

/** Entries of a long list. */
const COUNT = 200_000;
const now = Math.floor(Date.now() / 1000);
const entry = (lineage: string) => ({ key: `lineage:${lineage}`, before: null, expires: now + 5000 });

/** A client that counts the rows it was given. */
function counting(client: SqlClient): SqlClient & { rows: number } {
  const counted = {
    rows: 0,
    async query(sql: string, values: readonly (string | number)[]) {
      const rows = await client.query(sql, values);
      counted.rows += rows.length;
      return rows;
    },
  };
  return counted;
}

interface SqlKind {
  readonly kind: string;
  readonly lacks: string | false;
  start(password: string): Promise<SqlServer>;
  open(settings: SqlServer["settings"] & { read_timeout: number }): SqlClient & { close(): Promise<void> };
  readonly log: typeof mysqlLog;
  /** Begin to write an entry; it is there when the answer is called. */
  hold(settings: SqlServer["settings"], text: string): Promise<() => Promise<void>>;
  readonly many: readonly string[];
}

const insert = (text: string) => `INSERT INTO sessions_revoked (name, entry, exp) VALUES ('held', '${text}', 1)`;

const sqlKinds: readonly SqlKind[] = [
  {
    kind: "mysql",
    lacks: lacking("mariadbd", "mariadb-install-db"),
    start: startMariadb,
    open: openMysql,
    log: mysqlLog,
    async hold({ host, port, username, password, database }, text) {
      const connection = await createConnection({ host, port, user: username, password, database });
      await connection.beginTransaction();
      await connection.query(insert(text));
      return async () => {
        await connection.commit();
        await connection.end();
      };
    },
    many: [
      `INSERT INTO sessions_revoked (name, entry, exp)
      SELECT 'long', CONCAT('{"key":"lineage:', seq, '","before":null,"expires":${now + 5000}}'), ${now + 5000}
      FROM seq_1_to_${COUNT}`,
    ],
  },
  {
    kind: "postgres",
    lacks: lacking("postgres", "initdb"),
    start: startPostgres,
    open: openPostgres,
    log: postgresLog,
    async hold({ host, port, username, password, database }, text) {
      const client = new pg.Client({ host, port, user: username, password, database });
      await client.connect();
      await client.query("BEGIN");
      await client.query(insert(text));
      return async () => {
        await client.query("COMMIT");
        await client.end();
      };
    },
    many: [
      `INSERT INTO sessions_revoked (name, entry, exp)
      SELECT 'long', concat('{"key":"lineage:', n, '","before":null,"expires":${now + 5000}}'), ${now + 5000}
      FROM generate_series(1, ${COUNT}) n`,
      // As the server does by itself before long.
      "ANALYZE sessions_revoked",
    ],
  },
];

for (const { kind, lacks, start, open, log, hold, many } of sqlKinds) {
  describe(`what is revoked, in ${kind}`, { skip: lacks }, () => {
    const used = useServer(
      () => start("a secret"),
      (server) => open({ ...server.settings, read_timeout: 10_000 }),
    );
    const opened = (name: string, by: SqlClient = used.client) => log({ client: by, ensureTables: true, name });

    testRevocationLog(kind, () => ({
      open: opened,
      plant: (name, text) =>
        used.client.query(`INSERT INTO sessions_revoked (name, entry, exp) VALUES ('${name}', '${text}', 1)`, []),
      empty: () => used.client.query("TRUNCATE TABLE sessions_revoked", []),
    }));

    it("finds an entry that becomes visible after a later one", async () => {
      const reader = opened("held");
      await readAll(reader, now);
      const commit = await hold(used.server.settings, encodeEntry(entry("early")));
      await opened("held").append(entry("late"), now);
      for (let i = 0; i < 5; i++) assert.deepEqual((await readAll(reader, now)).keys, ["lineage:late"]);
      await commit();
      assert.deepEqual((await readAll(reader, now)).keys, ["lineage:early", "lineage:late"]);
    });

    it("drops what has ended, and nobody takes that for a loss", async () => {
      const [one, two] = [opened("dropped"), opened("dropped")];
      const past = now - 10_000;
      const ended = { key: "lineage:ended", before: null, expires: past };
      for (let i = 0; i < 3; i++) await one.append(ended, past);
      for (const log of [one, two]) await readAll(log, now);
      await new Promise((resolve) => setTimeout(resolve, 1100));
      for (let i = 0; i < 2; i++) await readAll(two, now);
      const left = async () => used.client.query("SELECT exp FROM sessions_revoked WHERE name = 'dropped'", []);
      // One in a hundred appends does it.
      for (let i = 0; (await left()).some(({ exp }) => Number(exp) === past); i++) {
        assert.ok(i < 3000);
        await two.append(entry("a"), now);
        if (i % 50 === 0) await readAll(two, now);
        if (i === 60) await new Promise((resolve) => setTimeout(resolve, 1100));
      }
      assert.deepEqual(await readAll(one, now), { keys: ["lineage:a"], isAnew: false });
    });

    it("reads a long list once", async (t) => {
      await readAll(opened("long"), now);
      for (const statement of many) await used.client.query(statement, []);
      const counted = counting(used.client);
      const reader = opened("long", counted);
      const startMs = performance.now();
      assert.equal((await readAll(reader, now)).keys.length, COUNT);
      t.diagnostic(`${COUNT} read in ${(performance.now() - startMs).toFixed(0)} ms`);
      await new Promise((resolve) => setTimeout(resolve, 1100));
      for (let i = 0; i < 2; i++) await readAll(reader, now);
      counted.rows = 0;
      await readAll(reader, now);
      assert.ok(counted.rows <= 1, `${counted.rows} rows`);
    });

    it("says which table is missing", async () => {
      const missing = log({ client: used.client, table: "nowhere", name: "session" });
      await assert.rejects(missing.append(entry("a"), now), /nowhere_revoked/);
      await assert.rejects(readAll(missing, now), /nowhere_revoked/);
    });
  });
}

describe("what is revoked, in memcached", { skip: lacking("memcached") }, () => {
  const used = useServer(startMemcached, (server) => openMemcached({ port: server.port, read_timeout: 10_000 }));
  const flush = () => askMemcached(used.server.port, "flush_all\r\n", "OK\r\n");
  const opened = (name: string): RevocationLog => memcachedLog({ client: used.client, name, prefix: "p" });
  const nameOf = (name: string, ...parts: (string | number)[]) =>
    encodeURIComponent(["p", name, "sesame@revoked", ...parts].join(":"));
  const idOf = async (name: string) => (await used.client.get(nameOf(name)))!.value;

  testRevocationLog("memcached", () => ({
    open: opened,
    async plant(name, text) {
      const id = await idOf(name);
      const number = await used.client.increment(nameOf(name, id));
      await used.client.store("set", nameOf(name, id, number!), text, 0);
    },
    empty: flush,
  }));

  it("waits for an entry whose number was given out", async () => {
    const log = opened("awaited");
    await log.append(entry("a"), now);
    await readAll(log, now);
    const id = await idOf("awaited");
    const number = await used.client.increment(nameOf("awaited", id));
    await log.append(entry("c"), now);
    const late = opened("awaited");
    assert.deepEqual((await readAll(log, now)).keys, ["lineage:c"]);
    assert.deepEqual((await readAll(late, now)).keys, ["lineage:a", "lineage:c"]);
    await used.client.store("set", nameOf("awaited", id, number!), encodeEntry(entry("b")), 0);
    for (const reader of [log, late])
      assert.deepEqual(await readAll(reader, now), { keys: ["lineage:b"], isAnew: false });
  });

  it("begins anew when any part of it is lost or is none of it", async () => {
    for (const spoil of [
      (id: string) => used.client.delete(nameOf("spoilt", id)),
      () => used.client.delete(nameOf("spoilt")),
      () => used.client.store("set", nameOf("spoilt"), "x y\u00e4", 0),
      (id: string) => used.client.store("set", nameOf("spoilt", id), "99999999999", 0),
      (id: string) => used.client.store("set", nameOf("spoilt", id), "0", 0),
    ]) {
      const [one, two] = [opened("spoilt"), opened("spoilt")];
      await one.append(entry("a"), now);
      for (const log of [one, two]) await readAll(log, now);
      await spoil(await idOf("spoilt"));
      let found = await readAll(two, now).catch(() => undefined);
      found ??= await readAll(two, now);
      assert.equal(found.isAnew, true);
      await one.append(entry("b"), now);
      assert.ok((await readAll(two, now)).keys.includes("lineage:b"));
    }
  });

  it("does not look for what has long ended when it is read from the start", async (t) => {
    const log = opened("old");
    await log.append({ key: "[null,null]", before: now, expires: now + 34_560_000 }, now);
    const id = await idOf("old");
    await used.client.store("set", nameOf("old", id), String(COUNT), 0);
    for (let i = 0; i < 10; i++) await log.append(entry(`${i}`), now);
    const counts: number[] = [];
    for (let i = 0; i < 2; i++) {
      const startMs = performance.now();
      assert.equal((await readAll(opened("old"), now)).keys.length, 11);
      counts.push(performance.now() - startMs);
    }
    t.diagnostic(`${COUNT} numbers in ${counts[0]!.toFixed(0)} ms, then in ${counts[1]!.toFixed(0)} ms`);
    const first = Number((await used.client.get(nameOf("old", id, "first")))!.value);
    assert.ok(first > COUNT - 2000, `${first}`);
  });
});

describe("what is revoked, in Cassandra", { skip: lackingCassandra() }, () => {
  const used = useServer(startCassandra, (server) => openCassandra({ ...server.settings, read_timeout: 10_000 }));

  testRevocationLog("cassandra", () => ({
    open: (name) => cassandraLog({ client: used.client, ensureTables: true, name }),
    plant: (name, text) =>
      used.client.query("INSERT INTO sessions_revoked (name, day, id, entry) VALUES (?, ?, now(), ?)", [
        name,
        Math.floor(now / 86_400),
        text,
      ]),
    empty: () => used.client.query("TRUNCATE TABLE sessions_revoked", []),
  }));

  it("reads days before, and page by page", async () => {
    const log = cassandraLog({ client: used.client, ensureTables: true, name: "long" });
    const old = now - 30 * 86_400;
    await log.append({ key: "lineage:old", before: null, expires: old + 34_560_000 }, old);
    for (let i = 0; i < 2500; i += 100) {
      await Promise.all(Array.from({ length: 100 }, (_, at) => log.append(entry(`${i + at}`), now)));
    }
    assert.equal((await readAll(log, now)).keys.length, 2501);
    // The next look back for as long as clocks may differ.
    await new Promise((resolve) => setTimeout(resolve, 7500));
    for (let i = 0; i < 2; i++) await readAll(log, now);
    assert.deepEqual((await readAll(log, now)).isAnew, false);
  });
});
