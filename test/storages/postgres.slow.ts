import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { openPostgres } from "../../src/plugins/session/clients/postgres.ts";
import { postgresStorage, type SessionError } from "../../src/session/index.ts";
import { testSessionStorage } from "../contracts/session-storage.ts";
import { testOutage } from "../contracts/storage-outage.ts";
import { lacking } from "../helpers/servers.ts";
import { type SqlServer, startPostgres } from "../helpers/sql-servers.ts";

const index = { audience: "YXVk", subject: "c3Vi" };
const key = () => randomBytes(32).toString("base64url");
const now = 1_900_000_000;

describe("PostgreSQL", { skip: lacking("postgres", "initdb") }, () => {
  let server: SqlServer;
  let client: ReturnType<typeof openPostgres>;
  before(async () => {
    server = await startPostgres("a secret");
    client = openPostgres({ ...server.settings, read_timeout: 10_000 });
  });
  after(async () => {
    await client?.close();
    await server?.remove();
  });

  testSessionStorage("postgres", () => postgresStorage({ client, ensureTables: true }));
  testSessionStorage("postgres cleaning up at every save", () =>
    postgresStorage({ client, ensureTables: true, table: "often", cleanUpProbability: 1 }),
  );

  test("nodes that start at once do not mind each other's creating the tables", async () => {
    await client.query("CREATE SCHEMA other", []);
    const open = () =>
      postgresStorage({ client, ensureTables: true, table: "other.sessions", table_meta: "other.meta" });
    const own = key();
    const write = { now, ttl: 100, metadata: [index] };
    for (let round = 0; round < 20; round++) {
      await client.query("DROP TABLE IF EXISTS other.meta, other.sessions", []);
      await Promise.all([1, 2, 3, 4, 5].map(() => open().set("session", key(), "text", write)));
    }
    await open().set("session", own, "text", write);
    assert.equal(await open().get("session", own, now), "text");
    assert.equal((await open().list("session", index, now)).size, 6);
  });

  test("rows are those of lua-resty-session, at the same time whatever the session's time zone", async () => {
    const storage = postgresStorage({ client, ensureTables: true });
    const own = key();
    await storage.set("session", own, "text", { now, ttl: 100, metadata: [index] });
    const [row] = await client.query(
      `SELECT s.*, exp AT TIME ZONE 'UTC' = to_timestamp($2) AT TIME ZONE 'UTC' AS same, aud, sub
       FROM sessions s JOIN sessions_meta m ON m.sid = s.sid WHERE s.sid = $1`,
      [own, now + 100],
    );
    const { exp: _, ...rest } = row!;
    assert.deepEqual(rest, { sid: own, name: "session", data: "text", same: true, aud: "YXVk", sub: "c3Vi" });
    await storage.delete("session", own, now);
    assert.deepEqual(await client.query("SELECT * FROM sessions_meta WHERE sid = $1", [own]), []);
  });

  test("a clean-up deletes what has expired, with its place in the indexes", async () => {
    const storage = postgresStorage({ client, ensureTables: true, table: "cleaned" });
    const [dead, alive] = [key(), key()];
    await storage.set("session", dead, "text", { now, ttl: 10, metadata: [index] });
    await storage.set("session", alive, "text", { now, ttl: 20, metadata: [index] });
    await storage.cleanUp(now + 15);
    assert.deepEqual(await client.query("SELECT sid FROM cleaned", []), [{ sid: alive }]);
    assert.deepEqual(await client.query("SELECT sid FROM cleaned_meta", []), [{ sid: alive }]);
  });

  for (const table of ["a b", "sessions; DROP TABLE sessions", "a.b.c", "", '"quoted"', "1st"]) {
    test(`the table ${JSON.stringify(table)} is refused when it is configured`, () => {
      assert.throws(
        () => postgresStorage({ client, table }),
        (error: SessionError) => error.code === "ERR_SESSION_OPTION",
      );
    });
  }

  test("a table that is missing is an error", async () => {
    const storage = postgresStorage({ client, table: "missing" });
    await assert.rejects(storage.get("session", key(), now), /relation "missing" does not exist/);
  });

  test("a wrong password is an error without it", async () => {
    const other = openPostgres({ ...server.settings, password: "mistyped" });
    await assert.rejects(other.query("SELECT 1", []), (error: Error) => {
      assert.match(error.message, /password authentication failed/);
      assert.ok(!JSON.stringify({ ...error, stack: error.stack }).includes("mistyped"));
      return true;
    });
    await other.close();
  });

  testOutage("postgres", {
    server: () => server,
    open(port) {
      const opened = openPostgres({ ...server.settings, port, connect_timeout: 1000, read_timeout: 1000 });
      const storage = postgresStorage({ client: opened, ensureTables: true });
      return { storage, close: () => opened.close() };
    },
    isDurable: true,
  });
});
