import assert from "node:assert/strict";
import { test } from "node:test";
import { numberPlaces, Statements } from "./statements.ts";

test("places are numbered, and question marks within quotes are none", () => {
  const rows: [sql: string, numbered: string][] = [
    ["SELECT 1", "SELECT 1"],
    ["? + ?", "$1 + $2"],
    [
      `SELECT '?', "a?" FROM t WHERE x = ? AND y = 'it''s ?' AND z = ?`,
      `SELECT '?', "a?" FROM t WHERE x = $1 AND y = 'it''s ?' AND z = $2`,
    ],
  ];
  for (const [sql, numbered] of rows) assert.equal(numberPlaces(sql), numbered);
});

test("a statement keeps its name, and beyond the limit statements have none", () => {
  const statements = new Statements();
  const first = statements.of("SELECT ?");
  assert.deepEqual(first, { name: "s0", text: "SELECT $1" });
  assert.equal(statements.of("SELECT ?"), first);
  const names = Array.from({ length: 600 }, (_, index) => statements.of(`SELECT ${index}`).name);
  assert.equal(new Set(names).size, 500);
  assert.deepEqual(statements.of("SELECT ?, 1"), { text: "SELECT $1, 1" });
});
