import assert from "node:assert/strict";
import { test } from "node:test";
import { EntityError, type ErrorTree } from "./errors.ts";
import type { Field, Fields } from "./field.ts";
import { faultsOf, parse, validateField } from "./validate.ts";

const text = { type: "string" } as const;
const nested = { type: "record", fields: { a: { type: "integer", required: true, description: "" } } } as const;

const values: [name: string, field: Field, value: unknown, fault: ReturnType<typeof validateField>][] = [
  ["a string", text, "x", undefined],
  ["an empty string", text, "", "length must be at least 1"],
  ["an allowed empty string", { ...text, len_min: 0 }, "", undefined],
  ["a number for a string", text, 1, "expected a string"],
  ["an object for a string", text, { toString: () => "x" }, "expected a string"],
  ["half a surrogate pair", text, "\ud800", "invalid utf-8 character sequence detected"],
  ["a null character", text, "a\0b", "must not contain a null character"],
  ["a wrong choice", { ...text, one_of: ["a", "b"] }, "c", "expected one of: a, b"],
  ["a refused choice", { ...text, not_one_of: ["a", "b"] }, "b", "must not be one of: a, b"],
  ["a bad UUID", { ...text, uuid: true }, "1234", "expected a valid UUID"],
  ["a UUID in capitals", { ...text, uuid: true }, "0E3B8CDE-3F2B-4D7F-8F4E-2A8D0A9B1C2D", undefined],
  ["a wrong beginning", { ...text, starts_with: "/" }, "a", "should start with: /"],
  ["a mismatch", { ...text, match: { pattern: "^%u+$", regexp: /^[A-Z]+$/ } }, "get", "invalid value: get"],
  ["an unwanted match", { ...text, match_none: [{ pattern: "//", regexp: /\/\//, err: "no //" }] }, "a//b", "no //"],
  ["a string that is too long", { ...text, len_max: 2 }, "abc", "length must be at most 2"],
  ["bytes count for lengths", { ...text, len_max: 2 }, "äb", "length must be at most 2"],
  ["a reference where one may stand", { ...text, referenceable: true, uuid: true }, "{vault://env/x}", undefined],
  ["a reference elsewhere", { ...text, uuid: true }, "{vault://env/x}", "expected a valid UUID"],
  ["an integer", { type: "integer" }, 3, undefined],
  ["a fraction for an integer", { type: "integer" }, 1.5, "expected an integer"],
  ["a text for an integer", { type: "integer" }, "80", "expected an integer"],
  ["infinity for an integer", { type: "integer" }, Number.POSITIVE_INFINITY, "expected an integer"],
  ["an integer that no double can tell from its neighbours", { type: "integer" }, 2 ** 53, "expected an integer"],
  ["NaN", { type: "number" }, Number.NaN, "expected a number"],
  ["infinity", { type: "number" }, Number.POSITIVE_INFINITY, "expected a number"],
  ["a number out of range", { type: "integer", between: [0, 65535] }, -1, "value should be between 0 and 65535"],
  ["a number that is not greater", { type: "number", gt: 0 }, 0, "value must be greater than 0"],
  ["a time before 1970", { type: "integer", timestamp: true }, -5, "expected a valid timestamp"],
  ["a text for a boolean", { type: "boolean" }, "true", "expected a boolean"],
  ["an object for a list", { type: "array", elements: text }, { a: 1 }, "expected an array"],
  ["a text for a set", { type: "set", elements: text }, "a", "expected a set"],
  [
    "faulty elements",
    { type: "array", elements: text },
    ["a", 1, "b", null],
    [null, "expected a string", null, "required field missing"],
  ],
  ["a list for a map", { type: "map", keys: text, values: text }, ["a"], "expected a map"],
  ["a faulty key", { type: "map", keys: { ...text, one_of: ["a"] }, values: text }, { b: "x" }, "expected one of: a"],
  [
    "a map with a hostile key",
    { type: "map", keys: text, values: text },
    JSON.parse('{"__proto__":1}'),
    "expected a string",
  ],
  ["a record", nested, { a: 1 }, undefined],
  ["a record without its member", nested, {}, { a: "required field missing" }],
  ["a record with a stranger", nested, { a: 1, b: 2 }, { b: "unknown field" }],
  ["a list for a record", nested, [1], "expected a record"],
  ["a reference", { type: "foreign", reference: "x" }, { id: "0e3b8cde-3f2b-4d7f-8f4e-2a8d0a9b1c2d" }, undefined],
  ["a reference without id", { type: "foreign", reference: "x" }, {}, { id: "missing primary key" }],
  ["a text for a reference", { type: "foreign", reference: "x" }, "svc", { id: "missing primary key" }],
  ["a reference with a bad id", { type: "foreign", reference: "x" }, { id: 7 }, { id: "expected a valid UUID" }],
  ["null", text, null, undefined],
  ["null where a value is required", { ...text, required: true }, null, "required field missing"],
  ["a value where none may be", { ...text, eq: null }, "x", "value must be null"],
  ["a value where none may be, in other words", { ...text, eq: null, err: "not here" }, "x", "not here"],
  ["a refused value", { type: "boolean", ne: true, err: "never" }, true, "never"],
  [
    "mixed groups",
    { type: "set", elements: text, mutually_exclusive_subsets: [["http", "https"], ["tcp"]] },
    ["http", "tcp"],
    "these sets are mutually exclusive: ('http', 'https'), ('tcp')",
  ],
];

for (const [name, field, value, fault] of values) {
  test(`${name} is ${fault === undefined ? "right" : `refused: ${JSON.stringify(fault)}`}`, () => {
    assert.deepEqual(validateField(field, value), fault);
  });
}

const fields: Fields = {
  a: { type: "string", description: "" },
  b: { type: "string", description: "" },
  c: { type: "integer", description: "" },
};

const checks: [name: string, row: object, updating: boolean, faults: ErrorTree | undefined][] = [
  ["at_least_one_of", {}, false, { "@entity": ["at least one of these fields must be non-empty: 'a', 'b'"] }],
  [
    "at_least_one_of",
    { a: null, b: null },
    true,
    { "@entity": ["when updating, at least one of these fields must be non-empty: 'a', 'b'"] },
  ],
  ["at_least_one_of", { a: "x" }, false, undefined],
  [
    "only_one_of",
    { a: "x", b: "y" },
    false,
    { "@entity": ["exactly one of these fields must be non-empty: 'a', 'b'"] },
  ],
  [
    "only_one_of",
    { a: null, b: null },
    false,
    { "@entity": ["exactly one of these fields must be non-empty: 'a', 'b'"] },
  ],
  ["only_one_of", { a: "x" }, false, { b: "field required for entity check" }],
  ["only_one_of", { a: "x" }, true, { b: "field required for entity check when updating" }],
  [
    "mutually_exclusive",
    { a: "x", b: "y" },
    false,
    { "@entity": ["only one or none of these fields must be set: 'a', 'b'"] },
  ],
  [
    "mutually_required",
    { a: "x", b: null },
    false,
    { "@entity": ["all or none of these fields must be set: 'a', 'b'"] },
  ],
  ["distinct", { a: "x", b: "x" }, false, { "@entity": ["values of these fields must be distinct: 'a', 'b'"] }],
];

for (const [name, row, updating, faults] of checks) {
  test(`${name} on ${JSON.stringify(row)}${updating ? " of an update" : ""}: ${JSON.stringify(faults)}`, () => {
    const check = { [name]: ["a", "b"] } as never;
    assert.deepEqual(faultsOf({ fields, entity_checks: [check] }, row as never, { updating }), faults);
  });
}

test("a condition that is not met stands at the field and at the row", () => {
  const entity_checks = [
    { conditional: { if_field: "a", if_match: { one_of: ["x"] }, then_field: "b", then_match: { eq: null } } },
  ] as const;
  const shape = { fields, entity_checks };
  assert.deepEqual(faultsOf(shape, { a: "x", b: "y" }, {}), {
    b: "value must be null",
    "@entity": ["failed conditional validation given value of field 'a'"],
  });
  assert.equal(faultsOf(shape, { a: "z", b: "y" }, {}), undefined);
});

test("all faults come in one error, those of the row first, then by name", () => {
  const shape = { fields, entity_checks: [{ mutually_exclusive: ["a", "b"] }] } as const;
  assert.throws(
    () => parse(shape, { z: 1, c: "1", a: "x", b: "y", list: [] }, 0),
    (error: EntityError) => {
      assert.ok(error instanceof EntityError);
      assert.equal(
        error.message,
        "4 schema violations (only one or none of these fields must be set: 'a', 'b'; c: expected an integer; list: unknown field; z: unknown field)",
      );
      assert.deepEqual(JSON.parse(JSON.stringify(error)), {
        code: 2,
        name: "schema violation",
        message: error.message,
        fields: {
          "@entity": ["only one or none of these fields must be set: 'a', 'b'"],
          c: "expected an integer",
          list: "unknown field",
          z: "unknown field",
        },
      });
      return true;
    },
  );
});

test("faults below a record are printed in lines of their own", () => {
  const shape: { fields: Fields } = {
    fields: {
      config: {
        type: "record",
        description: "",
        fields: { names: { type: "array", elements: { type: "string" }, description: "" } },
      },
    },
  };
  assert.throws(() => parse(shape, { config: { names: [5] } }, 0), {
    message: 'schema violation (config.names: {\n  "expected a string"\n})',
  });
});

test("names of Object's own members are ordinary unknown fields", () => {
  const row = JSON.parse('{"__proto__":{"x":1},"constructor":1,"toString":2}');
  const faults = faultsOf({ fields }, row, {});
  assert.deepEqual(Object.keys(faults ?? {}).sort(), ["__proto__", "constructor", "toString"]);
  assert.equal(({} as { x?: unknown }).x, undefined);
});

test("a value nested thousands deep is refused like any other", () => {
  const deep = JSON.parse(`${'{"a":'.repeat(5000)}1${"}".repeat(5000)}`);
  assert.deepEqual(faultsOf({ fields }, { a: deep, z: deep }, {}), { a: "expected a string", z: "unknown field" });
});

test("an unknown subschema is the only fault", () => {
  const subschemas = { key: "a", of: new Map(), unknown: (value: string) => `no ${value}` };
  assert.deepEqual(faultsOf({ fields, subschemas }, { a: "x", z: 1 }, {}), { a: "no x" });
  assert.deepEqual(faultsOf({ fields, subschemas }, { z: 1 }, {}), { a: "required field missing" });
  assert.deepEqual(faultsOf({ fields, subschemas }, { a: { toString: 1 } }, {}), { a: "expected a string" });
  assert.deepEqual(faultsOf({ fields, subschemas }, { a: [] }, {}), { a: "no nil" });
});
