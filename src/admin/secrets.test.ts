import assert from "node:assert/strict";
import { test } from "node:test";
import { describe, type Entity } from "../schema/index.ts";
import { hiddenSecrets, MASK, shownSecrets } from "./secrets.ts";

const description = "A field.";
const text = { type: "string", description } as const;
const secret = { ...text, encrypted: true } as const;

const vault: Entity = {
  name: "vaults",
  description,
  primary_key: ["id"],
  fields: {
    id: { ...text, uuid: true },
    label: text,
    secret: { ...secret, default: "made at start" },
    reference: { ...text, referenceable: true },
    old: { type: "array", elements: text, encrypted: true, description },
    lines: { type: "set", elements: secret, description },
    headers: { type: "map", keys: text, values: secret, description },
    redis: { type: "record", fields: { host: text, password: secret }, description },
    nodes: {
      type: "array",
      elements: { type: "record", fields: { host: text, password: secret }, description },
      description,
    },
  },
};

const row = {
  id: "00000000-0000-4000-8000-000000000001",
  label: "l",
  secret: "s",
  reference: "{vault://env/a}",
  old: ["a", "b"],
  lines: null,
  headers: { "x-a": "1" },
  redis: { host: "h", password: "p" },
  nodes: [
    { host: "h", password: "p" },
    { host: "i", password: null },
  ],
};

const masked = {
  ...row,
  secret: MASK,
  reference: MASK,
  old: [MASK, MASK],
  headers: { "x-a": MASK },
  redis: { host: "h", password: MASK },
  nodes: [
    { host: "h", password: MASK },
    { host: "i", password: null },
  ],
};

test("secrets are masked wherever they are in a row", () => {
  assert.deepEqual(hiddenSecrets.hide(vault, row), masked);
  assert.deepEqual(shownSecrets.hide(vault, row), row);
});

test("masks that come back stand for what is stored", () => {
  assert.deepEqual(hiddenSecrets.keep(vault, masked, row), row);
  assert.deepEqual(hiddenSecrets.keep(vault, { secret: "new", old: ["c", MASK] }, row), {
    secret: "new",
    old: ["c", "b"],
  });
});

test("a mask where nothing is stored is refused, and never becomes a secret", () => {
  const refused: [input: object, stored: typeof row | undefined, fields: object][] = [
    [{ secret: MASK }, undefined, { secret: "expected the secret itself and not its mask" }],
    [{ redis: { password: MASK } }, undefined, { redis: { password: "expected the secret itself and not its mask" } }],
    [{ old: ["a", "b", MASK] }, row, { old: "expected the secret itself and not its mask" }],
    [{ headers: { "x-b": MASK } }, row, { headers: { "x-b": "expected the secret itself and not its mask" } }],
  ];
  for (const [input, stored, fields] of refused)
    assert.throws(() => hiddenSecrets.keep(vault, input as never, stored), { code: 2, fields });
});

test("the default of a secret is not told by its schema", () => {
  assert.match(JSON.stringify(describe(vault)), /made at start/);
  const shown = JSON.stringify(hiddenSecrets.hideDefaults(describe(vault)));
  assert.doesNotMatch(shown, /made at start/);
  assert.match(shown, /"default":"\*{6}"/);
});
