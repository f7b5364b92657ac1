import assert from "node:assert/strict";
import { test } from "node:test";
import { parseOptions, type SessionOptions } from "./options.ts";
import { attributesText, keptFor, mergeSetCookies } from "./set-cookie.ts";

const rows: readonly (readonly [options: SessionOptions, text: string])[] = [
  [{}, "; Path=/; SameSite=Lax; HttpOnly"],
  [{ cookie_domain: "example.com", cookie_path: "/app" }, "; Domain=example.com; Path=/app; SameSite=Lax; HttpOnly"],
  [{ cookie_domain: "localhost", cookie_http_only: false }, "; Path=/; SameSite=Lax"],
  [{ cookie_domain: "" }, "; Path=/; SameSite=Lax; HttpOnly"],
  [{ cookie_same_site: "None" }, "; Path=/; SameSite=None; Secure; HttpOnly"],
  [{ cookie_same_site: "Default" }, "; Path=/; SameSite=Default; HttpOnly"],
  [{ cookie_same_party: true }, "; Path=/; SameSite=Lax; SameParty; Secure; HttpOnly"],
  [
    { cookie_priority: "High", cookie_partitioned: true, cookie_secure: true },
    "; Path=/; SameSite=Lax; Priority=High; Partitioned; Secure; HttpOnly",
  ],
  [
    { cookie_prefix: "__Host-", cookie_domain: "example.com", cookie_path: "/app" },
    "; Path=/; SameSite=Lax; Secure; HttpOnly",
  ],
  [
    { cookie_prefix: "__Secure-", cookie_domain: "example.com", cookie_path: "/app" },
    "; Domain=example.com; Path=/app; SameSite=Lax; Secure; HttpOnly",
  ],
];
for (const [options, text] of rows) {
  test(`the attributes of ${JSON.stringify(options)}`, () => assert.equal(attributesText(parseOptions(options)), text));
}

test("a kept cookie has a date counted from its creation", () => {
  assert.equal(keptFor(1_900_000_000, 604_800), "; Expires=Sun, 24 Mar 2030 17:46:40 GMT; Max-Age=604800");
});

test("a cookie replaces the one of its name where it stands, others are appended", () => {
  const existing = ["session2=x", "session=a; Path=/", "b=1"];
  const cookies = [
    { name: "session", text: "session=new" },
    { name: "c", text: "c=1" },
  ];
  assert.deepEqual(mergeSetCookies(existing, cookies), ["session2=x", "session=new", "b=1", "c=1"]);
  assert.equal(existing.length, 3);
});
