import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { flatten, linesOf, treeOf } from "../../src/cli/declarative-faults.ts";
import { readDeclarative } from "../../src/cli/declarative-read.ts";
import type { Plain } from "../../src/cli/kong-document.ts";
import { createStores, openSqlite, replaceRows } from "../../src/database/index.ts";
import { plugins } from "../../src/plugins/index.ts";
import { isConfiguration } from "../../src/schema/index.ts";

const database = openSqlite({ file: ":memory:" });
const stores = await createStores(database, { plugins });
const entities = stores.entities.filter(isConfiguration);
const now = 1_700_000_000;

const name = fc.constantFrom("a", "b", "c", "__proto__", "constructor");
const id = fc.constantFrom(
  "11111111-1111-4111-8111-111111111111",
  "22222222-2222-4222-8222-222222222222",
  "AAAAAAAA-AAAA-4AAA-8AAA-AAAAAAAAAAAA",
);
const reference = fc.oneof(name, id, fc.record({ id }), fc.constant(null), fc.jsonValue({ maxDepth: 1 }));
const few = <T>(arbitrary: fc.Arbitrary<T>) => fc.array(arbitrary, { maxLength: 3 });
/** Members that may be there: mostly right ones, so that much of what is made is valid. */
const row = (members: Record<string, fc.Arbitrary<unknown>>) =>
  fc.record({ id, tags: few(name), created_at: fc.constantFrom(5, null, "x"), ...members }, { requiredKeys: [] });

const key = row({ key: name, ttl: fc.constantFrom(0, null, now - 1, now + 60, "x"), consumer: reference });
const password = row({ username: name, password: fc.constantFrom("p", "0".repeat(40)) });
const plugin = row({
  name: fc.constantFrom("session", "key-auth", "acl", "request-termination", "nonsense"),
  instance_name: name,
  config: fc.constantFrom({}, { allow: ["a"] }, { secret: "s", storage: "kong" }, { x: 1 }, null),
  route: reference,
  service: reference,
  consumer: reference,
});
const route = row({
  name,
  paths: fc.constantFrom(["/a"], ["~/(?<!x)"], ["x"]),
  service: reference,
  plugins: few(plugin),
});
const service = row({ name, host: fc.constantFrom("h", "a b"), routes: few(route), plugins: few(plugin) });
const consumer = row({
  username: name,
  custom_id: name,
  plugins: few(plugin),
  keyauth_credentials: few(key),
  basicauth_credentials: few(password),
  acls: few(row({ group: name })),
});
const document = fc.record(
  {
    _format_version: fc.constantFrom("3.0", "3.0", "2.1", "1.1", 3),
    _transform: fc.constantFrom(true, false, null, "x"),
    services: few(service),
    routes: few(route),
    consumers: few(consumer),
    plugins: few(plugin),
    keyauth_credentials: few(key),
    acls: few(row({ group: name, consumer: reference })),
    upstreams: fc.constantFrom([], null, [{}]),
    strange: fc.jsonValue(),
  },
  { requiredKeys: ["_format_version"] },
);
const plausible = fc.record({
  _format_version: fc.constant("3.0"),
  services: fc.uniqueArray(
    fc.record({ name, host: fc.constant("h"), routes: few(fc.record({ paths: fc.constant(["/a"]) })) }),
    { selector: (item) => item.name, maxLength: 3 },
  ),
  consumers: fc.uniqueArray(
    fc.record({ username: name, keyauth_credentials: fc.uniqueArray(fc.record({ key: name }), { maxLength: 1 }) }),
    { selector: (item) => item.username, maxLength: 3 },
  ),
});

test("whatever a file says, it is in effect as a whole, or every fault is told", async () => {
  let loaded = 0;
  const anything = fc.oneof(document, plausible, fc.jsonValue({ maxDepth: 6 }));
  const property = fc.asyncProperty(anything, async (written) => {
    const reading = await readDeclarative(JSON.parse(JSON.stringify(written)) as Plain, { entities, now });
    if ("faults" in reading) {
      assert.ok(reading.faults.length > 0);
      assert.ok(linesOf("kong.yml", reading.faults).length >= reading.faults.length);
      const { flattened, rest } = flatten(reading.faults);
      JSON.parse(JSON.stringify([treeOf(reading.faults), flattened, treeOf(rest)]));
      return;
    }
    loaded++;
    await replaceRows(database, stores.entities, reading.rows);
    for (const [{ name: entity }, rows] of reading.rows) {
      const living = rows.filter(({ expiry }) => !expiry || expiry > Date.now() / 1000);
      const stored = await stores.named(entity)!.all();
      assert.deepEqual(stored.map((of) => of.id).sort(), living.map(({ row: of }) => of.id).sort());
    }
  });
  await fc.assert(property, { numRuns: 1000 });
  assert.ok(loaded > 100, String(loaded));
});
