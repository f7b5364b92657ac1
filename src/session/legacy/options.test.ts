import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { createSessions } from "../sessions.ts";
import { memoryStorage } from "../storages/memory.ts";
import { legacyOptions, parseLegacyOptions } from "./options.ts";

const refused: readonly (readonly [options: unknown, message: RegExp])[] = [
  ["secret", /^legacy must be a record of settings$/],
  [{}, /^legacy\.secret must not be empty$/],
  [{ secret: "" }, /^legacy\.secret must not be empty$/],
  [{ secret: 5 }, /^legacy\.secret must be a text$/],
  [{ secret: "x", secrets: "y" }, /^unknown session option "legacy\.secrets"$/],
  [{ secret: "x", "aes.size": 128, aes: { sizes: 1 } }, /^unknown session option "legacy\.aes\.sizes"$/],
  [{ secret: "x", check: { ssi: true } }, /^unknown session option "legacy\.check\.ssi"$/],
  [{ secret: "x", check: true }, /^legacy\.check must be a record of settings$/],
  [{ secret: "x", check: { ua: "on" } }, /^legacy\.check\.ua must be true or false$/],
  [{ secret: "x", aes: { size: 512 } }, /^legacy\.aes\.size accepts 128, 192, 256$/],
  [{ secret: "x", aes: { size: "12e1" } }, /^legacy\.aes\.size must be a whole number, 0 or more$/],
  [{ secret: "x", aes: { mode: "xts" } }, /^legacy\.aes\.mode accepts cbc, ecb/],
  [{ secret: "x", aes: { hash: "sha3" } }, /^legacy\.aes\.hash accepts md5/],
  [{ secret: "x", aes: { rounds: 0 } }, /^legacy\.aes\.rounds must be a whole number, 1 or more$/],
  [{ secret: "x", random: { length: 0 } }, /^legacy\.random\.length must be a whole number, 1 or more$/],
  [{ secret: "x", cookie: { maxsize: 1 } }, /^legacy\.cookie\.maxsize must be a whole number, 64 or more$/],
  [{ secret: "x", cookie: { delimiter: "" } }, /^legacy\.cookie\.delimiter must not be empty$/],
  [{ secret: "x", name: "" }, /^legacy\.name must not be empty$/],
  [{ secret: "x", name: "a\r\nSet-Cookie: b" }, /^legacy\.name has a character that cookies do not allow$/],
  [{ secret: "x", storage: "file" }, /^legacy\.storage accepts cookie, redis/],
  [{ secret: "x", storage: "redis" }, /^legacy\.storage needs a storage$/],
  [{ secret: "x", hmac: "md5" }, /^legacy\.hmac accepts sha1$/],
];
for (const [legacy, message] of refused) {
  test(`settings of an older release are refused: ${message.source}`, () => {
    const options = { legacy } as never;
    assert.throws(() => createSessions(options), { name: "SessionError", code: "ERR_SESSION_OPTION", message });
  });
}

test("what is absent has the default of lua-resty-session 3.10", () => {
  const { secret, name, prefix, ...parsed } = parseLegacyOptions({
    secret: "x",
    aes: undefined,
    check: { addr: undefined },
  });
  assert.deepEqual([secret, name, prefix], ["x", undefined, undefined]);
  for (const [setting, value] of Object.entries(parsed)) {
    assert.equal(value, (legacyOptions[setting as never] as { default: unknown }).default, setting);
  }
});

test("numbers may be texts, as 2.x wants them", () => {
  assert.equal(parseLegacyOptions({ secret: "x", aes: { size: "128" } })["aes.size"], 128);
});

test("the older secret is not shown with the sessions made of it", () => {
  const legacy = { secret: "very-secret-text", storage: "redis" } as const;
  const sessions = createSessions({ secret: "s", legacy }, { storage: memoryStorage() });
  for (const shown of [sessions, sessions.create({})]) {
    assert.doesNotMatch(inspect(shown, { depth: 20, showHidden: true }), /very-secret-text/);
  }
});
