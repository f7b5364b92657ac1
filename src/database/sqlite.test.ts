import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Mock, type TestContext, test } from "node:test";
import { service } from "../entities/index.ts";
import type { DatabaseError } from "./errors.ts";
import { migrations } from "./migrations.ts";
import { openSqlite } from "./sqlite.ts";
import { createStores } from "./stores.ts";

function createFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "sesame-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

const fails = (code: string, message: RegExp) => (error: DatabaseError) => {
  assert.equal(error.code, code);
  assert.match(error.message, message);
  return true;
};

test("the file and its log are for the owner alone", async (t) => {
  const file = join(createFolder(t), "sesame.db");
  const database = openSqlite({ file });
  await database.execute("CREATE TABLE x (a TEXT)");
  for (const name of [file, `${file}-wal`, `${file}-shm`]) assert.equal(statSync(name).mode & 0o777, 0o600, name);
  await database.close();
});

test("a folder that is not there, and one in the place of the file, are named", (t) => {
  const folder = createFolder(t);
  const file = join(folder, "no", "sesame.db");
  assert.throws(
    () => openSqlite({ file }),
    fails("ERR_DATABASE_OPEN", /cannot open the database .*no.sesame\.db: ENOENT/),
  );
  assert.throws(() => openSqlite({ file: folder }), fails("ERR_DATABASE_OPEN", /unable to open database file/));
  assert.throws(() => openSqlite({ file, readOnly: true }), fails("ERR_DATABASE_OPEN", /cannot open the database/));
});

test("a file that is no database is named and left as it is", (t) => {
  const file = join(createFolder(t), "notes.txt");
  writeFileSync(file, "These are notes and no database, however long one looks at them.\n".repeat(20));
  assert.throws(() => openSqlite({ file }), fails("ERR_DATABASE_FORMAT", /notes\.txt is not an SQLite database/));
  assert.equal(statSync(file).size, 1300);
});

test("a read answers without a promise, and inside of a transaction nobody else looks", async (t) => {
  const database = openSqlite({ file: ":memory:" });
  t.after(() => database.close());
  assert.ok(!(database.execute("CREATE TABLE x (a TEXT)") instanceof Promise));
  let outside: unknown;
  await assert.rejects(
    database.transaction(async (tx) => {
      await tx.execute("INSERT INTO x VALUES (?)", ["1"]);
      outside = database.execute("SELECT * FROM x");
      assert.equal((await tx.execute("SELECT * FROM x")).length, 1);
      throw new Error("no");
    }),
    { message: "no" },
  );
  assert.ok(outside instanceof Promise);
  assert.deepEqual(await outside, []);
  assert.ok(!(database.execute("SELECT * FROM x") instanceof Promise));
});

test("transactions follow each other, whatever they wait for", async (t) => {
  const database = openSqlite({ file: ":memory:" });
  t.after(() => database.close());
  const order: string[] = [];
  const work = (name: string, waits: number) =>
    database.transaction(async () => {
      order.push(`${name} begins`);
      for (let index = 0; index < waits; index++) await Promise.resolve();
      order.push(`${name} ends`);
    });
  await Promise.all([work("a", 20), work("b", 0), work("c", 3)]);
  assert.deepEqual(order, ["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]);
});

test("a statement that fails names the database and not its values", async (t) => {
  const database = openSqlite({ file: ":memory:" });
  t.after(() => database.close());
  assert.throws(
    () => database.execute("SELECT ? FROM nowhere", ["secret"]),
    (error: DatabaseError) => {
      assert.match(error.message, /the database :memory: failed: no such table: nowhere/);
      assert.doesNotMatch(error.message, /secret/);
      return fails("ERR_DATABASE_FAILED", /failed/)(error);
    },
  );
});

test("a process that only reads sees every write of another, and has its own performed there", async (t) => {
  const file = join(createFolder(t), "sesame.db");
  const primary = await createStores(openSqlite({ file }), { plugins: [] });
  const reader = openSqlite({ file, readOnly: true });
  const worker = await createStores(reader, {
    plugins: [],
    write: async (write) => structuredClone(await primary.write(structuredClone(write))),
  });
  const row = await worker.of(service).insert({ name: "s", host: "h" });
  const found = worker.of(service).select({ name: "s" });
  assert.ok(!(found instanceof Promise));
  assert.deepEqual(found, row);
  await primary.of(service).update({ name: "s" }, { host: "g" });
  assert.equal((await worker.of(service).select({ name: "s" }))?.host, "g");
  await assert.rejects(worker.of(service).insert({ name: "s", host: "h" }), { code: 5 });
  assert.throws(() => reader.execute("DELETE FROM services"), fails("ERR_DATABASE_FAILED", /readonly/));
});

test("changes of another process reach the listeners when they are told", async (t) => {
  const database = openSqlite({ file: ":memory:" });
  t.after(() => database.close());
  const stores = await createStores(database, { plugins: [] });
  const heard: string[] = [];
  stores.onChange(([change]) => void heard.push(change!.entity));
  await stores.publish([{ entity: "services", operation: "delete", row: { id: "x" } }]);
  assert.deepEqual(heard, ["services"]);
});

test("what was answered survives the sudden death of the process", { timeout: 20_000 }, async (t) => {
  const file = join(createFolder(t), "sesame.db");
  const program = `
    import { writeSync } from "node:fs";
    import { openSqlite, createStores } from ${JSON.stringify(new URL("index.ts", import.meta.url).href)};
    const stores = await createStores(openSqlite({ file: process.argv[1] }), { plugins: [] });
    const services = stores.named("services");
    for (let worker = 0; worker < 64; worker++) void (async () => {
      for (let number = 0; ; number++) {
        const name = \`s\${worker}-\${number}\`;
        await services.insert({ name, host: "h" });
        writeSync(1, name + "\\n");
      }
    })();
  `;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program, file], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  let said = "";
  child.stdout.on("data", (chunk) => {
    said += chunk;
    if (said.length > 10_000) child.kill("SIGKILL");
  });
  assert.deepEqual(await once(child, "close"), [null, "SIGKILL"]);
  const database = openSqlite({ file });
  const stores = await createStores(database, { plugins: [] });
  const kept = new Set((await stores.of(service).all()).map(({ name }) => name));
  const answered = said.split("\n").slice(0, -1);
  assert.ok(answered.length > 500);
  assert.deepEqual(
    answered.filter((name) => !kept.has(name)),
    [],
  );
  await database.close();
});

test("writes that come together while the database fails all fail at once", async (t) => {
  const file = join(createFolder(t), "sesame.db");
  const writable = openSqlite({ file });
  await createStores(writable, { plugins: [] });
  await writable.close();
  const database = openSqlite({ file, readOnly: true });
  t.after(() => database.close());
  const stores = await createStores(database, { plugins: [] });
  t.mock.method(database, "transaction");
  const writes = await Promise.allSettled(Array.from({ length: 50 }, () => stores.of(service).insert({ host: "h" })));
  for (const write of writes) assert.equal(write.status === "rejected" && write.reason.code, "ERR_DATABASE_FAILED");
  assert.equal((database.transaction as unknown as Mock<() => void>).mock.callCount(), 1);
});

test("processes that open a new database at once all find it ready", { timeout: 20_000 }, async (t) => {
  const file = join(createFolder(t), "sesame.db");
  const program = `
    import { openSqlite, createStores } from ${JSON.stringify(new URL("index.ts", import.meta.url).href)};
    const stores = await createStores(openSqlite({ file: process.argv[1] }), { plugins: [] });
    await stores.named("services").insert({ host: "h" });
  `;
  const runs = Array.from({ length: 4 }, async () => {
    const child = spawn(process.execPath, ["--input-type=module", "-e", program, file], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    let errors = "";
    child.stderr.on("data", (chunk) => (errors += chunk));
    const [status] = await once(child, "close");
    assert.equal(status, 0, errors);
  });
  await Promise.all(runs);
  const database = openSqlite({ file });
  const stores = await createStores(database, { plugins: [] });
  assert.equal((await stores.of(service).all()).length, 4);
  const versions = await database.execute('SELECT "version" FROM "schema_migrations"');
  assert.deepEqual(
    versions.map(({ version }) => version),
    migrations.map(({ version }) => version),
  );
  await database.close();
});
