import assert from "node:assert/strict";
import { test } from "node:test";
import { mysqlStorage } from "./mysql.ts";
import { postgresStorage } from "./postgres.ts";
import type { SqlClient } from "./sql.ts";

/** A client whose statements fail with these errors first, and what it was asked. */
function clientOf(...errors: object[]): { client: SqlClient; asked: string[] } {
  const asked: string[] = [];
  const query = async (sql: string) => {
    asked.push(sql.trim().split(/\s+/, 1)[0]!);
    const error = errors.shift();
    if (error) throw Object.assign(new Error("no"), error);
    return [];
  };
  return { client: { query }, asked };
}

const write = { now: 1_900_000_000, ttl: 100 };

for (const [what, storage, error] of [
  ["MySQL", mysqlStorage, { errno: 1213 }],
  ["PostgreSQL", postgresStorage, { code: "40P01" }],
  ["PostgreSQL", postgresStorage, { code: "40001" }],
] as const) {
  test(`a statement that ${what} gave up with ${JSON.stringify(error)} is repeated, a few times`, async () => {
    const some = clientOf(error, error);
    await storage({ client: some.client, cleanUpProbability: 0 }).set("session", "k", "text", write);
    assert.deepEqual(some.asked, ["INSERT", "INSERT", "INSERT"]);
    const many = clientOf(...Array(9).fill(error));
    await assert.rejects(storage({ client: many.client }).get("session", "k", 1), error);
    assert.equal(many.asked.length, 5);
  });

  test(`any other error of ${what} is an error (${JSON.stringify(error)})`, async () => {
    const { client, asked } = clientOf({ errno: 1, code: "42P01" });
    await assert.rejects(storage({ client }).get("session", "k", 1), { code: "42P01" });
    assert.equal(asked.length, 1);
  });
}

test("tables are created once, before the first use, and again when that failed", async () => {
  const { client, asked } = clientOf({ code: "ECONNREFUSED" });
  const storage = mysqlStorage({ client, ensureTables: true });
  await assert.rejects(storage.get("session", "k", 1), { code: "ECONNREFUSED" });
  await Promise.all([storage.get("session", "k", 1), storage.get("session", "k", 1)]);
  assert.deepEqual(asked, ["CREATE", "CREATE", "CREATE", "SELECT", "SELECT"]);
});

test("a clean-up that fails is nobody's trouble", async () => {
  const { client, asked } = clientOf();
  const query: SqlClient["query"] = (sql, values) =>
    sql.includes("exp <") ? Promise.reject(new Error("no")) : client.query(sql, values);
  const storage = postgresStorage({ client: { query }, cleanUpProbability: 1 });
  await storage.set("session", "k", "text", write);
  await storage.delete("session", "k", 1);
  await assert.rejects(storage.cleanUp(1), /^Error: no$/);
  assert.deepEqual(asked, ["INSERT", "DELETE"]);
});

test("the second table is named after the first, unless it has a name", async () => {
  const statements: string[] = [];
  const query = async (sql: string) => {
    statements.push(sql);
    return [];
  };
  const client: SqlClient = { query };
  const index = { audience: "a", subject: "s" };
  await mysqlStorage({ client, table: "db.visits" }).list("session", index, 1);
  await postgresStorage({ client, table: "visits", table_meta: "who" }).list("session", index, 1);
  assert.match(statements[0]!, /FROM db\.visits_meta m JOIN db\.visits s/);
  assert.match(statements[1]!, /FROM who m JOIN visits s/);
});
