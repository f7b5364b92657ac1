import assert from "node:assert/strict";
import { test } from "node:test";
import type { Fields } from "./field.ts";
import { infer } from "./infer.ts";
import { merge, prepare } from "./prepare.ts";
import { transform } from "./transform.ts";

const fields: Fields = {
  id: { type: "string", uuid: true, auto: true, description: "" },
  created_at: { type: "integer", timestamp: true, auto: true, description: "" },
  updated_at: { type: "number", timestamp: true, auto: true, updated: true, description: "" },
  key: { type: "string", auto: true, description: "" },
  size: { type: "integer", default: 5, description: "" },
  names: { type: "set", elements: { type: "string" }, default: ["a"], description: "" },
  labels: { type: "map", keys: { type: "string" }, values: { type: "string" }, description: "" },
  newest: { type: "boolean", newer: true, default: true, description: "" },
  config: {
    type: "record",
    required: true,
    description: "",
    fields: {
      on: { type: "boolean", default: true, description: "" },
      inner: {
        type: "record",
        required: true,
        description: "",
        fields: { x: { type: "number", default: 1, description: "" } },
      },
    },
    shorthand_fields: {
      off: {
        type: "boolean",
        description: "",
        expand: (value: boolean | null) => ({ on: value === null ? true : !value }),
      },
    },
  },
};

test("an insert is filled with defaults, ids, times and random keys", () => {
  const row = prepare({ fields }, { names: ["b", "b", "c"] }, "insert", 12.3456);
  assert.match(String(row["id"]), /^[0-9a-f-]{36}$/);
  assert.match(String(row["key"]), /^[A-Za-z0-9]{32}$/);
  assert.deepEqual(
    { ...row, id: "", key: "" },
    {
      id: "",
      created_at: 12,
      updated_at: 12.346,
      key: "",
      size: 5,
      names: ["b", "c"],
      labels: null,
      config: { on: true, inner: { x: 1 } },
    },
  );
});

test("an update is left partial, down into records, but for its time", () => {
  assert.deepEqual(prepare({ fields }, { config: { inner: {} } }, "update", 7), {
    updated_at: 7,
    config: { inner: {} },
  });
});

test("what the client gave for the time of creation stays, for that of the update not", () => {
  const row = prepare({ fields }, { created_at: 3, updated_at: 3, key: null }, "insert", 9);
  assert.equal(row["created_at"], 3);
  assert.equal(row["updated_at"], 9);
  assert.match(String(row["key"]), /^[A-Za-z0-9]{32}$/);
});

test("what was stored before a field existed is completed when it is read", () => {
  const row = prepare({ fields }, { id: "x", size: null, config: { on: false } }, "select", 9);
  assert.deepEqual(row["config"], { on: false, inner: { x: 1 } });
  assert.equal(row["size"], null);
});

test("shorthands win over the members that they stand for", () => {
  assert.deepEqual(prepare({ fields }, { config: { off: true, on: true } }, "insert", 9)["config"], {
    on: false,
    inner: { x: 1 },
  });
  assert.throws(() => prepare({ fields }, { config: { off: "yes" } }, "insert", 9), {
    message: "schema violation (off: expected a boolean)",
  });
});

test("an empty list and an empty object stand for each other", () => {
  const row = prepare({ fields }, { names: {}, labels: [], config: [] }, "insert", 9);
  assert.deepEqual(row["names"], []);
  assert.deepEqual(row["labels"], {});
  assert.deepEqual(row["config"], { on: true, inner: { x: 1 } });
});

test("settings newer than Kong are there only when set", () => {
  assert.ok(!("newest" in prepare({ fields }, { newest: null }, "insert", 9)));
  assert.equal(prepare({ fields }, { newest: false }, "insert", 9)["newest"], false);
  assert.ok(!("newest" in merge({ fields }, prepare({ fields }, { newest: null }, "update", 9), { newest: true })));
});

test("a merge goes into records and replaces everything else", () => {
  const stored = { size: 1, names: ["a"], labels: { a: "1" }, config: { on: false, inner: { x: 2 } } };
  const changes = { names: ["b"], labels: { b: "2" }, config: { inner: { x: 3 } }, size: null };
  assert.deepEqual(merge({ fields }, changes, stored), {
    size: null,
    names: ["b"],
    labels: { b: "2" },
    config: { on: false, inner: { x: 3 } },
  });
});

test("hostile names do not reach a prototype", () => {
  const hostile = JSON.parse(
    '{"__proto__":{"polluted":1},"labels":{"__proto__":"x"},"config":{"__proto__":{"polluted":1}}}',
  );
  const row = merge({ fields }, prepare({ fields }, hostile, "update", 1), { config: {} });
  assert.equal((row as { polluted?: unknown }).polluted, undefined);
  assert.equal(({} as { polluted?: unknown }).polluted, undefined);
  assert.ok(Object.hasOwn(row["labels"] as object, "__proto__"));
});

const inferred: [name: string, value: unknown, typed: unknown][] = [
  ["size", "80", 80],
  ["size", " 0x10 ", 16],
  ["size", "-1e3", -1000],
  ["size", "many", "many"],
  ["size", "1,5", "1,5"],
  ["size", "Infinity", "Infinity"],
  ["size", "", null],
  ["size", ["1"], ["1"]],
  ["newest", "true", true],
  ["newest", "yes", "yes"],
  ["names", "a", ["a"]],
  ["names", ["1", ""], ["1", null]],
  ["names", "", null],
  ["labels", { a: "1", b: "" }, { a: "1", b: null }],
  ["labels", "x", "x"],
  [
    "config",
    { on: "false", off: "true", inner: { x: "2.5" }, stranger: "1" },
    { on: false, off: true, inner: { x: 2.5 }, stranger: "1" },
  ],
  ["config", "x", "x"],
  ["key", "123", "123"],
  ["stranger", "1", "1"],
];

for (const [name, value, typed] of inferred) {
  test(`a form's ${name}=${JSON.stringify(value)} is ${JSON.stringify(typed)}`, () => {
    assert.deepEqual(infer({ fields }, { [name]: value }), { [name]: typed });
  });
}

test("a form's ttl is a number where rows expire, and a form's references have the types of the entity", () => {
  assert.deepEqual(infer({ fields, ttl: true }, { ttl: "60" }), { ttl: 60 });
  const owner: Fields = { owner: { type: "foreign", reference: "owners", description: "" } };
  const entity = { name: "owners", description: "", primary_key: ["id"], fields } as const;
  assert.deepEqual(
    infer({ fields: owner }, { owner: { size: "3" } }, () => entity),
    { owner: { size: 3 } },
  );
});

test("a transform runs when its input came with the write", () => {
  const transforms = [{ input: ["a"], needs: ["b.id"], onWrite: (a: string, id: string) => ({ a: `${a}/${id}` }) }];
  const row = { a: "x", b: { id: "1" } };
  assert.deepEqual(transform(transforms, row, { a: "x" }), { a: "x/1", b: { id: "1" } });
  assert.deepEqual(transform(transforms, row, {}), row);
});
