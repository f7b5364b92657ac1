import assert from "node:assert/strict";
import { test } from "node:test";
import { nest, parseArguments } from "./form.ts";

const decode = (text: string) => nest(parseArguments(text));
const message = (text: string) => ({ name: "Refusal", message: text });

// SPEC-admin-api §1.3, and rows that no client should send.
const forms: [body: string, input: object][] = [
  ["", {}],
  ["a=1", { a: "1" }],
  ["a=", { a: "" }],
  ["a", { a: true }],
  ["a=1&&b=2&", { a: "1", b: "2" }],
  ["a=b=c", { a: "b=c" }],
  ["=x&a=1", { a: "1" }],
  ["a=x+y%20z", { a: "x y z" }],
  ["a=%zz%4", { a: "%zz%4" }],
  ["a=%C3%A4", { a: "ä" }],
  ["a=%F0%9F%98%80", { a: "😀" }],
  ["paths=/a,/b", { paths: "/a,/b" }],
  ["a.b=1", { a: { b: "1" } }],
  ["a.b.c=1&a.b.d=2&a.e=3", { a: { b: { c: "1", d: "2" }, e: "3" } }],
  ["a[]=x&a[]=y", { a: ["x", "y"] }],
  ["a[]=x", { a: ["x"] }],
  ["a=x&a=y", { a: ["x", "y"] }],
  ["a[1]=x&a[2]=y", { a: ["x", "y"] }],
  ["a[2]=y&a[1]=x", { a: ["x", "y"] }],
  ["a[7]=x&a[900000000]=y", { a: ["x", "y"] }],
  ["a[0]=x", { a: ["x"] }],
  ["a[b]=1", { a: { b: "1" } }],
  ["a[b.c]=1", { a: { "b.c": "1" } }],
  ["a[1].b=x&a[2].b=y", { a: [{ b: "x" }, { b: "y" }] }],
  ["a[].b=x&a[].c=y", { a: [{ b: "x", c: "y" }] }],
  ["a.b[]=x&a.b[]=y", { a: { b: ["x", "y"] } }],
  ["a[b][c][]=x", { a: { b: { c: ["x"] } } }],
  ["a%5B%5D=x&a%5b%5d=y", { a: ["x", "y"] }],
  ["a%255B%255D=x", { a: ["x"] }],
  ["a.1=x", { a: { "1": "x" } }],
  ["a[-1]=x", { a: { "-1": "x" } }],
  ["a[1000000000]=x", { a: { "1000000000": "x" } }],
  ["a=x&a.b=y", { a: ["x", { b: "y" }] }],
  [".a=1", { ".a": "1" }],
  ["a.=1", { "a.": "1" }],
  ["a..b=1", { "a..b": "1" }],
  [".=1", { ".": "1" }],
  ["[]=1", { "[]": "1" }],
  ["[a]=1", { "[a]": "1" }],
  ["a[=1", { "a[": "1" }],
  ["a[b=1", { "a[b": "1" }],
  ["a[b]c=1", { "a[b]c": "1" }],
  ["a]=1", { "a]": "1" }],
  ["a[[b]]=1", { "a[[b]]": "1" }],
];

for (const [body, input] of forms) {
  test(`the form ${JSON.stringify(body)} is decoded`, () => assert.deepEqual(decode(body), input));
}

test("a member named __proto__ is a member like others", () => {
  for (const body of ["__proto__.x=1", "__proto__[x]=1"]) {
    const input = decode(body);
    assert.deepEqual(Object.keys(input), ["__proto__"]);
    assert.equal(Object.getPrototypeOf(input), Object.prototype);
    assert.equal("x" in {}, false);
  }
  assert.deepEqual(Object.keys(decode("a.__proto__=1")["a"] as object), ["__proto__"]);
  assert.deepEqual(decode("a[constructor][prototype][x]=1"), { a: { constructor: { prototype: { x: "1" } } } });
});

test("what would cost too much is refused", () => {
  assert.equal(parseArguments("a=1&".repeat(1000)).length, 1000);
  assert.throws(() => parseArguments("a=1&".repeat(1001)), message("Too many arguments"));
  assert.throws(() => decode(`a${".b".repeat(100)}=1`), /nested too deeply/);
  assert.throws(() => decode(`a${"[1]".repeat(100)}=1`), /nested too deeply/);
});

test("text that is not UTF-8 is refused", () => {
  for (const body of ["a=%ff", "%c3=x", "a=\xff", "a=%ED%A0%80"])
    assert.throws(() => parseArguments(body), message("Cannot use arguments that are not valid UTF-8"));
});

test("names made to be slow are decoded in linear time", { timeout: 5000 }, () => {
  const size = 2_000_000;
  assert.equal(Object.keys(decode(`${"[".repeat(size)}=1`)).length, 1);
  assert.equal(Object.keys(decode(`a${"[".repeat(size)}=1`)).length, 1);
  assert.equal(Object.keys(decode(`${"%".repeat(size)}=1`)).length, 1);
  assert.equal(Object.keys(decode("&".repeat(size))).length, 0);
  assert.equal(Object.keys(decode(`${"a".repeat(size)}.=1`)).length, 1);
});
