import assert from "node:assert/strict";
import { test } from "node:test";
import { parseBasic } from "./authorization.ts";

const encode = (text: string) => Buffer.from(text).toString("base64");
const pair = (username: string, password: string) => ({ username, password });

const table: readonly [reason: string, value: string, expected: ReturnType<typeof parseBasic>][] = [
  ["the usual form", `Basic ${encode("user:secret")}`, pair("user", "secret")],
  ["the scheme may begin with a small letter", `basic ${encode("user:secret")}`, pair("user", "secret")],
  ["other letters of the scheme may not vary", `BASIC ${encode("user:secret")}`, undefined],
  ["no blank is needed", `Basic${encode("user:secret")}`, pair("user", "secret")],
  ["many blanks are fine", `   Basic \t  ${encode("user:secret")}`, pair("user", "secret")],
  ["the scheme may stand anywhere", `Bearer x, Basic ${encode("user:secret")}`, pair("user", "secret")],
  ["the password may be empty", `Basic ${encode("user:")}`, pair("user", "")],
  ["the password may contain colons", `Basic ${encode("user:a:b:")}`, pair("user", "a:b:")],
  ["the user name may not be empty", `Basic ${encode(":secret")}`, undefined],
  ["a colon is needed", `Basic ${encode("user")}`, undefined],
  ["beyond ASCII it is UTF-8", `Basic ${encode("jürgen:grün")}`, pair("jürgen", "grün")],
  ["white space and line breaks are kept", `Basic ${encode("u s:\n p ")}`, pair("u s", "\n p ")],
  ["padding may be missing", `Basic ${encode("user:p").replaceAll("=", "")}`, pair("user", "p")],
  ["decoding ends at the first =", `Basic ${encode("us:p").replaceAll("=", "")}=!!`, pair("us", "p")],
  ["a character outside of the alphabet", `Basic dXN*lcjpw`, undefined],
  ["the URL-safe alphabet", `Basic dXNlcjp_-_8=`, undefined],
  ["a length that no text has", "Basic dXNlc", undefined],
  ["a second value behind a comma", `Basic ${encode("user:pwd1")}, Basic x`, undefined],
  ["a blank inside", `Basic dXNl cjpw`, undefined],
  ["nothing behind the scheme", "Basic", undefined],
  ["only blanks behind the scheme", `Basic${" ".repeat(40_000)}`, undefined],
  ["only padding", "Basic ====", undefined],
  ["another scheme", "Bearer dXNlcjpw", undefined],
  ["empty", "", undefined],
  ["binary in the header", `Basic \xff\xfe\x80`, undefined],
  ["names of prototypes are names", `Basic ${encode("__proto__:constructor")}`, pair("__proto__", "constructor")],
  ["a zero byte is a character", `Basic ${encode("a\0b:c")}`, pair("a\0b", "c")],
  [
    "bytes that are no UTF-8 are replaced",
    `Basic ${Buffer.from("u:\xff", "latin1").toString("base64")}`,
    pair("u", "\ufffd"),
  ],
];

for (const [reason, value, expected] of table) {
  test(`an Authorization value: ${reason}`, () => assert.deepEqual(parseBasic(value), expected));
}

test("a huge Authorization value is parsed in no time", () => {
  const password = "p".repeat(45_000);
  assert.deepEqual(parseBasic(`Basic ${encode(`u:${password}`)}`), pair("u", password));
  assert.equal(parseBasic("basic ".repeat(10_000)), undefined);
});
