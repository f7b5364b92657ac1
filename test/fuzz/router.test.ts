import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { addressOf, createTrustedPeers } from "../../src/gateway/forwarded.ts";
import { escapePath, normalizePath } from "../../src/gateway/path.ts";
import { compileRouteRegex, validateRouteRegex } from "../../src/gateway/regex.ts";
import { createRouter } from "../../src/gateway/router.ts";
import { readHost } from "../../src/gateway/router-hosts.ts";
import type { RouteColumns } from "../../src/gateway/router-rows.ts";
import { upstreamTarget } from "../../src/gateway/upstream-path.ts";
import { Headers } from "../../src/http1/index.ts";

/** Milliseconds in which the slowest single input must be done, on a busy machine. */
const LIMIT_MS = 1000;

function timed<T>(work: () => T): T {
  const started = performance.now();
  const result = work();
  assert.ok(performance.now() - started < LIMIT_MS, "too slow");
  return result;
}

const byte = fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code));
const fragment = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      "/",
      "//",
      ".",
      "..",
      "/../",
      "/./",
      "%",
      "%2",
      "%2e",
      "%2F",
      "%00",
      "%zz",
      "?",
      "#",
      "a",
      "b1",
    ),
  },
  { weight: 1, arbitrary: byte },
);
const target = fc.array(fragment, { maxLength: 40 }).map((parts) => `/${parts.join("")}`);

test("any path is refused, or normalised once and for all to one that can be sent", () => {
  fc.assert(
    fc.property(target, (path) => {
      const normalized = timed(() => normalizePath(path));
      if (normalized === undefined) return;
      assert.ok(normalized.startsWith("/") && !normalized.includes("\0"));
      assert.doesNotMatch(normalized, /\/\/|\/\.\.?(\/|$)/);
      assert.match(escapePath(normalized), /^[!-~]+$/);
      assert.equal(normalizePath(escapePath(normalized)), normalized);
    }),
    { numRuns: 5000 },
  );
});

const token = fc.constantFrom(
  ..."abc/.^$|()[]{}*+?\\-,:<>=!&~#'\"019 é".split(""),
  ...[
    "(?:",
    "(?<n>",
    "(?P<m>",
    "(?=",
    "(?i)",
    "[^",
    "[:alpha:]",
    "\\d",
    "\\w",
    "\\b",
    "\\x41",
    "{2,3}",
    "{0,50}",
    ".*",
    "(a|b)",
    "\\1",
    "\\Q",
  ],
);
const pattern = fc.array(token, { maxLength: 25 }).map((parts) => parts.join(""));

test("any pattern compiles or is refused with an error, and matches any path without hanging", () => {
  let compiled = 0;
  const long = fc.tuple(target, fc.integer({ min: 1, max: 200 })).map(([path, times]) => path.repeat(times));
  fc.assert(
    fc.property(pattern, fc.oneof(target, long), (source, path) => {
      const error = timed(() => validateRouteRegex(source));
      if (error !== undefined) {
        assert.notEqual(error, "");
        return;
      }
      compiled++;
      const regex = compileRouteRegex(source);
      const found = timed(() => regex.match(path));
      assert.ok(found === undefined || path.startsWith(found.prefix));
    }),
    { numRuns: 5000 },
  );
  assert.ok(compiled > 500, `only ${compiled} patterns could be compiled`);
});

/** The pattern under JavaScript's engine, where it is read the same; undefined when it is not. */
function otherEngine(source: string): RegExp | undefined {
  try {
    return new RegExp(`^(?:${source})`, "u");
  } catch {
    return undefined;
  }
}

/** Here JavaScript differs from Perl: it takes back a repetition of a group that matched nothing. */
const REPEATED_GROUP = /\)[*+?{]/;

test("a pattern finds the same text as under another engine with Perl's meaning", () => {
  let compared = 0;
  const plain = fc.constantFrom(
    ..."ab/|.?*+$".split(""),
    "(?:",
    "(",
    ")",
    "[ab]",
    "[^a]",
    "{2}",
    "{1,2}",
    "\\w",
    "\\d",
    "\\/",
    "\\b",
    "*?",
    "+?",
  );
  const text = fc.string({ unit: fc.constantFrom("a", "b", "/", "1", "\n"), maxLength: 10 });
  fc.assert(
    fc.property(
      fc.array(plain, { maxLength: 12 }).map((parts) => parts.join("")),
      text,
      (source, path) => {
        const other = otherEngine(source);
        if (other === undefined || REPEATED_GROUP.test(source) || validateRouteRegex(source) !== undefined) return;
        compared++;
        assert.equal(compileRouteRegex(source).match(path)?.prefix, other.exec(path)?.[0]);
      },
    ),
    { numRuns: 5000 },
  );
  assert.ok(compared > 500, `only ${compared} patterns could be compared`);
});

const routes = fc.array(
  fc.record({
    paths: fc.option(
      fc.array(
        fc.oneof(
          target,
          pattern.map((source) => `~${source}`),
        ),
        { minLength: 1, maxLength: 3 },
      ),
      { nil: null },
    ),
    hosts: fc.option(
      fc.array(fc.constantFrom("a.test", "*.test", "a.*", "a.test:80", "*.test:1"), { minLength: 1, maxLength: 3 }),
      { nil: null },
    ),
    methods: fc.option(fc.constantFrom(["GET"], ["GET", "POST"]), { nil: null }),
    strip_path: fc.boolean(),
    path_handling: fc.constantFrom("v0" as const, "v1" as const),
  }),
  { maxLength: 8 },
);

const host = fc
  .array(fc.oneof(fc.constantFrom("a", "test", ".", ":", "80", "[", "]", "::1"), byte), { maxLength: 12 })
  .map((parts) => parts.join(""));
const fields = fc.array(
  fc.tuple(
    fc.constantFrom("Host", "X-Real-IP", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Prefix", "x_a"),
    fc
      .array(fc.constantFrom("1.2.3.4", "10.0.0.1", "::1", "[::1]:80", ",", " ", ":", "%", "x"), { maxLength: 6 })
      .map((parts) => parts.join("")),
  ),
  { maxLength: 6 },
);

test("any request is routed and described without an exception, and nothing of it splits the upstream's head", () => {
  const peers = createTrustedPeers({
    trusted_ips: ["10.0.0.0/8", "::1"],
    real_ip_header: "X-Forwarded-For",
    real_ip_recursive: true,
  });
  fc.assert(
    fc.property(routes, target, host, fields, fc.boolean(), (drawn, received, hostField, sent, trusted) => {
      const rows = drawn.map((row, i): RouteColumns => {
        const paths =
          row.paths?.filter((path) => !path.startsWith("~") || validateRouteRegex(path.slice(1)) === undefined) ?? null;
        return {
          ...row,
          paths,
          id: String(i),
          protocols: ["http"],
          https_redirect_status_code: 426,
          regex_priority: 0,
          preserve_host: false,
        };
      });
      const path = normalizePath(received);
      if (path === undefined) return;
      const router = createRouter(rows, { flavor: drawn.length % 2 === 0 ? "traditional" : "traditional_compatible" });
      const headers = new Headers(sent.flat());
      const asked = {
        method: "GET",
        host: readHost(hostField).name,
        port: readHost(hostField).port ?? 80,
        path,
        headers,
        tls: false,
        serverName: undefined,
      };
      const match = timed(() => router.match(asked));
      if (!match) return;
      const upstream = upstreamTarget(match.route.upstreamPath, path, match.prefix, "");
      assert.match(upstream, /^\/[!-~]*$/);
      assert.doesNotMatch(upstream, /\/\.\.?(\/|$)/);
      const connection = {
        remoteAddress: trusted ? "10.0.0.1" : "8.8.8.8",
        remotePort: 1,
        localAddress: "::1",
        localPort: 80,
        tls: false,
      };
      const told = new Headers();
      addressOf({ connection, headers }, peers).addTo(told, headers, escapePath(received), match.prefix);
      for (const text of told.list) assert.doesNotMatch(text, /[\r\n\0]/);
    }),
    { numRuns: 3000 },
  );
});
