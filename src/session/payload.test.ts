import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateRawSync } from "node:zlib";
import { compress, decodeEntries, encodeEntries } from "./payload.ts";

const entry = (data: never) => [{ data, audience: "default", subject: undefined }];

test("entries are written as lua-cjson writes them", () => {
  const data = { path: "a/b", text: '"q" \\ \n\t\u0001\u007f é 中 😀' };
  const text = String.raw`{"path":"a\/b","text":"\"q\" \\ \n\t\u0001\u007f é 中 😀"}`;
  assert.equal(encodeEntries(entry(data as never)), `[[${text},"default"]]`);
  assert.deepEqual(decodeEntries(Buffer.from(`[[${text},"default"]]`), false), entry(data as never));
});

test("data that JSON cannot carry is named", () => {
  const ring: { self?: unknown } = {};
  ring.self = ring;
  let deep: unknown = {};
  for (let depth = 0; depth < 200_000; depth++) deep = [deep];
  for (const data of [ring, { big: 1n }, deep]) {
    assert.throws(() => encodeEntries(entry(data as never)), {
      code: "ERR_SESSION_DATA",
      message: "unable to json encode session data",
    });
  }
});

test("text is compressed only above the threshold, and only when that helps", () => {
  const text = "x".repeat(1025);
  assert.equal(compress(text, 1025).deflated, false);
  assert.equal(compress(text, 0).deflated, false);
  assert.equal(compress("xyz", 1).deflated, false);
  assert.deepEqual(compress("é", 0), { content: "é", size: 2, deflated: false });
  const { content, size, deflated } = compress(text, 1024);
  assert.equal(deflated, true);
  assert.equal(content.length, size);
  assert.ok(size < 30);
});

const hostile: readonly (readonly [text: string, reason: string])[] = [
  ["", "unable_to_json_decode_session_data"],
  ["nope", "unable_to_json_decode_session_data"],
  ["null", "unable_to_json_decode_session_data"],
  ['{"a":1}', "unable_to_json_decode_session_data"],
  ["[1]", "unable_to_json_decode_session_data"],
  ["[[{}]]", "unable_to_json_decode_session_data"],
  ["[[{},5]]", "unable_to_json_decode_session_data"],
  ["[".repeat(1_000_000), "unable_to_json_decode_session_data"],
];
for (const [text, reason] of hostile) {
  test(`the payload ${text.slice(0, 20)} is refused`, () =>
    assert.equal(decodeEntries(Buffer.from(text), false), reason));
}

test("a payload that does not inflate, or to more than 16 MiB, is refused", () => {
  const bomb = deflateRawSync(Buffer.alloc(17 * 1024 * 1024, " "));
  assert.ok(bomb.length < 20_000);
  for (const bytes of [bomb, Buffer.from("no deflate"), Buffer.alloc(0), bomb.subarray(0, 100)]) {
    assert.equal(decodeEntries(bytes, true), "unable_to_inflate_session_data");
  }
});

test("keys that mean something to JavaScript are keys like others", () => {
  const [read] = decodeEntries(Buffer.from('[[{"__proto__":{"admin":true}},"default"]]'), false) as { data: object }[];
  assert.deepEqual(Object.keys(read!.data), ["__proto__"]);
  assert.equal((read!.data as { admin?: unknown }).admin, undefined);
});
