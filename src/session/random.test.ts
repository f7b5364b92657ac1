import assert from "node:assert/strict";
import { test } from "node:test";
import { randomId } from "./random.ts";

test("ids are all different, of the size that was asked for, and keep their bytes", () => {
  const ids = Array.from({ length: 1000 }, () => randomId(32));
  const texts = ids.map((id) => Buffer.from(id).toString("hex"));
  for (let i = 0; i < 1000; i++) randomId(12);
  assert.deepEqual(
    ids.map((id) => Buffer.from(id).toString("hex")),
    texts,
  );
  assert.equal(new Set(texts).size, 1000);
  for (const text of texts) assert.match(text, /^(?!.*00000000)[0-9a-f]{64}$/);
});
