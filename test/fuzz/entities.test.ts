import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createStores, openSqlite } from "../../src/database/index.ts";
import type { EntityStore } from "../../src/entities/index.ts";
import { plugins } from "../../src/plugins/index.ts";
import { EntityError, infer } from "../../src/schema/index.ts";

const stores = await createStores(openSqlite({ file: ":memory:" }), { plugins });
const entityOf = (name: string) => stores.named(name)?.entity;

/** Values of the kinds that fields have, right and wrong, beside anything that JSON can say. */
const value = fc.oneof(
  fc.jsonValue({ maxDepth: 4 }),
  fc.constant({ toString: 1, valueOf: null }),
  fc.constantFrom("", "http", "/a", "~/(", "*.x", "::1", "true", "{vault://env/x}", "\0", "\ud800", "__proto__"),
  fc.constantFrom(-1, 0, 0.5, 1e300, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY),
  fc.record({ id: fc.oneof(fc.uuid(), fc.jsonValue()) }),
);

/** Rows with members of the entity, and strangers. */
function rowOf({ entity }: EntityStore) {
  const names = [...Object.keys(entity.fields), ...Object.keys(entity.shorthand_fields ?? {}), "ttl"];
  const known = fc.dictionary(fc.constantFrom(...names), value);
  const plugin = fc.record({ name: fc.constantFrom(...plugins.map(({ name }) => name)), config: value });
  return fc.oneof(known, fc.dictionary(fc.string(), value), entity.name === "plugins" ? plugin : known);
}

/** The work succeeds, or says what is wrong with the request. */
async function isCivil(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    assert.ok(error instanceof EntityError, String((error as Error).stack));
    JSON.parse(JSON.stringify(error));
  }
}

for (const { name } of stores.entities) {
  test(`whatever is sent as one of the ${name}, it is stored or refused by name`, async () => {
    const store = stores.named(name)!;
    const inputs = fc.asyncProperty(rowOf(store), rowOf(store), fc.uuid(), async (input, changes, id) => {
      await isCivil(() => store.insert(input));
      await isCivil(() => store.insert(infer(store.entity, input, entityOf)));
      await isCivil(() => store.upsert({ id }, input));
      await isCivil(() => store.update({ id }, changes));
      await isCivil(async () => store.select({ id: Object.values(changes)[0] ?? id }));
      await isCivil(() => store.delete({ id }));
    });
    await fc.assert(inputs, { numRuns: 60 });
  });
}

test("whatever was stored can be read", async () => {
  for (const { name } of stores.entities) for (const row of await stores.named(name)!.all()) assert.ok(row.id);
});
