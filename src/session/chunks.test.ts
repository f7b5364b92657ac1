import assert from "node:assert/strict";
import { test } from "node:test";
import { chunkCount, chunkName, LARGEST_COOKIES, splitPayload } from "./chunks.ts";

const rows: readonly (readonly [size: number, count: number | undefined])[] = [
  [1, 1],
  [3978, 1],
  [3979, 2],
  [3978 + 4087, 2],
  [3978 + 4087 + 1, 3],
  [3978 + 8 * 4087, 9],
  [3978 + 8 * 4087 + 1, undefined],
  [16_777_215, undefined],
];

for (const [size, count] of rows) {
  test(`a payload of ${size} characters takes ${count ?? "too many"} cookies`, () => {
    assert.equal(chunkCount("session", size), count);
    if (count === undefined) return;
    const parts = splitPayload("session", "x".repeat(size), count);
    assert.equal(parts.join("").length, size);
    const sizes = parts.map((part, at) => chunkName("session", at + 1).length + 1 + (at === 0 ? 110 : 0) + part.length);
    for (const length of sizes) assert.ok(length <= 4096, `${length}`);
    assert.ok(parts.every((part, at) => at === 0 || part.length > 0));
  });
}

test("a longer name leaves less room", () => {
  assert.equal(chunkCount("s".repeat(100), 3885), 1);
  assert.equal(chunkCount("s".repeat(100), 3886), 2);
  assert.equal(chunkCount("s".repeat(4096), 1), undefined);
});

test("a limit counts the names and values of all cookies", () => {
  assert.equal(chunkCount("session", 100, 218), 1);
  assert.equal(chunkCount("session", 100, 217), undefined);
  assert.equal(chunkCount("session", 3979, 4097), undefined);
  assert.equal(chunkCount("session", 3979, 4106), 2);
  assert.equal(LARGEST_COOKIES, 36_864);
});
