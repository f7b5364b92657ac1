import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, type TestContext, test } from "node:test";
import pg from "pg";
import { generate } from "selfsigned";
import {
  createStores,
  type Database,
  openPostgres,
  type PostgresOptions,
  type PostgresTls,
} from "../../src/database/index.ts";
import { type Change, consumer, type Stores } from "../../src/entities/index.ts";
import { keyauthCredential } from "../../src/plugins/key-auth/entities.ts";
import { lacking, serverFolder, unprivileged, until } from "../helpers/servers.ts";
import { type SqlServer, startPostgres } from "../helpers/sql-servers.ts";
import { plugins, testDatabase } from "./database.ts";

describe("on a PostgreSQL server", { skip: lacking("postgres", "initdb") }, () => {
  let server: SqlServer;
  let schemas = 0;
  before(async () => {
    server = await startPostgres("a 'password'");
  });
  after(() => server?.remove());

  /** Each test has a schema of its own. */
  function freshOptions(changes: Partial<PostgresOptions> = {}): PostgresOptions {
    const { username: user, ...settings } = server.settings;
    const limits = { timeoutMs: 5000, maxConnections: 8, idleTimeoutMs: 60_000 };
    return { ...settings, user, schema: `a "schema" no. ${++schemas}`, ...limits, ...changes };
  }

  async function open(t: TestContext, options: PostgresOptions): Promise<Database> {
    const database = await openPostgres(options);
    t.after(() => database.close());
    return database;
  }

  testDatabase("PostgreSQL", (t) => open(t, freshOptions()));

  interface Node {
    readonly database: Database;
    readonly stores: Stores;
    readonly heard: Change[];
    readonly resets: { count: number };
  }

  async function openNode(t: TestContext, options: PostgresOptions): Promise<Node> {
    const database = await open(t, options);
    const stores = await createStores(database, { plugins });
    const heard: Change[] = [];
    const resets = { count: 0 };
    stores.onChange((changes) => void heard.push(...changes));
    stores.onReset(() => void resets.count++);
    return { database, stores, heard, resets };
  }

  async function openNodes(t: TestContext, changes?: Partial<PostgresOptions>): Promise<[Node, Node]> {
    const options = freshOptions(changes);
    return Promise.all([openNode(t, options), openNode(t, options)]);
  }

  /** What a node has been told, once it has been told of its own write. */
  async function told({ stores, heard }: Node): Promise<readonly Change[]> {
    await stores.of(consumer).insert({ username: `end ${Math.random()}` });
    return heard.slice(0, -1);
  }

  test("each node hears of the changes of all, in one order", async (t) => {
    const nodes = await openNodes(t);
    const writes = Array.from({ length: 60 }, (_, index) =>
      nodes[index % 2]!.stores.of(consumer).insert({ username: `u${index}` }),
    );
    await Promise.all(writes);
    const [first, second] = await Promise.all(nodes.map(told));
    const names = (changes: readonly Change[]) =>
      changes.map(({ row }) => row["username"]).filter((name) => /^u/.test(String(name)));
    assert.equal(names(first!).length, 60);
    assert.deepEqual(names(first!), names(second!));
  });

  test("a row too large for a notification is read by those who hear of it", async (t) => {
    const [first, second] = await openNodes(t);
    const tags = Array.from({ length: 400 }, (_, index) => `a tag with the number ${index}`);
    const row = await first.stores.of(consumer).insert({ username: "u", tags });
    const next = await first.stores.of(consumer).update({ id: row.id }, { custom_id: "c" });
    await first.stores.of(consumer).delete({ id: row.id });
    const heard = await told(second);
    assert.deepEqual(heard.map(({ operation }) => operation).at(-1), "delete");
    // What was gone already when it was read counts as deleted.
    for (const change of heard) {
      if (change.operation === "delete") assert.equal(change.row["username"], "u");
      else assert.deepEqual(change.row["tags"], next.tags);
    }
    assert.equal(second.resets.count, 0);
  });

  test("a row whose names are too large has everything read anew", async (t) => {
    const [first, second] = await openNodes(t);
    await first.stores.of(consumer).insert({ username: "x".repeat(20_000) });
    await told(second);
    assert.equal(second.resets.count, 1);
  });

  test("what a deletion takes with it arrives together, however much it is", async (t) => {
    const [first, second] = await openNodes(t);
    const { id } = await first.stores.of(consumer).insert({ username: "u" });
    const keys = first.stores.named("keyauth_credentials")!;
    await Promise.all(
      Array.from({ length: 100 }, (_, index) => keys.insert({ consumer: { id }, key: `key ${index}` })),
    );
    const groups: number[] = [];
    second.stores.onChange((changes) => void groups.push(changes.length));
    await first.stores.of(consumer).delete({ id });
    await told(second);
    assert.deepEqual(groups.slice(-2), [101, 1]);
  });

  test("what is written at once to one row on two nodes is all kept", async (t) => {
    const nodes = await openNodes(t);
    const { id } = await nodes[0].stores.of(consumer).insert({ username: "u", tags: [] });
    const store = (index: number) => nodes[index % 2]!.stores.named("plugins")!;
    await store(0).insert({ id, name: "key-auth" });
    const fields = ["anonymous", "newest", "key_names", "limits"] as const;
    const values = { anonymous: "a", newest: true, key_names: ["k"], limits: { low: 5 } };
    await Promise.all(
      Array.from({ length: 40 }, (_, index) => {
        const field = fields[index % 4]!;
        return store(index >> 2).update({ id }, { config: { [field]: values[field] } });
      }),
    );
    const row = (await store(0).select({ id })) as unknown as { config: object };
    assert.deepEqual(row.config, { ...values, limits: { low: 5, high: 9 }, old_names: null });
  });

  test("a lost link is made anew, and everything is read anew before memory counts again", async (t) => {
    const events: string[] = [];
    const [first, second] = await openNodes(t, { onLink: (event) => void events.push(event) });
    await until("both have a lease", () => first.stores.lease.isCurrent() && second.stores.lease.isCurrent(), 2000);
    const seen: number[] = [];
    for (const { stores, resets } of [first, second]) stores.lease.onRenew(() => seen.push(resets.count));
    await first.database.execute(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND query LIKE 'SELECT pg_notify%' AND state = 'idle'",
    );
    await until("both links are there again", () => events.filter((event) => event === "restored").length >= 2, 5000);
    await until(
      "both have a lease again",
      () => first.stores.lease.isCurrent() && second.stores.lease.isCurrent(),
      2000,
    );
    assert.ok(first.resets.count >= 1 && second.resets.count >= 1);
    await first.stores.of(consumer).insert({ username: "u" });
    assert.ok((await told(second)).some(({ row }) => row["username"] === "u"));
  });

  test("writes are answered while the link is lost and made anew", async (t) => {
    const [first, second] = await openNodes(t);
    let isOver = false;
    const killing = (async () => {
      for (let i = 0; i < 8; i++) {
        await second.database.execute(
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND query LIKE '%pg_notify($1, $2)%'",
        );
        await new Promise((resolve) => setTimeout(resolve, 60));
      }
      isOver = true;
    })();
    for (let index = 0; !isOver; index++) await first.stores.of(consumer).insert({ username: `u${index}` });
    await killing;
    assert.ok(first.heard.length > 10);
  });

  test("a notification of somebody else is not believed", async (t) => {
    const [first, second] = await openNodes(t);
    const { username, ...settings } = server.settings;
    const stranger = new pg.Client({ ...settings, user: username });
    await stranger.connect();
    t.after(() => stranger.end());
    const [row] = await first.database.execute(
      "SELECT 'sesame_' || left(encode(sha256(convert_to(current_schema(), 'UTF8')), 'hex'), 32) AS channel",
    );
    const heard: string[] = [];
    stranger.on("notification", ({ payload = "" }) => heard.push(payload));
    await stranger.query(`LISTEN "${row!["channel"]}"`);
    await first.stores.of(consumer).insert({ username: "a secret name" });
    const forged = {
      write: "x",
      isLast: true,
      changes: [{ entity: "consumers", operation: "delete", row: { id: "1" } }],
    };
    await stranger.query("SELECT pg_notify($1, $2)", [row!["channel"], JSON.stringify(forged)]);
    await until("everything is read anew", () => first.resets.count > 0 && second.resets.count > 0, 5000);
    assert.ok(!second.heard.some(({ operation }) => operation === "delete"));
    assert.equal(heard.length, 2);
    assert.ok(!heard[0]!.includes("secret") && !Buffer.from(heard[0]!, "base64").includes("secret"));
  });

  test("nodes that migrate a new database at once all find it ready", async (t) => {
    const options = freshOptions();
    await Promise.all(Array.from({ length: 4 }, () => openNode(t, options)));
  });

  test("a database that is not migrated is refused by those who may not", async (t) => {
    const options = freshOptions();
    const reader = await open(t, { ...options, readOnly: true });
    await assert.rejects(createStores(reader, { plugins }), { code: "ERR_DATABASE_OLDER" });
    const cautious = await open(t, options);
    await assert.rejects(createStores(cautious, { plugins, migrates: false }), {
      code: "ERR_DATABASE_OLDER",
      message: /has schema version 0 and needs \d+: run sesame migrations up$/,
    });
    await openNode(t, options);
    const stores = await createStores(reader, { plugins });
    await assert.rejects(stores.of(consumer).insert({ username: "u" }), { code: "ERR_DATABASE_FAILED" });
    await createStores(cautious, { plugins, migrates: false });
    const more = { name: "more", config: {}, entities: [{ ...consumer, name: "others" }] } as never;
    await assert.rejects(createStores(reader, { plugins: [...plugins, more] }), { message: /lacks others: run/ });
  });

  test("a server that cannot be used is named, without its password", async () => {
    const rows: [changes: Partial<PostgresOptions>, message: RegExp][] = [
      [{ port: 1 }, /^cannot open the PostgreSQL database sesame at 127\.0\.0\.1:1: .*ECONNREFUSED/],
      [{ password: "hunter2" }, /password authentication failed for user "sesame"$/],
      [{ password: undefined }, /password/],
      [{ database: "nowhere" }, /database "nowhere" does not exist$/],
      [{ tls: { required: true, verify: false, version: "TLSv1.2" } }, /does not support SSL/],
    ];
    for (const [changes, message] of rows) {
      await assert.rejects(openPostgres(freshOptions(changes)), (error: Error & { code?: string }) => {
        assert.equal(error.code, "ERR_DATABASE_OPEN");
        assert.match(error.message, message);
        assert.doesNotMatch(error.message, /hunter2/);
        return true;
      });
    }
  });

  test("a database that is not in UTF-8 is refused", async (t) => {
    const admin = await open(t, freshOptions({ schema: undefined }));
    await admin.execute("CREATE DATABASE ascii ENCODING 'SQL_ASCII' TEMPLATE template0");
    await assert.rejects(openPostgres(freshOptions({ database: "ascii" })), /is in SQL_ASCII: make one in UTF8/);
  });

  test("a server without TLS is used where it need not have it", async (t) => {
    const tls = { required: false, verify: true, version: "TLSv1.3" } as const;
    const database = await open(t, freshOptions({ tls }));
    assert.deepEqual(await database.execute("SELECT 1 AS one"), [{ one: 1 }]);
  });

  test("a server with TLS is verified by the authorities that are given", async (t) => {
    const plain = await open(t, freshOptions());
    const folder = serverFolder(unprivileged());
    t.after(() => rmSync(folder, { recursive: true }));
    const pems = await generate([{ name: "commonName", value: "a server" }], {
      extensions: [{ name: "subjectAltName", altNames: [{ type: 7, ip: "127.0.0.1" }] }],
    });
    for (const [file, text] of Object.entries({ certificate: pems.cert, key: pems.private })) {
      writeFileSync(join(folder, file), text, { mode: 0o600 });
      const { uid, gid } = unprivileged();
      if (uid !== undefined && gid !== undefined) chownSync(join(folder, file), uid, gid);
    }
    await plain.execute(`ALTER SYSTEM SET ssl_cert_file = '${join(folder, "certificate")}'`);
    await plain.execute(`ALTER SYSTEM SET ssl_key_file = '${join(folder, "key")}'`);
    await plain.execute("ALTER SYSTEM SET ssl = on");
    await plain.execute("SELECT pg_reload_conf()");
    t.after(async () => {
      const admin = await openPostgres(freshOptions());
      await admin.execute("ALTER SYSTEM SET ssl = off");
      await admin.execute("SELECT pg_reload_conf()");
      await admin.close();
    });
    const connect = async (tls: Partial<PostgresTls>, host = "127.0.0.1") => {
      const full = { required: true, verify: true, version: "TLSv1.2", authorities: pems.cert, ...tls } as const;
      const database = await open(t, freshOptions({ host, tls: full }));
      return database.execute("SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()");
    };
    await until("the server has TLS", async () => (await connect({ verify: false })).length === 1, 5000);
    assert.deepEqual(await connect({ version: "TLSv1.3" }), [{ version: "TLSv1.3" }]);
    await assert.rejects(connect({ authorities: undefined }), /self.signed/i);
    await assert.rejects(connect({}, "localhost"), /does not match certificate/);
  });

  test("statements that fail, take too long or lose their connection do no harm to later ones", async (t) => {
    const database = await open(t, freshOptions({ timeoutMs: 1000, maxConnections: 1 }));
    const fails = (message: RegExp) => ({ code: "ERR_DATABASE_FAILED", message });
    const run = (sql: string, values?: string[]) => Promise.resolve(database.execute(sql, values));
    await assert.rejects(run("SELECT * FROM nowhere"), fails(/relation "nowhere" does not exist/));
    await assert.rejects(run("SELECT ?::bigint", ["secret"]), (error: Error) => !/secret/.test(error.message));
    await assert.rejects(run("SELECT pg_sleep(5)"), fails(/timeout/i));
    await assert.rejects(run("SELECT pg_terminate_backend(pg_backend_pid())"), fails(/terminat/));
    await assert.rejects(
      database.transaction(async (tx) => {
        await tx.execute("SELECT pg_terminate_backend(pg_backend_pid())");
      }),
      fails(/terminat/),
    );
    await assert.rejects(
      database.transaction(() => {
        throw new Error("no");
      }),
      { message: "no" },
    );
    assert.deepEqual(await run("SELECT 2::bigint AS a, 1.5::float8 AS b, true::int AS c, '1'::text AS d"), [
      { a: 2, b: 1.5, c: 1, d: "1" },
    ]);
  });

  test("an addition that waits for a lock does not hold up others for long", async (t) => {
    const { database, stores } = await openNode(t, freshOptions());
    const { id } = await stores.of(consumer).insert({ username: "u" });
    const [locked, unlock] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const holding = database.transaction(async (tx) => {
      await tx.execute('DELETE FROM "consumers" WHERE "id" = ?', [id]);
      locked.resolve();
      await unlock.promise;
      throw new Error("rolled back");
    });
    await locked.promise;
    let isAdded = false;
    const added = stores.of(keyauthCredential).insert({ consumer: { id }, key: "k" });
    void added.then(() => (isAdded = true));
    await new Promise(setImmediate);
    await stores.of(consumer).insert({ username: "v" });
    assert.equal(isAdded, false);
    unlock.resolve();
    await assert.rejects(holding, { message: "rolled back" });
    assert.equal((await added).key, "k");
  });

  test("what a node was answered survives its sudden death", async (t) => {
    const options = freshOptions();
    const { stores } = await openNode(t, options);
    const program = `
      import { writeSync } from "node:fs";
      import { openPostgres, createStores } from ${JSON.stringify(new URL("../../src/database/index.ts", import.meta.url).href)};
      const stores = await createStores(await openPostgres(JSON.parse(process.argv[1])), { plugins: [] });
      for (let worker = 0; worker < 64; worker++) void (async () => {
        for (let number = 0; ; number++) {
          const username = \`u\${worker}-\${number}\`;
          await stores.named("consumers").insert({ username });
          writeSync(1, username + "\\n");
        }
      })();
    `;
    const child = spawn(process.execPath, ["--input-type=module", "-e", program, JSON.stringify(options)], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    let said = "";
    child.stdout.on("data", (chunk) => {
      said += chunk;
      if (said.length > 10_000) child.kill("SIGKILL");
    });
    assert.deepEqual(await once(child, "close"), [null, "SIGKILL"]);
    const kept = new Set((await stores.of(consumer).all()).map(({ username }) => username));
    const answered = said.split("\n").slice(0, -1);
    assert.ok(answered.length > 500);
    assert.deepEqual(
      answered.filter((name) => !kept.has(name)),
      [],
    );
  });

  test("transactions that clash are run again, each until it is done", async (t) => {
    const database = await open(t, freshOptions());
    await database.migration(async (tx) => {
      await tx.execute("CREATE TABLE counter (n BIGINT)");
      await tx.execute("INSERT INTO counter VALUES (0)");
    });
    const increments = Array.from({ length: 100 }, () =>
      database.transaction(async (tx) => {
        const [row] = await tx.execute("SELECT n FROM counter");
        await tx.execute("UPDATE counter SET n = ?", [Number(row!["n"]) + 1]);
      }),
    );
    await Promise.all(increments);
    assert.deepEqual(await database.execute("SELECT n FROM counter"), [{ n: 100 }]);
  });
});
