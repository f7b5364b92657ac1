import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSqlite } from "../../src/database/index.ts";
import { testDatabase } from "./database.ts";

testDatabase("SQLite in memory", (t) => {
  const database = openSqlite({ file: ":memory:" });
  t.after(() => database.close());
  return database;
});

testDatabase("SQLite in a file", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "sesame-"));
  const database = openSqlite({ file: join(folder, "sesame.db") });
  t.after(() => {
    void database.close();
    rmSync(folder, { recursive: true });
  });
  return database;
});
