import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { seal, sealable, unseal } from "./seal.ts";

const key = randomBytes(32);

test("what was sealed is read under the same key, and looks different each time", () => {
  for (const text of ["", "a", "ä€\u{1f600}", "x".repeat(10_000)]) {
    assert.equal(unseal(key, seal(key, text)), text);
    assert.notEqual(seal(key, text), seal(key, text));
  }
});

test("what is changed, cut, or of another key is none", () => {
  const sealed = seal(key, "hello");
  for (let at = 0; at < sealed.length; at++) {
    const other = sealed[at] === "A" ? "B" : "A";
    const changed = sealed.slice(0, at) + other + sealed.slice(at + 1);
    const isSame = Buffer.from(changed, "base64").equals(Buffer.from(sealed, "base64"));
    if (!isSame) assert.equal(unseal(key, changed), undefined, `at ${at}`);
    if (at < sealed.length - 2) assert.equal(unseal(key, sealed.slice(0, at)), undefined);
  }
  assert.equal(unseal(randomBytes(32), sealed), undefined);
  for (const text of ["", "?", "{}", "\0", "x".repeat(8000)]) assert.equal(unseal(key, text), undefined);
});

test("the longest text fits, and one byte more does not", () => {
  const limit = 7999;
  assert.ok(seal(key, "x".repeat(sealable(limit))).length <= limit);
  assert.ok(seal(key, "x".repeat(sealable(limit) + 3)).length > limit);
});
