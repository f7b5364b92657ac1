import assert from "node:assert/strict";
import { test } from "node:test";
import { indexesOf, readRecord, recordText } from "./record.ts";

const info = new Map([["default", new Map([["k", "a/b"]])]]);

test("a record survives its way through text", () => {
  for (const record of [
    { payload: "abc", info: undefined },
    { payload: "abc", info },
  ]) {
    assert.deepEqual(readRecord(recordText(record)), record);
  }
  assert.equal(recordText({ payload: "abc", info: undefined }), '["abc"]');
});

const encoded = (text: string) => Buffer.from(text).toString("base64url");

const hostile: readonly (readonly [text: string, reason: string])[] = [
  ["", "unable_to_json_decode_session"],
  ["not json", "unable_to_json_decode_session"],
  ['["abc', "unable_to_json_decode_session"],
  ["[".repeat(1_000_000), "unable_to_json_decode_session"],
  ["null", "invalid_session_payload"],
  ["7", "invalid_session_payload"],
  ['"abc"', "invalid_session_payload"],
  ["[]", "invalid_session_payload"],
  ["[1]", "invalid_session_payload"],
  ['{"0":"abc"}', "invalid_session_payload"],
  ['["abc","*"]', "unable_to_base64url_decode_session_info"],
  ['["abc",1]', "unable_to_base64url_decode_session_info"],
  ['["abc",null]', "unable_to_base64url_decode_session_info"],
  [`["abc","${encoded("nope")}"]`, "unable_to_json_decode_session_info"],
  [`["abc","${encoded("null")}"]`, "unable_to_json_decode_session_info"],
  [`["abc","${encoded('{"default":1}')}"]`, "unable_to_json_decode_session_info"],
];
for (const [text, reason] of hostile) {
  test(`the record ${text.slice(0, 40)} is refused`, () => assert.equal(readRecord(text), reason));
}

test("indexes name audience and subject, encoded, hashed or, strictly compatible with several audiences, raw", () => {
  const one = [{ data: {}, audience: "default", subject: "alice@example.com" }];
  const two = [...one, { data: {}, audience: "second", subject: undefined }];
  const options = { store_metadata: true, hash_subject: false, hash_storage_key: false } as const;
  const subjects = (entries: typeof two, more: object) =>
    indexesOf({ ...options, compatibility: "sesame", ...more }, entries)?.map(({ subject }) => subject);
  assert.deepEqual(subjects(one, {}), ["YWxpY2VAZXhhbXBsZS5jb20"]);
  assert.deepEqual(subjects(two, {}), ["YWxpY2VAZXhhbXBsZS5jb20"]);
  assert.deepEqual(subjects(two, { compatibility: "strict" }), ["alice@example.com"]);
  assert.equal(subjects(one, { hash_subject: true })![0]!.length, 22);
  assert.equal(subjects(one, { store_metadata: false }), undefined);
  assert.equal(subjects([two[1]!], {}), undefined);
});
