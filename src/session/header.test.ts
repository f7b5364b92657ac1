import assert from "node:assert/strict";
import { test } from "node:test";
import { createHeader, inspectHeader, readHeader, touchHeader } from "./header.ts";

const sid = Buffer.alloc(32, 7);
const fields = { flags: 0x0411, created_at: 1_900_000_000, rolling_offset: 300, data_size: 82 };
const text = createHeader({ ...fields, sid }).bytes.toString("base64url");

test("a header survives its way through text", () => {
  assert.equal(text.length, 110);
  assert.deepEqual(inspectHeader(text), {
    header: { type: 1, ...fields, id: sid.toString("base64url"), idling_offset: 0 },
  });
});

test("the largest values of all fields fit", () => {
  const largest = { flags: 0xffff, created_at: 2 ** 40 - 1, rolling_offset: 2 ** 32 - 1, data_size: 2 ** 24 - 1 };
  const header = touchHeader(createHeader({ ...largest, sid }), 2 ** 30);
  const read = readHeader(header.bytes.toString("base64url"));
  assert.deepEqual(read, { bytes: header.bytes, ...largest, idling_offset: 2 ** 24 - 1 });
});

test("a touch in the past has an idling offset of 0", () => {
  assert.equal(touchHeader(createHeader({ ...fields, sid }), -5).idling_offset, 0);
});

/** The header's text with an equals sign at a character, where decoding stops. */
const cut = (at: number): string => `${text.slice(0, at)}=${text.slice(at + 1)}`;

const refused: readonly (readonly [value: string, reason: string])[] = [
  ["", "invalid_session_header"],
  [text.slice(1), "invalid_session_header"],
  [`"${text}"`, "unable_to_base64url_decode_session_header"],
  [`${text.slice(0, 50)} ${text.slice(51)}`, "unable_to_base64url_decode_session_header"],
  ["é".repeat(110), "unable_to_base64url_decode_session_header"],
  [cut(109), "unable_to_base64url_decode_session_header"],
  [cut(0), "invalid_session_cookie_type"],
  [`Ag${text.slice(2)}`, "invalid_session_cookie_type"],
  ["A".repeat(110), "invalid_session_cookie_type"],
  [cut(3), "invalid_session_flags"],
  [cut(4), "invalid_session_id"],
  [cut(46), "invalid_session_id"],
  [cut(52), "invalid_session_creation_time"],
  [cut(56), "invalid_session_rolling_offset"],
  [cut(60), "invalid_session_data_size"],
  [cut(64), "invalid_session_tag"],
  [cut(84), "invalid_session_idling_offset"],
  [cut(88), "invalid_session_message_authentication_code"],
];
for (const [value, reason] of refused) {
  test(`the header ${JSON.stringify(value.slice(0, 90))} is refused: ${reason}`, () => {
    assert.deepEqual(inspectHeader(value), { reason });
  });
}

test("a field that is refused hides that a later one is cut off", () => {
  const limits = { storage: true, remember: false, absolute: 100, rolling: 50, idling: 10 };
  const at = (seconds: number) => fields.created_at + seconds;
  assert.equal(readHeader(cut(64), { ...limits, storage: false }, at(0)), "invalid_session_flags");
  assert.equal(readHeader(cut(56), limits, at(101)), "session_absolute_timeout_exceeded");
  assert.equal(readHeader(cut(60), { ...limits, absolute: 0 }, at(351)), "session_rolling_timeout_exceeded");
  assert.equal(readHeader(cut(88), { ...limits, absolute: 0 }, at(311)), "session_idling_timeout_exceeded");
});
