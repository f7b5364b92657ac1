import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Literals } from "./router-literals.ts";

function find(table: Literals<string>, text: string): string[] {
  const found: string[] = [];
  assert.equal(table.find(text, found), found.length);
  return found;
}

test("the literals that a text begins with are found, shortest first", () => {
  const table = new Literals<string>("beginnings");
  for (const literal of ["/any", "/any/longer", "/", "/other", ""]) table.value(literal, () => literal);
  assert.deepEqual(find(table, "/any/longer/z"), ["", "/", "/any", "/any/longer"]);
  assert.deepEqual(find(table, "/an"), ["", "/"]);
  assert.deepEqual(find(table, "x"), [""]);
});

test("the literals that a text ends with are found, shortest first", () => {
  const table = new Literals<string>("ends");
  for (const literal of [".test", ".a.test", ".b.test"]) table.value(literal, () => literal);
  assert.deepEqual(find(table, "x.a.test"), [".test", ".a.test"]);
  assert.deepEqual(find(table, "test"), []);
});

test("a literal has one value", () => {
  const table = new Literals<object>("beginnings");
  assert.equal(
    table.value("/a", () => ({})),
    table.value("/a", () => ({})),
  );
});

test("of many literals exactly those are found that fit", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "b", "/", "\xff"), maxLength: 12 });
  fc.assert(
    fc.property(fc.array(text, { maxLength: 200 }), text, fc.boolean(), (literals, sought, atEnd) => {
      const table = new Literals<string>(atEnd ? "ends" : "beginnings");
      for (const literal of literals) table.value(literal, () => literal);
      const fits = (literal: string) => (atEnd ? sought.endsWith(literal) : sought.startsWith(literal));
      const expected = [...new Set(literals)].filter(fits).sort((a, b) => a.length - b.length);
      assert.deepEqual(find(table, sought), expected);
    }),
    { numRuns: 200 },
  );
});
