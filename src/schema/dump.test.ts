import assert from "node:assert/strict";
import { test } from "node:test";
import { dump } from "./dump.ts";

const rows: [value: unknown, text: string][] = [
  [{ id: "x" }, '{id="x"}'],
  [{ name: "key-auth", consumer: null, route: { id: "r" } }, '{consumer=null,name="key-auth",route={id="r"}}'],
  [{ services: [{ foo: "unknown field" }] }, '{services={{foo="unknown field"}}}'],
  [{ consumers: [null, "again"] }, '{consumers={[2]="again"}}'],
  [["a", null, "b"], '{"a",[3]="b"}'],
  [{ "@entity": ["x"], end: 1 }, '{["@entity"]={"x"},["end"]=1}'],
  [{}, "{}"],
  [[], "{}"],
  [{ a: 1, b: 1.5, c: true, d: 1e15 }, "{a=1,b=1.5,c=true,d=1000000000000000}"],
  [{ a: undefined, b: Number.NaN, c: Number.POSITIVE_INFINITY }, "{b=nan,c=inf}"],
  [{ a: 'say "hi" \\' }, '{a="say \\"hi\\" \\\\"}'],
  [{ a: "two\nlines" }, "{a=[[two\nlines]]}"],
  [{ a: "has ]] inside" }, "{a=[=[has ]] inside]=]}"],
  [{ a: "tab\tand\x011" }, '{a="tab\\9and\\0011"}'],
  [JSON.parse('{"__proto__":"x"}'), '{__proto__="x"}'],
];

for (const [value, text] of rows) {
  test(`the dump of ${JSON.stringify(value)} is that of Lua`, () => assert.equal(dump(value), text));
}

test("an indented dump has a line for each member", () => {
  assert.equal(dump(["err"], "  "), '{\n  "err"\n}');
  assert.equal(dump({ a: { b: "x", c: "y" } }, "  "), '{\n  a = {\n    b = "x",\n    c = "y"\n  }\n}');
});
