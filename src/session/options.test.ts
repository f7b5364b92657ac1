import assert from "node:assert/strict";
import { test } from "node:test";
import { parseOptions } from "./options.ts";
import { createSessions } from "./sessions.ts";

const refused: readonly (readonly [options: object, message: RegExp])[] = [
  [{ secrets: "x" }, /^unknown session option "secrets"$/],
  [{ __proto__: null, constructor: 1 }, /^unknown session option "constructor"$/],
  [{ secret: 5 }, /^secret must be a text$/],
  [{ secret_fallbacks: "x" }, /^secret_fallbacks must be a list$/],
  [{ ikm: Buffer.alloc(31) }, /^invalid ikm size \(32 bytes\)$/],
  [{ ikm: "x".repeat(32) }, /^invalid ikm size/],
  [{ ikm_fallbacks: [Buffer.alloc(33)] }, /^invalid ikm size in ikm_fallbacks/],
  [{ bind: ["nope"] }, /^invalid bind \(bind accepts ip, scheme, user-agent, user_agent\)$/],
  [{ response_headers: ["nope"] }, /^invalid header name \(response_headers accepts id, audience/],
  [{ request_headers: [5] }, /^invalid header name/],
  [{ cookie_prefix: "__Http-" }, /^cookie_prefix accepts __Host-, __Secure-$/],
  [{ cookie_same_site: "lax" }, /^cookie_same_site accepts Lax, Strict, None, Default$/],
  [{ cookie_name: "a b" }, /^cookie_name has a character/],
  [{ cookie_name: "" }, /^cookie_name must not be empty$/],
  [{ cookie_path: "/; Domain=evil" }, /^cookie_path has a character/],
  [{ cookie_domain: "a\r\nSet-Cookie: x" }, /^cookie_domain has a character/],
  [{ cookie_http_only: "yes" }, /^cookie_http_only must be true or false$/],
  [{ idling_timeout: -1 }, /^idling_timeout must be a whole number of seconds, 0 or more$/],
  [{ rolling_timeout: 1.5 }, /^rolling_timeout must be a whole number/],
  [{ absolute_timeout: "60" }, /^absolute_timeout must be a whole number/],
  [{ compression_threshold: Number.NaN }, /^compression_threshold must be a whole number of bytes/],
  [{ remember_safety: "medium" }, /^remember_safety accepts None, Low, Medium, High, Very High$/],
  [{ remember_cookie_name: "Session" }, /^remember_cookie_name must differ from cookie_name$/],
  [{ cookie_same_party: true, cookie_same_site: "Strict" }, /^SameParty session cookies cannot use SameSite=Strict$/],
  [{ release: "4.2" }, /^release accepts 4.0, 4.1$/],
];
for (const [options, message] of refused) {
  test(`options are refused: ${message.source}`, () => {
    assert.throws(() => createSessions(options), { name: "SessionError", code: "ERR_SESSION_OPTION", message });
  });
}

test("absent, undefined and null options mean the default", () => {
  const defaults = parseOptions({});
  assert.deepEqual(parseOptions({ cookie_name: undefined, idling_timeout: null }), defaults);
  assert.equal(defaults.cookie_name, "session");
  assert.equal(defaults.remember_safety, "Medium");
  assert.equal(defaults.secret, undefined);
});

test("secrets are not shown with the sessions made of them", async () => {
  const { inspect } = await import("node:util");
  const sessions = createSessions({ secret: "very-secret-text" });
  assert.doesNotMatch(inspect(sessions, { depth: 20, showHidden: true }), /very-secret-text/);
  assert.doesNotMatch(inspect(sessions.create({}), { depth: 20, showHidden: true }), /very-secret-text/);
});
