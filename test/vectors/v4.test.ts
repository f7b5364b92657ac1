import assert from "node:assert/strict";
import { test } from "node:test";
import { checkVector } from "./v4-check.ts";
import { differences } from "./v4-differences.ts";
import { StandIns } from "./v4-storages.ts";
import { vectors } from "./v4-vectors.ts";

test("there are 171 vectors, and every difference belongs to one of them", () => {
  assert.equal(vectors.length, 171);
  for (const { vector, request } of differences) {
    assert.ok(vectors.find(({ id }) => id === vector)?.requests[request], `${vector}, request ${request}`);
  }
});

for (const vector of vectors) {
  test(`${vector.id}: ${vector.title}`, () => checkVector(vector, new StandIns()));
}
