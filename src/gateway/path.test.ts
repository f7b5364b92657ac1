import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { defaultLimits, parseRequestHead } from "../http1/index.ts";
import { escapePath, normalizePath } from "./path.ts";

const normalized: readonly (readonly [path: string, expected: string | undefined])[] = [
  ["/", "/"],
  ["/a/b", "/a/b"],
  ["/A", "/A"],
  // escapes
  ["/%61%2D%5f%7E", "/a-_~"],
  ["/a%20b", "/a b"],
  ["/a%2fb%3A%5b", "/a%2Fb%3A%5B"],
  ["/%25%32%35", "/%2525"],
  ["/%2525", "/%2525"],
  ["/caf%C3%a9", "/caf\xc3\xa9"],
  ["/caf\xc3\xa9", "/caf\xc3\xa9"],
  ["/%22%3c%7B%5C", '/"<{\\'],
  ["/%21%2A%27%28%29%3B%3a%40%26%3D%2B%24%2C%3F%23", "/%21%2A%27%28%29%3B%3A%40%26%3D%2B%24%2C%3F%23"],
  // dot segments, also escaped ones
  ["/strip/a/../b", "/strip/b"],
  ["/strip/./c", "/strip/c"],
  ["/a/b/..", "/a/"],
  ["/a/.", "/a/"],
  ["/a/..", "/"],
  ["/.", "/"],
  ["/a/%2e%2E/b", "/b"],
  ["/a/%2e/b", "/a/b"],
  ["/.well-known/x", "/.well-known/x"],
  ["/a/...", "/a/..."],
  ["/a/..b/.c", "/a/..b/.c"],
  ["/a/..%2F..%2Fb", "/a/..%2F..%2Fb"],
  ["/a/..;/b", "/a/..;/b"],
  // slashes
  ["/strip//x", "/strip/x"],
  ["//", "/"],
  ["///a///b///", "/a/b/"],
  ["//a", "/a"],
  ["/a//../b", "/b"],
  // 400
  ["/any/%zz", undefined],
  ["/any/%", undefined],
  ["/any/%4", undefined],
  ["/any/%4g", undefined],
  ["/any/%u0041", undefined],
  ["/any/%00", undefined],
  ["/any/\0", undefined],
  ["/a/%2e%2e/%2e%2e", undefined],
  ["/..", undefined],
  ["/../a", undefined],
  ["//..//a", undefined],
  ["/a/../../b", undefined],
  ["", undefined],
  ["*", undefined],
  ["a/b", undefined],
  ["http://h/a", undefined],
];

for (const [path, expected] of normalized) {
  test(`the path ${JSON.stringify(path)} is compared as ${JSON.stringify(expected)}`, () => {
    assert.equal(normalizePath(path), expected);
  });
}

test("normalising is done once: its result stays as it is", () => {
  for (const [, expected] of normalized) if (expected !== undefined) assert.equal(normalizePath(expected), expected);
});

test("a long hostile path is normalised in linear time", () => {
  for (const part of ["/..", "/.", "//", "%2e", "%2F", "/a/../b", "/%2e%2e/a"]) {
    const started = performance.now();
    normalizePath(`/${"a/".repeat(10)}${part.repeat(48_000 / part.length)}`);
    assert.ok(performance.now() - started < 200, part);
  }
});

const escaped: readonly (readonly [path: string, expected: string])[] = [
  ["/a/b-._~!$&'()*+,;=:@", "/a/b-._~!$&'()*+,;=:@"],
  ["/base/ a/%2F", "/base/%20a/%2F"],
  ["/%25", "/%25"],
  ['/"<>\\^`{|}', "/%22%3C%3E%5C%5E%60%7B%7C%7D"],
  ["/caf\xc3\xa9", "/caf%C3%A9"],
  ["/a\r\nb\x7f", "/a%0D%0Ab%7F"],
  ["/€", "/%E2%82%AC"],
];

for (const [path, expected] of escaped) {
  test(`the path ${JSON.stringify(path)} is sent as ${expected}`, () => assert.equal(escapePath(path), expected));
}

test("a path that the parser calls plain is as it should be", () => {
  const piece = fc.oneof(
    fc.constantFrom("/", "//", "/.", ".", "%", "%61", "?", "a", "#", "\\", '"', "*", "[", "~", ";"),
    fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
  );
  const seen = { plain: 0, other: 0 };
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
      const target = `/${pieces.join("").replaceAll("#", "")}`;
      const bytes = Buffer.from(`GET ${target} HTTP/1.1\r\nHost: h\r\n\r\n`);
      const head = parseRequestHead(bytes, 0, bytes.length, defaultLimits);
      assert.equal(head.target, target);
      seen[head.hasPlainPath ? "plain" : "other"] += 1;
      if (!head.hasPlainPath) return;
      const path = target.split("?")[0]!;
      assert.equal(normalizePath(path), path);
      assert.equal(escapePath(path), path);
    }),
    { numRuns: 3000 },
  );
  assert.ok(seen.plain > 500 && seen.other > 500, JSON.stringify(seen));
  for (const target of ["*", "http://h/a"]) {
    const bytes = Buffer.from(`OPTIONS ${target} HTTP/1.1\r\nHost: h\r\n\r\n`);
    assert.equal(parseRequestHead(bytes, 0, bytes.length, defaultLimits).hasPlainPath, false);
  }
});
