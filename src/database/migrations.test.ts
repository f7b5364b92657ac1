import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { consumer, service } from "../entities/index.ts";
import type { Entity } from "../schema/index.ts";
import { migrate, migrations, requireMigrated } from "./migrations.ts";
import type { Database } from "./sql.ts";
import { openSqlite } from "./sqlite.ts";
import { createStores } from "./stores.ts";
import { createTables } from "./tables.ts";

function openFile(t: TestContext): { readonly file: string; readonly database: Database } {
  const folder = mkdtempSync(join(tmpdir(), "sesame-"));
  const file = join(folder, "sesame.db");
  const database = openSqlite({ file });
  t.after(() => {
    void database.close();
    rmSync(folder, { recursive: true });
  });
  return { file, database };
}

test("versions are numbered from one, without a gap", () => {
  assert.deepEqual(
    migrations.map(({ version }) => version),
    migrations.map((_, index) => index + 1),
  );
});

test("migrating again changes nothing and loses nothing", async (t) => {
  const { database } = openFile(t);
  const stores = await createStores(database, { plugins: [] });
  const row = await stores.of(service).insert({ host: "h" });
  const again = await createStores(database, { plugins: [] });
  assert.deepEqual(await again.of(service).all(), [row]);
});

test("a newer database is refused by name, with both versions, and left as it is", async (t) => {
  const { file, database } = openFile(t);
  const tables = createTables([service]);
  await migrate(database, tables, [
    ...migrations,
    { version: 7, name: "later", statements: ["CREATE TABLE later (a TEXT)"] },
  ]);
  const message = `the database ${file} has schema version 7, this program knows versions up to ${migrations.length}: use a newer Sesame`;
  await assert.rejects(migrate(database, createTables([service, consumer])), { code: "ERR_DATABASE_NEWER", message });
  const reader = openSqlite({ file, readOnly: true });
  await assert.rejects(requireMigrated(reader, tables), { code: "ERR_DATABASE_NEWER", message });
  void reader.close();
  const names = await database.execute("SELECT name FROM sqlite_schema WHERE name = 'consumers'");
  assert.deepEqual(names, []);
});

test("a reader refuses a database that was not migrated yet", async (t) => {
  const { file, database } = openFile(t);
  await migrate(database, createTables([service]), []);
  const reader = openSqlite({ file, readOnly: true });
  await assert.rejects(requireMigrated(reader, createTables([service])), { code: "ERR_DATABASE_OLDER" });
  void reader.close();
});

test("a migration that fails leaves nothing behind", async (t) => {
  const { database } = openFile(t);
  const broken = {
    version: 1,
    name: "broken",
    statements: ["CREATE TABLE half (a TEXT)", "CREATE TABLE half (a TEXT)"],
  };
  await assert.rejects(migrate(database, createTables([service]), [broken]), { code: "ERR_DATABASE_FAILED" });
  assert.deepEqual(await database.execute("SELECT name FROM sqlite_schema"), []);
});

test("a field that is new in a schema gets its column, and rows of before its default", async (t) => {
  const { database } = openFile(t);
  const { enabled: _, retries: __, ...older } = service.fields;
  const before = { ...service, fields: older } as unknown as Entity;
  await migrate(database, createTables([before]));
  const insert = 'INSERT INTO "services" ("id", "protocol", "host", "port") VALUES (?, ?, ?, ?)';
  await database.execute(insert, ["0e3b8cde-3f2b-4d7f-8f4e-2a8d0a9b1c2d", "http", "h", 80]);
  const stores = await createStores(database, { plugins: [] });
  const [row] = await stores.of(service).all();
  assert.equal(row?.enabled, true);
  assert.equal(row?.retries, null);
});

test("lookups use indexes, those of plugins by their tuple too", async (t) => {
  const { database } = openFile(t);
  await createStores(database, { plugins: [] });
  const plan = async (where: string) => {
    const rows = await database.execute(`EXPLAIN QUERY PLAN SELECT * FROM ${where}`);
    return String(rows[0]?.["detail"]);
  };
  assert.match(await plan(`"services" WHERE "name" = 'x'`), /USING INDEX/);
  assert.match(await plan(`"routes" WHERE "service_id" = 'x'`), /USING INDEX/);
  assert.match(
    await plan(
      `"plugins" WHERE "name" = 'a' AND COALESCE("route_id", '') = '' AND COALESCE("service_id", '') = '' AND COALESCE("consumer_id", '') = ''`,
    ),
    /USING INDEX/,
  );
});
