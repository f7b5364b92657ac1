import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeEntry, encodeEntry, LookBack, SLOWEST_APPEND_MS } from "./log.ts";

test("an entry is one line of ASCII", () => {
  for (const key of ["lineage:t.a", '[null,"jürgen\\n"]', '["a\u2028","\ud83d\ude00 \ud800"]']) {
    for (const before of [null, 1_900_000_000]) {
      const text = encodeEntry({ key, before, expires: 1_900_000_100 });
      assert.match(text, /^[\x20-\x7e]+$/);
      assert.deepEqual(decodeEntry(text), { key, before, expires: 1_900_000_100 });
    }
  }
});

test("what is no entry is none, and more than we know does no harm", () => {
  const rows: [text: unknown, reason: string][] = [
    [undefined, "nothing"],
    [7, "no text"],
    ["", "empty"],
    ['{"key":"lineage:a","before":null,"expi', "cut"],
    ["null", "no record"],
    ["[]", "no record"],
    ['{"before":null,"expires":1}', "no key"],
    ['{"key":7,"before":null,"expires":1}', "a key that is none"],
    ['{"key":"lineage:a","expires":1}', "says nothing of before"],
    ['{"key":"lineage:a","before":"now","expires":1}', "no time"],
    ['{"key":"lineage:a","before":null,"expires":1e999}', "no end"],
    ['{"key":"lineage:a","before":null,"expires":null}', "no end"],
  ];
  for (const [text, reason] of rows) assert.equal(decodeEntry(text), undefined, reason);
  const newer = '{"version":2,"key":"lineage:a","before":null,"expires":9,"by":"x"}';
  assert.deepEqual(decodeEntry(newer), { key: "lineage:a", before: null, expires: 9 });
});

test("where the name says the key, the text need not, and must not say another", () => {
  assert.equal(decodeEntry('{"before":null,"expires":9}', "lineage:a")?.key, "lineage:a");
  assert.equal(decodeEntry('{"key":"lineage:b","before":null,"expires":9}', "lineage:a"), undefined);
});

test("a reading looks back behind what became visible as long ago as an append may take", async () => {
  const back = new LookBack(50, 20);
  assert.equal(back.from, 30);
  back.advance(60, performance.now());
  assert.equal(back.from, 30, "what is beyond may still become visible");
  // Later by the clock than everything that was found, by what an append may take.
  back.advance(70, performance.now() + SLOWEST_APPEND_MS + 1);
  assert.equal(back.from, 70);
  back.advance(65, performance.now());
  assert.deepEqual([back.from, back.latest], [70, 70]);
});
