import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { allEntities } from "../src/database/index.ts";
import { plugins } from "../src/plugins/index.ts";
import { describe, describeSubschema } from "../src/schema/index.ts";

interface Exchange {
  readonly request: { readonly path: string };
  readonly response: { readonly statusLine: string; readonly body: string };
}

const file = new URL("recordings/01-node-info.json", import.meta.url);
const { exchanges } = JSON.parse(readFileSync(file, "utf8")) as { readonly exchanges: readonly Exchange[] };

/** What Kong answered to `GET /schemas/…`. */
const recorded = new Map(
  exchanges
    .filter(({ request, response }) => request.path.startsWith("/schemas/") && response.statusLine.includes(" 200 "))
    .map(({ request, response }) => [request.path.slice("/schemas/".length), JSON.parse(response.body)]),
);

const entities = allEntities({ plugins });
const described = new Map<string, object>(entities.map((entity) => [entity.name, describe(entity)]));
for (const [name, subschema] of entities.find(({ name }) => name === "plugins")!.subschemas!.of) {
  described.set(`plugins/${name}`, describeSubschema(subschema));
}

/**
 * A schema without what may differ: descriptions are in our own words, the default secret is each node's own, and Kong
 * names two rules about routes that belong to its router.
 */
function essence(schema: object): unknown {
  return JSON.parse(
    JSON.stringify(schema, function (this: unknown, key, value) {
      if (key === "description" && typeof value === "string") return undefined;
      if (key === "default" && (this as { encrypted?: boolean }).encrypted) return "a secret";
      if (key === "entity_checks") return value.filter((check: object) => !("custom_entity_check" in check));
      return value;
    }),
  );
}

test("the entities that Kong has and Sesame has not are known by name", () => {
  const missing = [...recorded.keys()].filter((name) => !described.has(name));
  assert.deepEqual(missing.sort(), ["targets", "upstreams"]);
});

for (const [name, schema] of recorded) {
  if (!described.has(name)) continue;
  test(`/schemas/${name} has the fields of Kong 3.9.3, in their order`, () => {
    assert.deepEqual(essence(described.get(name)!), essence(schema));
  });
}

test("every field is described", () => {
  const undescribed = (value: unknown, path: string): string[] => {
    if (Array.isArray(value)) return value.flatMap((item) => undescribed(item, path));
    if (typeof value !== "object" || value === null) return [];
    return Object.entries(value).flatMap(([name, member]) => {
      if (name !== "fields" && name !== "shorthand_fields") return undescribed(member, `${path}.${name}`);
      return (member as object[]).flatMap((field) =>
        Object.entries(field).flatMap(([key, { description }]) => (description ? [] : [`${path}.${key}`])),
      );
    });
  };
  assert.deepEqual(
    [...described].flatMap(([name, schema]) => undescribed(schema, name)),
    [],
  );
});
