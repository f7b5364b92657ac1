import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { generate } from "selfsigned";
import { type CassandraSettings, openCassandra } from "../../src/plugins/session/clients/cassandra.ts";
import { cassandraStorage } from "../../src/session/index.ts";
import { testSessionStorage } from "../contracts/session-storage.ts";
import { testOutage } from "../contracts/storage-outage.ts";
import { type CassandraServer, lackingCassandra, startCassandra } from "../helpers/cassandra-server.ts";
import { useServer } from "../helpers/servers.ts";

const index = { audience: "YXVk", subject: "c3Vi" };
const key = () => randomBytes(32).toString("base64url");
const now = Math.floor(Date.now() / 1000);

describe("Cassandra", { skip: lackingCassandra() }, () => {
  const used = useServer(startCassandra, (server) => openCassandra({ ...server.settings, read_timeout: 10_000 }));

  testSessionStorage("cassandra", () => cassandraStorage({ client: used.client, ensureTables: true }));

  test("nodes that start at once do not mind each other's creating the tables", async () => {
    const open = () =>
      cassandraStorage({ client: used.client, ensureTables: true, table: "other", table_meta: "other_index" });
    const write = { now, ttl: 100, metadata: [index] };
    await Promise.all([1, 2, 3, 4, 5].map(() => open().set("session", key(), "text", write)));
    assert.equal((await open().list("session", index, now)).size, 5);
  });

  test("the server forgets by itself what has expired", async () => {
    const storage = cassandraStorage({ client: used.client, ensureTables: true });
    const [own, old] = [key(), key()];
    await storage.set("session", old, "text", { now, ttl: 1000, metadata: [index] });
    await storage.set("session", own, "text", { now, ttl: 1, metadata: [index], replaces: old, stale_ttl: 1 });
    const rows = async () => ({
      records: await used.client.query("SELECT data, ttl(data) AS ttl FROM sessions WHERE name = ? AND sid = ?", [
        "session",
        own,
      ]),
      shortened: await used.client.query("SELECT exp FROM sessions WHERE name = ? AND sid = ?", ["session", old]),
    });
    const before = await rows();
    assert.equal(before.records[0]!.data, "text");
    assert.ok(Number(before.records[0]!.ttl) <= 2);
    assert.notEqual(before.shortened[0]!.exp, null);
    await new Promise((resolve) => setTimeout(resolve, 3000));
    const after = await rows();
    assert.deepEqual(after.records, []);
    assert.equal(after.shortened[0]!.exp, null);
    assert.equal(await storage.get("session", old, now), undefined);
  });

  test("a life longer than Cassandra knows is cut", async () => {
    const storage = cassandraStorage({ client: used.client, ensureTables: true });
    const own = key();
    await storage.set("session", own, "text", { now, ttl: 3_000_000_000 });
    assert.equal(await storage.get("session", own, now), "text");
  });

  test("a renewal that runs beside the logout brings nothing back", async () => {
    const storage = cassandraStorage({ client: used.client, ensureTables: true });
    for (let i = 0; i < 20; i++) {
      const [old, fresh] = [key(), key()];
      await storage.set("session", old, "text", { now, ttl: 100, metadata: [index] });
      await Promise.all([
        storage.set("session", fresh, "text", { now, ttl: 100, metadata: [index], replaces: old, stale_ttl: 10 }),
        storage.delete("session", old, now, [index]),
      ]);
      assert.equal(await storage.get("session", old, now), undefined);
    }
  });

  test("a wrong password, and a keyspace that is not there, are errors without secrets", async () => {
    for (const [changes, expected] of [
      [{ password: "mistyped-0123" }, /no node of Cassandra answers/],
      [{ keyspace: "nowhere" }, /nowhere/],
    ] as const) {
      const other = openCassandra({ ...used.server.settings, ...changes });
      await assert.rejects(other.query("SELECT now() FROM system.local", []), (error: Error) => {
        assert.match(error.message, expected);
        assert.ok(!JSON.stringify({ ...error, stack: error.stack }).includes("mistyped"));
        return true;
      });
      await other.close();
    }
  });

  test("after its end, a client asks nothing any more", async () => {
    const other = openCassandra(used.server.settings);
    await other.query("SELECT now() FROM system.local", []);
    await other.close();
    await assert.rejects(other.query("SELECT now() FROM system.local", []), /was closed/);
  });

  testOutage("cassandra", {
    server: () => used.server,
    open(port) {
      const opened = openCassandra({ ...used.server.settings, port, connect_timeout: 1000, read_timeout: 1000 });
      return { storage: cassandraStorage({ client: opened, ensureTables: true }), close: () => opened.close() };
    },
    isDurable: true,
  });
});

describe("Cassandra over TLS, as a user", { skip: lackingCassandra() }, () => {
  let server: CassandraServer;
  let ca: string;
  const account = { username: "sesame", password: "a-password-0123" };
  before(async () => {
    const made = await generate([{ name: "commonName", value: "cassandra.test" }], {
      extensions: [{ name: "subjectAltName", altNames: [{ type: 2, value: "cassandra.test" }] }],
    });
    ca = made.cert;
    server = await startCassandra({ tls: { cert: made.cert, key: made.private } });
    const admin = openCassandra({ ...server.settings, ssl: true, read_timeout: 10_000 });
    await cassandraStorage({ client: admin, ensureTables: true }).get("session", key(), now);
    await admin.query(`CREATE ROLE ${account.username} WITH PASSWORD = '${account.password}' AND LOGIN = true`, []);
    await admin.query(`GRANT SELECT ON KEYSPACE sesame TO ${account.username}`, []);
    await admin.query(`GRANT MODIFY ON KEYSPACE sesame TO ${account.username}`, []);
    await admin.close();
  });
  after(() => server?.remove());

  const ask = async <T>(
    changes: CassandraSettings,
    work: (client: ReturnType<typeof openCassandra>) => Promise<T>,
    authority?: string,
  ) => {
    const settings = { ...server.settings, ...account, ssl: true, ...changes };
    const client = openCassandra({ ...settings, read_timeout: 10_000 }, { ca: authority });
    try {
      return await work(client);
    } finally {
      await client.close();
    }
  };

  test("sessions are kept by who may read and write them", async () => {
    await ask({}, async (client) => {
      const storage = cassandraStorage({ client });
      const [own, fresh] = [key(), key()];
      await storage.set("session", own, "text", { now, ttl: 100, metadata: [index] });
      await storage.set("session", fresh, "text", { now, ttl: 100, metadata: [index], replaces: own, stale_ttl: 10 });
      assert.equal(await storage.noteSuccessor("session", own, "first", { now, ttl: 10 }), "first");
      assert.equal(await storage.noteSuccessor("session", own, "second", { now, ttl: 10 }), "first");
      assert.deepEqual([...(await storage.list("session", index, now)).keys()], [fresh]);
      await storage.delete("session", fresh, now, [index]);
      assert.equal(await storage.get("session", fresh, now), undefined);
    });
    const refused = ask({}, (client) => client.query("CREATE TABLE other (id text PRIMARY KEY)", []));
    await assert.rejects(refused, /no CREATE permission/);
  });

  test("a certificate is verified when that is asked for, and without encryption nobody is served", async () => {
    const verified = { ssl_verify: true, server_name: "cassandra.test" };
    const now = (client: ReturnType<typeof openCassandra>) => client.query("SELECT now() FROM system.local", []);
    assert.equal((await ask(verified, now, ca)).length, 1);
    for (const [changes, authority] of [
      [verified, undefined],
      [{ ...verified, server_name: "other.test" }, ca],
      [{ ssl: false }, ca],
      [{ password: "mistyped-0123" }, ca],
    ] as const) {
      await assert.rejects(ask(changes, now, authority), (error: Error) => {
        assert.match(error.message, /no node of Cassandra answers|took longer/);
        assert.ok(!JSON.stringify({ ...error, stack: error.stack }).includes("0123"));
        return true;
      });
    }
  });
});
