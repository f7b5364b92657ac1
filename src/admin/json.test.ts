import assert from "node:assert/strict";
import { test } from "node:test";
import { parseJson } from "./json.ts";

const refused: [text: string, why: RegExp][] = [
  ["", /^Cannot parse JSON body$/],
  ["{", /^Cannot parse JSON body$/],
  ["{'a':1}", /^Cannot parse JSON body$/],
  ['{"a":NaN}', /^Cannot parse JSON body$/],
  ['\ufeff{"a":1}', /^Cannot parse JSON body$/],
  ['{"a":"\\ud800"}', /^Cannot parse JSON body$/],
  ['{"\\udc00":1}', /^Cannot parse JSON body$/],
  ["[".repeat(100_000) + "]".repeat(100_000), /nested too deeply/],
  [`${'{"a":'.repeat(100)}1${"}".repeat(100)}`, /nested too deeply/],
];

for (const [text, why] of refused) {
  test(`the JSON text ${JSON.stringify(text.slice(0, 20))} is refused`, () =>
    assert.throws(() => parseJson(text), { name: "Refusal", message: why }));
}

test("JSON text is parsed, a member named __proto__ too", () => {
  const value = parseJson('{"a":[1,{"b":null}],"__proto__":{"x":1},"c":"\\ud83d\\ude00"}') as object;
  assert.deepEqual(Object.keys(value), ["a", "__proto__", "c"]);
  assert.equal("x" in value, false);
});
