import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeBase64url } from "./base64url.ts";

const rows: readonly (readonly [text: string, bytes: string | undefined, why: string])[] = [
  ["", "", "nothing"],
  ["AQAA", "010000", "three bytes"],
  ["AQ", "01", "no padding is needed"],
  ["AQ==", "01", "padding ends the input"],
  ["AQ=*", "01", "what follows an equals sign is not looked at"],
  ["=AQAA", "", "an equals sign at the start leaves nothing"],
  ["AR", "01", "spare bits are ignored"],
  ["-_-_", "fbffbf", "the alphabet of base64url"],
  ["A", undefined, "one character is no byte"],
  ["AAAAA", undefined, "a length of 4n + 1"],
  ["+/+/", undefined, "the standard alphabet"],
  ["AQ A", undefined, "a blank"],
  ["AQA\n", undefined, "a line end"],
  ['"AQA"', undefined, "quotes"],
  ["AQA\u00e9", undefined, "a letter beyond ASCII"],
  ["AQA\u0000", undefined, "a zero"],
];

for (const [text, bytes, why] of rows) {
  test(`base64url text ${JSON.stringify(text)}: ${why}`, () => {
    assert.equal(decodeBase64url(text)?.toString("hex"), bytes);
  });
}
