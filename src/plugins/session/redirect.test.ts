import assert from "node:assert/strict";
import { test } from "node:test";
import { createRedirects, locationOf, redirectFault } from "./redirect.ts";

const rows: readonly [target: string, isAllowed: boolean][] = [
  ["/bye", true],
  ["/bye?from=shop", true],
  ["/bye/", false],
  ["/bye-bye", false],
  ["/shop/", true],
  ["/shop/a/b?c=d#e", true],
  ["/shop", false],
  ["/shop/../admin", false],
  ["/shop/%2e%2e/admin", false],
  ["https://example.com/", true],
  ["https://example.com/anything", true],
  ["https://EXAMPLE.com", true],
  ["http://example.com/", false],
  ["https://example.com:8443/", false],
  ["https://example.com.evil.test/", false],
  ["https://example.com@evil.test/", false],
  ["https://evil.test@example.com/", false],
  ["//evil.test/shop/", false],
  ["/\\evil.test", false],
  ["\\\\evil.test", false],
  ["http:evil.test", false],
  ["/\t/evil.test", false],
  ["http://here.invalid/bye", false],
  ["javascript:alert(1)", false],
  ["data:text/html,x", false],
  ["bye", false],
  ["", false],
  ["https://", false],
  ["/bye\r\nSet-Cookie: a=b", false],
];

test("a logout leads only where it may", () => {
  const locate = createRedirects(["/bye", "/shop/", "https://example.com/"]);
  for (const [target, expected] of rows) {
    assert.equal(locate(target) !== undefined, expected, JSON.stringify(target));
  }
});

test("without a list a logout leads nowhere", () => {
  assert.equal(createRedirects([])("/"), undefined);
});

test("a configured target is a path or a URL", () => {
  assert.equal(redirectFault("/a"), undefined);
  assert.equal(redirectFault("https://example.com"), undefined);
  for (const text of ["a", "//a", "ftp://a", "/a\nb"]) assert.match(redirectFault(text)!, /must be a path, or a URL/);
});

test("a Location header has nothing but ASCII, and the path that was checked", () => {
  const locate = createRedirects(["/shop/"]);
  assert.equal(locate("/shop/ä?ö=ü#ß"), "/shop/%C3%A4?%C3%B6=%C3%BC#%C3%9F");
  assert.equal(locate("/shop/a/../b"), "/shop/b");
  assert.equal(locationOf("https://EXAMPLE.com/a b"), undefined);
  assert.equal(locationOf("https://EXAMPLE.com/é"), "https://example.com/%C3%A9");
});
