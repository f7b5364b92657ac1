import assert from "node:assert/strict";
import { test } from "node:test";
import { liveEntry, readEntries, removedEntry } from "./index-entries.ts";
import { indexName, recordName } from "./names.ts";

const key = "9SV8Rv-wzc4VqEE6-I40s1yJzLWRRmB6c8SKrD8pNRA";

test("entries are written as lua-resty-session writes them", () => {
  assert.equal(liveEntry(key, 1_900_003_600), `${key}:EME_cQA;`);
  assert.equal(removedEntry(key), `${key};`);
});

test("the last entry of a key counts, and what has expired is dead", () => {
  const text =
    liveEntry("a", 200) + liveEntry("b", 100) + liveEntry("c", 200) + removedEntry("c") + liveEntry("a", 300);
  assert.deepEqual([...readEntries(text, 100)], [["a", 300]]);
});

for (const text of ["", ";", ";;:;", "a", "a:;", "a:*;", "a:AA;", "a:b:c;", `${"x".repeat(10_000)};`]) {
  test(`a damaged index ${JSON.stringify(text.slice(0, 10))} has no live entry`, () => {
    assert.equal(readEntries(text, 0).size, 0);
  });
}

test("names are joined from the parts that are there; an empty text is there", () => {
  assert.equal(recordName({}, "session", "k"), "session:k");
  assert.equal(recordName({ prefix: "p", suffix: "s" }, "session", "k"), "p:session:k:s");
  assert.equal(recordName({ prefix: "" }, "session", "k"), ":session:k");
  assert.equal(indexName({ suffix: "s" }, "session", { audience: "a", subject: "b" }), "session:a:b:s");
});
