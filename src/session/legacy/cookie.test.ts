import assert from "node:assert/strict";
import { test } from "node:test";
import { joinChunks, legacyNamesIn, parseLegacyCookie } from "./cookie.ts";
import { compileLegacy } from "./settings.ts";

const NOW = 1_544_650_811;
const LATER = NOW + 3600;
const ID = "C-TPusVLWlpMrluhfjg6EA";
const HASH = "XWIkZJP3wCbDZatgGnf-5ahq3nA";
const settings = compileLegacy({ secret: "x" }, "session", undefined);
const small = compileLegacy({ secret: "x", cookie: { maxsize: 64 } }, "session", undefined);
const hex = compileLegacy({ secret: "x", encoder: "hex" }, "session", undefined);

const refused: readonly (readonly [value: string, reason: string])[] = [
  ["", "invalid_session_header"],
  ["|", "invalid_session_header"],
  ["|||", "invalid_session_rolling_offset"],
  [`${ID}|${LATER}|${HASH}`, "invalid_session_header"],
  [`${ID}|${LATER}|AA|${HASH}|AA`, "invalid_session_header"],
  ["|".repeat(4000), "invalid_session_header"],
  [`${ID}|soon|AA|${HASH}`, "invalid_session_rolling_offset"],
  [`${ID}|-1|AA|${HASH}`, "invalid_session_rolling_offset"],
  [`${ID}|1e9|AA|${HASH}`, "invalid_session_rolling_offset"],
  [`${ID}| ${LATER}|AA|${HASH}`, "invalid_session_rolling_offset"],
  [`${ID}|${"9".repeat(15)}|AA|${HASH}`, "invalid_session_rolling_offset"],
  [`${ID}|:${LATER}|AA|${HASH}`, "invalid_session_rolling_offset"],
  [`${ID}|${LATER}:|AA|${HASH}`, "invalid_session_idling_offset"],
  [`${ID}|${LATER}:1:2|AA|${HASH}`, "invalid_session_idling_offset"],
  [`***|${LATER}|AA|${HASH}`, "unable_to_base64url_decode_session_header"],
  [`${ID}|${LATER}|AA|A`, "unable_to_base64url_decode_session_header"],
  [`|${LATER}|AA|${HASH}`, "invalid_session_id"],
  [`${ID}AA|${LATER}|AA|${HASH}`, "invalid_session_id"],
  [`${ID.slice(0, -2)}|${LATER}|AA|${HASH}`, "invalid_session_id"],
  [`${ID}|${LATER}|A|${HASH}`, "unable_to_base64url_decode_session_data"],
  [`${ID}|${NOW}|AA|${HASH}`, "session_rolling_timeout_exceeded"],
  [`${ID}|${LATER}:${NOW}|AA|${HASH}`, "session_idling_timeout_exceeded"],
];
for (const [value, reason] of refused) {
  test(`the cookie ${value.slice(0, 40)} is refused: ${reason}`, () => {
    assert.equal(parseLegacyCookie(value, settings, NOW), reason);
  });
}

test("the parts of both releases are read, and the id is written as records have it", () => {
  const rows = [
    [settings, `${ID}|${LATER}|AA|${HASH}`, ID, undefined],
    [settings, `${ID}..|${LATER}:${LATER - 1}|AA..|${HASH}.`, `${ID}..`, LATER - 1],
    // Spare bits do not make another record.
    [settings, `C-TPusVLWlpMrluhfjg6EF|${NOW + 1}:0000${NOW + 1}|AA|${HASH}`, ID, NOW + 1],
    [hex, `0BE4cfbac54b5a5a4cae5ba17e383a10|${LATER}|00|00`, "0be4cfbac54b5a5a4cae5ba17e383a10", undefined],
  ] as const;
  for (const [made, value, idText, usebefore] of rows) {
    const cookie = parseLegacyCookie(value, made, NOW);
    assert.ok(typeof cookie === "object", String(cookie));
    assert.deepEqual([cookie.idText, cookie.usebefore], [idText, usebefore]);
    assert.equal(cookie.id.toString("hex"), "0be4cfbac54b5a5a4cae5ba17e383a10");
  }
});

test("hexadecimal text is taken in pairs only", () => {
  const id = "0".repeat(32);
  assert.equal(parseLegacyCookie(`${id}0|${LATER}|00|00`, hex, NOW), "unable_to_base64url_decode_session_header");
  assert.equal(parseLegacyCookie(`${id}|${LATER}|0g|00`, hex, NOW), "unable_to_base64url_decode_session_data");
});

test("a value longer than maxsize goes on in the next cookie", () => {
  const full = `a|${"a".repeat(62)}`;
  assert.equal(joinChunks(undefined, small), undefined);
  assert.equal(joinChunks("x=1", small), undefined);
  assert.equal(joinChunks(`session=${"a".repeat(100)}`, small), undefined);
  assert.deepEqual(joinChunks(`session=${full}`, small), { value: full, count: 1 });
  assert.deepEqual(joinChunks(`session_2=b; session=${full}0`, small), { value: `${full}b`, count: 2 });
  assert.equal(joinChunks(`session=${full}0; session2=b`, small), "missing_session_cookie_chunk");
  const chunks = Array.from({ length: 60 }, (_, at) => `session${at === 0 ? "" : `_${at + 1}`}=${full}0`);
  assert.equal(joinChunks(chunks.join("; "), small), "cookie_size_limit_exceeded");
});

test("the names of older cookies are the cookie's and that with a number", () => {
  const header = "a=1; session=x; session_2=y;session_12 = z; session_=1; session_2x=1; sessionx=1; session_2";
  assert.deepEqual(legacyNamesIn(header, "session"), ["session", "session_2", "session_12", "session_2"]);
});
