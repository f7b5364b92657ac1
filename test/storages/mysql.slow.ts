import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { openMysql } from "../../src/plugins/session/clients/mysql.ts";
import { mysqlStorage } from "../../src/session/index.ts";
import { testSessionStorage } from "../contracts/session-storage.ts";
import { testOutage } from "../contracts/storage-outage.ts";
import { lacking } from "../helpers/servers.ts";
import { type SqlServer, startMariadb } from "../helpers/sql-servers.ts";

const index = { audience: "YXVk", subject: "c3Vi" };
const key = () => randomBytes(32).toString("base64url");
const now = 1_900_000_000;

describe("MariaDB", { skip: lacking("mariadbd", "mariadb-install-db") }, () => {
  let server: SqlServer;
  let client: ReturnType<typeof openMysql>;
  before(async () => {
    server = await startMariadb("a secret");
    client = openMysql({ ...server.settings, read_timeout: 10_000 });
  });
  after(async () => {
    await client?.close();
    await server?.remove();
  });

  testSessionStorage("mysql", () => mysqlStorage({ client, ensureTables: true }));
  testSessionStorage("mysql cleaning up at every save", () =>
    mysqlStorage({ client, ensureTables: true, table: "sesame.often", cleanUpProbability: 1 }),
  );

  test("nodes that start at once do not mind each other's creating the tables", async () => {
    const open = () => mysqlStorage({ client, ensureTables: true, table: "other", table_meta: "other_index" });
    const write = { now, ttl: 100, metadata: [index] };
    await Promise.all([1, 2, 3, 4, 5].map(() => open().set("session", key(), "text", write)));
    assert.equal((await open().list("session", index, now)).size, 5);
  });

  test("rows are those of lua-resty-session, with times in UTC", async () => {
    const storage = mysqlStorage({ client, ensureTables: true });
    const own = key();
    await storage.set("session", own, "text", { now, ttl: 100, metadata: [index] });
    const [row] = await client.query(
      `SELECT s.sid, s.name, s.data, CAST(s.exp AS CHAR) AS exp, m.aud, m.sub
       FROM sessions s JOIN sessions_meta m ON m.sid = s.sid WHERE s.sid = ?`,
      [own],
    );
    const expected = { sid: own, name: "session", data: "text", exp: "2030-03-17 17:48:20", aud: "YXVk", sub: "c3Vi" };
    assert.deepEqual({ ...row }, expected);
    await storage.delete("session", own, now);
    assert.deepEqual(await client.query("SELECT * FROM sessions_meta WHERE sid = ?", [own]), []);
  });

  test("a time beyond 2038 is a time", async () => {
    const storage = mysqlStorage({ client, ensureTables: true });
    const own = key();
    const later = 2 ** 31 + 1_000;
    await storage.set("session", own, "text", { now: later, ttl: 100, metadata: [index] });
    assert.equal(await storage.get("session", own, later + 100), "text");
    assert.equal(await storage.get("session", own, later + 101), undefined);
    assert.equal((await storage.list("session", index, later)).get(own), later + 100);
  });

  test("a table that somebody created without care for upper and lower case does not mix subjects", async () => {
    for (const statement of [
      "CREATE TABLE careless (sid CHAR(43) PRIMARY KEY, name VARCHAR(255), data MEDIUMTEXT, exp DATETIME) CHARACTER SET ascii",
      "CREATE TABLE careless_meta (aud VARCHAR(255), sub VARCHAR(255), sid CHAR(43), PRIMARY KEY (aud, sub, sid)) CHARACTER SET ascii",
    ]) {
      await client.query(statement, []);
    }
    const storage = mysqlStorage({ client, table: "careless" });
    const [one, two] = [key(), key()];
    await storage.set("session", one, "1", { now, ttl: 100, metadata: [{ audience: "a", subject: "ALICE" }] });
    await storage.set("session", two, "2", { now, ttl: 100, metadata: [{ audience: "a", subject: "alice" }] });
    assert.deepEqual([...(await storage.list("session", { audience: "a", subject: "alice" }, now)).keys()], [two]);
  });

  test("a server that is not strict cuts nothing", async () => {
    await client.query("SET GLOBAL sql_mode = ''", []).catch(() => undefined);
    const storage = mysqlStorage({ client, ensureTables: true });
    const write = (metadata = [index]) => ({ now, ttl: 100, metadata });
    await assert.rejects(storage.set("session", key(), "x".repeat(2 ** 24), write()), /at most 16777215/);
    await assert.rejects(storage.set("session", key(), "ü", write()), /must be ASCII/);
    for (const subject of ["x".repeat(256), "jürgen"]) {
      await assert.rejects(storage.set("session", key(), "1", write([{ audience: "a", subject }])), /at most 255/);
    }
  });

  test("a clean-up deletes what has expired, with its place in the indexes", async () => {
    const storage = mysqlStorage({ client, ensureTables: true, table: "cleaned" });
    const [dead, alive] = [key(), key()];
    await storage.set("session", dead, "text", { now, ttl: 10, metadata: [index] });
    await storage.set("session", alive, "text", { now, ttl: 20, metadata: [index] });
    await storage.cleanUp(now + 15);
    const left = (await client.query("SELECT sid FROM cleaned_meta", [])).map(({ sid }) => sid);
    assert.deepEqual(left, [alive]);
  });

  test("a wrong password is an error without it", async () => {
    const other = openMysql({ ...server.settings, password: "mistyped" });
    await assert.rejects(other.query("SELECT 1", []), (error: Error) => {
      assert.match(error.message, /Access denied/);
      assert.ok(!JSON.stringify({ ...error, stack: error.stack }).includes("mistyped"));
      return true;
    });
    await other.close();
  });

  testOutage("mysql", {
    server: () => server,
    open(port) {
      const opened = openMysql({ ...server.settings, port, connect_timeout: 1000, read_timeout: 1000 });
      const storage = mysqlStorage({ client: opened, ensureTables: true });
      return { storage, close: () => opened.close() };
    },
    isDurable: true,
  });
});
