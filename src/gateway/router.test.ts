import assert from "node:assert/strict";
import { test } from "node:test";
import { Headers } from "../http1/index.ts";
import { normalizePath } from "./path.ts";
import { createRouter, type Match, type RouteInput } from "./router.ts";
import { readHost } from "./router-hosts.ts";
import type { RouteColumns, RouterFlavor } from "./router-rows.ts";
import { upstreamTarget } from "./upstream-path.ts";

const FLAVORS = ["traditional_compatible", "traditional"] as const;

function route(id: string, columns: Partial<RouteColumns>): RouteColumns {
  return {
    id,
    created_at: 1,
    protocols: ["http", "https"],
    https_redirect_status_code: 426,
    regex_priority: 0,
    strip_path: true,
    path_handling: "v0",
    preserve_host: false,
    service: { id: "service", enabled: true, path: null },
    ...columns,
  };
}

interface Asked {
  readonly method?: string;
  readonly host?: string;
  readonly headers?: readonly string[];
  readonly tls?: boolean;
  readonly serverName?: string;
}

function input(
  path: string,
  { method = "GET", host = "127.0.0.1:8000", headers = [], tls = false, serverName }: Asked = {},
): RouteInput {
  return {
    method,
    host: readHost(host).name,
    port: readHost(host).port ?? 8000,
    path: normalizePath(path)!,
    headers: new Headers([...headers]),
    tls,
    serverName,
  };
}

function matchOf(
  rows: readonly RouteColumns[],
  path: string,
  asked?: Asked,
  flavor: RouterFlavor = "traditional_compatible",
): Match | undefined {
  return createRouter(rows, { flavor }).match(input(path, asked));
}

/** The id of the route that wins. */
function winner(rows: readonly RouteColumns[], path: string, asked?: Asked, flavor?: RouterFlavor): string | undefined {
  return matchOf(rows, path, asked, flavor)?.route.row.id;
}

/** The routes of Kong's recorded group 07, and the requests that it answered. */
const RECORDED = ((): RouteColumns[] => {
  const a = { id: "a", enabled: true, path: "/base/" };
  const b = { id: "b", enabled: true, path: null };
  return [
    route("strip", { service: a, paths: ["/strip"] }),
    route("nostrip", { service: a, paths: ["/keep"], strip_path: false }),
    route("v1", { service: a, paths: ["/v1"], path_handling: "v1" }),
    route("root", { service: b, paths: ["/any"] }),
    route("longer", { service: b, paths: ["/any/longer"] }),
    route("hostr", { service: b, hosts: ["h.test"] }),
    route("wild", { service: b, hosts: ["*.w.test"] }),
    route("meth", { service: b, paths: ["/m"], methods: ["POST"] }),
    route("hdr", { service: b, paths: ["/h"], headers: { "x-ver": ["2"] } }),
    route("rx", { service: b, paths: ["~/rx/(?<id>\\d+)$"] }),
    route("https", { service: b, paths: ["/https"], protocols: ["https"] }),
    route("off", { service: { id: "off", enabled: false, path: null }, paths: ["/off"] }),
    route("noservice", { service: null, paths: ["/noservice"] }),
  ];
})();

const recorded: readonly (readonly [
  target: string,
  asked: Asked,
  id: string | undefined,
  upstream?: string,
  prefix?: string,
])[] = [
  ["/strip", {}, "strip", "/base", "/strip"],
  ["/strip/", {}, "strip", "/base/", "/strip"],
  ["/strip/x", {}, "strip", "/base/x", "/strip"],
  ["/stripx", {}, "strip", "/base/x", "/strip"],
  ["/strip//x", {}, "strip", "/base/x", "/strip"],
  ["/strip/%20a/%2F", {}, "strip", "/base/%20a/%2F", "/strip"],
  ["/strip?x=1&y=", {}, "strip", "/base?x=1&y=", "/strip"],
  ["/strip/a/../b", {}, "strip", "/base/b", "/strip"],
  ["/strip/./c", {}, "strip", "/base/c", "/strip"],
  ["/keep", {}, "nostrip", "/base/keep"],
  ["/keep/x", {}, "nostrip", "/base/keep/x"],
  ["/v1", {}, "v1", "/base", "/v1"],
  ["/v1/x", {}, "v1", "/base/x", "/v1"],
  ["/v1x", {}, "v1", "/base/x", "/v1"],
  ["/any", {}, "root", "/", "/any"],
  ["/any/longer/z", {}, "longer", "/z", "/any/longer"],
  ["/any/other", {}, "root", "/other", "/any"],
  ["/rx/42", {}, "rx", "/", "/rx/42"],
  ["/rx/abc", {}, undefined],
  ["/rx/42/", {}, undefined],
  ["/m", {}, undefined],
  ["/m", { method: "POST" }, "meth", "/", "/m"],
  ["/h", {}, undefined],
  ["/h", { headers: ["x-ver", "2"] }, "hdr", "/", "/h"],
  ["/https", {}, "https", "/", "/https"],
  ["/off", {}, undefined],
  ["/noservice", {}, "noservice", "/", "/noservice"],
  ["/nope", {}, undefined],
  ["/", {}, undefined],
  ["/x", { host: "h.test" }, "hostr", "/x"],
  ["/x", { host: "h.test:8000" }, "hostr", "/x"],
  ["/x", { host: "H.TEST" }, undefined],
  ["/x", { host: "q.w.test" }, "wild", "/x"],
  ["/x", { host: "w.test" }, undefined],
];

for (const [target, asked, id, upstream, prefix] of recorded) {
  test(`${asked.method ?? "GET"} ${target} ${asked.host ?? ""} goes to ${id ?? "no route"} (recorded from Kong Gateway 3.9.3)`, () => {
    const [path = "", ...query] = target.split(/(?=\?)/);
    const match = matchOf(RECORDED, path, asked);
    assert.equal(match?.route.row.id, id);
    if (!match) return;
    assert.equal(
      upstreamTarget(match.route.upstreamPath, normalizePath(path)!, match.prefix, query.join("")),
      upstream,
    );
    assert.equal(match.prefix, prefix);
  });
}

test("a match tells the captures, and what the row means", () => {
  const match = matchOf(RECORDED, "/rx/42");
  assert.deepEqual({ ...match?.captures?.named }, { id: "42" });
  assert.equal(match?.route.service?.id, "b");
  assert.deepEqual([match?.route.secureOnly, match?.route.grpc], [false, false]);
  assert.equal(matchOf(RECORDED, "/https")?.route.secureOnly, true);
  assert.equal(matchOf(RECORDED, "/noservice")?.route.service, undefined);
});

test("v1 counts in the flavor traditional only", () => {
  const rows = [route("v1", { paths: ["/r"], path_handling: "v1", service: { id: "s", enabled: true, path: "/s" } })];
  for (const [flavor, expected] of [
    ["traditional_compatible", "/s/eq"],
    ["traditional", "/seq"],
  ] as const) {
    const match = matchOf(rows, "/req", {}, flavor)!;
    assert.equal(upstreamTarget(match.route.upstreamPath, "/req", match.prefix, ""), expected);
  }
});

/** One route, one request, and whether they match in both flavors. */
const criteria: readonly (readonly [columns: Partial<RouteColumns>, path: string, asked: Asked, matches: boolean])[] = [
  [{ paths: ["/r"] }, "/r", {}, true],
  [{ paths: ["/r"] }, "/req", {}, true],
  [{ paths: ["/r"] }, "/R", {}, false],
  [{ paths: ["/a", "/r"] }, "/r/x", {}, true],
  [{ paths: ["~/foo/\\d+"] }, "/foo/12/bar", {}, true],
  [{ paths: ["~/foo/\\d+"] }, "/x/foo/12", {}, false],
  [{ paths: ["~/a b"] }, "/a%20b", {}, true],
  [{ paths: ["/café"] }, "/caf%C3%A9/x", {}, true],
  [{ paths: ["/café"] }, "/caf%E9", {}, false],
  [{ paths: ["~/café"] }, "/caf%C3%A9/x", {}, true],
  [{ methods: ["GET", "PUT"] }, "/", { method: "PUT" }, true],
  [{ methods: ["GET", "PUT"] }, "/", { method: "put" }, false],
  [{ methods: [], paths: ["/"] }, "/", { method: "PROPFIND" }, true],
  [{ methods: [] }, "/", {}, false],
  [{ hosts: ["a.test", "b.test"] }, "/", { host: "b.test" }, true],
  [{ hosts: ["a.test:8000"] }, "/", { host: "a.test" }, true],
  [{ hosts: ["a.test:8000"] }, "/", { host: "a.test:9000" }, false],
  [{ hosts: ["a.test"] }, "/", { host: "" }, false],
  [{ headers: { "X-Ver": ["1", "2"] } }, "/", { headers: ["x-vEr", "2"] }, true],
  [{ headers: { "x-ver": ["Two"] } }, "/", { headers: ["X-Ver", "tWO"] }, true],
  [{ headers: { "x-ver": ["2"] } }, "/", { headers: ["X-Ver", "22"] }, false],
  [{ headers: { "x-ver": ["2"] } }, "/", { headers: ["X-Ver", "1", "X-Ver", "2"] }, true],
  [{ headers: { "x-ver": ["2"] } }, "/", { headers: ["X_Ver", "2"] }, true],
  [{ headers: { x_ver: ["2"] } }, "/", { headers: ["X-Ver", "2"] }, true],
  [{ headers: { "x-a": ["1"], "x-b": ["2"] } }, "/", { headers: ["X-A", "1", "X-B", "2"] }, true],
  [{ headers: { "x-a": ["1"], "x-b": ["2"] } }, "/", { headers: ["X-A", "1"] }, false],
  [{ headers: { "x-ver": ["~*^v[0-9]+$"] } }, "/", { headers: ["X-Ver", "V12"] }, true],
  [{ headers: { "x-ver": ["~*[0-9]"] } }, "/", { headers: ["X-Ver", "abc1"] }, true],
  [{ headers: { "x-ver": ["~*^v[0-9]+$"] } }, "/", { headers: ["X-Ver", "x", "X-Ver", "v1"] }, true],
  [{ headers: { "x-ver": ["~*^v[0-9]+$"] } }, "/", {}, false],
  [{ headers: { Host: ["a"] }, paths: ["/"] }, "/", {}, true],
  [{ headers: { "x-ver": [] }, paths: ["/"] }, "/", {}, true],
  [{ snis: ["a.test"] }, "/", {}, true],
  [{ snis: ["a.test"] }, "/", { tls: true, serverName: "a.test" }, true],
  [{ snis: ["a.test."] }, "/", { tls: true, serverName: "a.test" }, true],
  [{ snis: ["a.test"] }, "/", { tls: true, serverName: "b.test" }, false],
  [{ snis: ["a.test"] }, "/", { tls: true }, false],
  [{ snis: ["*.a.test"] }, "/", { tls: true, serverName: "x.a.test" }, true],
  [{ snis: ["a.*"] }, "/", { tls: true, serverName: "a.test" }, true],
  [{ snis: ["*.a.test"] }, "/", { tls: true, serverName: "a.test" }, false],
  [{ paths: ["/r"], methods: ["GET"], hosts: ["a.test"] }, "/r", { host: "a.test" }, true],
  [{ paths: ["/r"], methods: ["GET"], hosts: ["a.test"] }, "/r", { host: "b.test" }, false],
  [{ paths: ["/"], protocols: ["tcp"] }, "/", {}, false],
  [{ snis: ["a.test"], protocols: ["tls_passthrough"] }, "/", { tls: true, serverName: "a.test" }, false],
  [{ paths: ["/"], protocols: ["grpc", "grpcs"] }, "/", {}, true],
  [{ paths: ["/"], protocols: ["https"] }, "/", {}, true],
  [{ paths: ["/"], service: { id: "s", enabled: false } }, "/", {}, false],
  [{}, "/", {}, false],
];

for (const [columns, path, asked, matches] of criteria) {
  test(`${JSON.stringify(columns)} ${matches ? "matches" : "does not match"} ${path} ${JSON.stringify(asked)}`, () => {
    for (const flavor of FLAVORS)
      assert.equal(winner([route("r", columns)], path, asked, flavor) === "r", matches, flavor);
  });
}

test("of several header values, a regex counts in the default flavor only", () => {
  const rows = [route("r", { headers: { "x-ver": ["1", "~*^v"] } })];
  assert.equal(winner(rows, "/", { headers: ["X-Ver", "v2"] }), "r");
  assert.equal(winner(rows, "/", { headers: ["X-Ver", "v2"] }, "traditional"), undefined);
  assert.equal(winner(rows, "/", { headers: ["X-Ver", "~*^v"] }, "traditional"), "r");
});

test("gRPC routes match and say what they are", () => {
  assert.equal(matchOf([route("g", { protocols: ["grpc"], paths: ["/"] })], "/x")?.route.grpc, true);
});

test("a route that does not strip its path gives no prefix, one without paths neither", () => {
  assert.equal(matchOf([route("r", { paths: ["/r"], strip_path: false })], "/r/x")?.prefix, undefined);
  assert.equal(matchOf([route("r", { hosts: ["127.0.0.1"] })], "/r/x")?.prefix, undefined);
});

test("a route's regex that cannot be compiled is an error that names the route", () => {
  const rows = [route("0", { name: "bad", paths: ["~/(?=x)"] })];
  for (const flavor of FLAVORS)
    assert.throws(() => createRouter(rows, { flavor }), /route bad: not supported: look-ahead/);
});

const HOST = "a.test";
const ALL: Asked = { host: HOST, headers: ["x-a", "1", "x-b", "1"], method: "GET" };

/** Two routes that both match, the winner in each flavor first: `a` or `b`. */
const duels: readonly (readonly [
  why: string,
  a: Partial<RouteColumns>,
  b: Partial<RouteColumns>,
  compatible: string,
  traditional: string,
])[] = [
  ["more kinds of criteria", { hosts: [HOST], paths: ["/"] }, { paths: ["/long/path"] }, "a", "a"],
  ["more kinds, whatever they are", { paths: ["/"], methods: ["GET"] }, { hosts: [HOST] }, "a", "a"],
  [
    "host against path: weights in traditional, plain hosts in the default",
    { hosts: [HOST] },
    { paths: ["/long"] },
    "a",
    "a",
  ],
  ["wildcard host against path", { hosts: ["a.*"] }, { paths: ["/long"] }, "b", "a"],
  ["header against path", { headers: { "x-a": ["1"] } }, { paths: ["/long"] }, "a", "a"],
  ["path against method", { paths: ["/"] }, { methods: ["GET"] }, "a", "a"],
  ["plain host against wildcard", { hosts: [HOST] }, { hosts: ["a.*"] }, "a", "a"],
  ["a wildcard among plain hosts", { hosts: [HOST] }, { hosts: [HOST, "*.b.test"] }, "a", "a"],
  ["wildcard with port against plain", { hosts: [HOST] }, { hosts: ["a.*:8000"] }, "a", "b"],
  ["more headers", { headers: { "x-a": ["1"], "x-b": ["1"] } }, { headers: { "x-a": ["1"] } }, "a", "a"],
  [
    "headers against a regex path",
    { paths: ["/"], headers: { "x-a": ["1"], "x-b": ["1"] } },
    { paths: ["~/l"], headers: { "x-a": ["1"] } },
    "a",
    "b",
  ],
  ["regex against a longer plain path", { paths: ["~/l"] }, { paths: ["/long/path"] }, "a", "a"],
  ["regex_priority", { paths: ["~/l"], regex_priority: 2 }, { paths: ["~/long"], regex_priority: 1 }, "a", "a"],
  [
    "a negative regex_priority",
    { paths: ["~/l"], regex_priority: 0 },
    { paths: ["~/long"], regex_priority: -1 },
    "a",
    "a",
  ],
  [
    "regex_priority of a plain path does not count",
    { paths: ["/long"] },
    { paths: ["/l"], regex_priority: 9 },
    "a",
    "a",
  ],
  ["longer path", { paths: ["/long/path"] }, { paths: ["/long"] }, "a", "a"],
  [
    "the path that matches counts, not the longest",
    { paths: ["/long/p"] },
    { paths: ["/long", "/other/very/long"] },
    "a",
    "a",
  ],
  [
    "older in traditional, larger id in the default",
    { paths: ["/long"], created_at: 1 },
    { paths: ["/long"], created_at: 2 },
    "b",
    "a",
  ],
];

for (const [why, a, b, compatible, traditional] of duels) {
  test(`what wins, by ${why}`, () => {
    const pair = [route("a", a), route("b", b)];
    for (const rows of [pair, pair.toReversed()]) {
      assert.equal(winner(rows, "/long/path", ALL), compatible, "traditional_compatible");
      assert.equal(winner(rows, "/long/path", ALL, "traditional"), traditional, "traditional");
    }
  });
}

test("when the best route is not met, the next is tried", () => {
  const rows = [
    route("a", { paths: ["/long"], methods: ["POST"] }),
    route("b", { paths: ["/l"] }),
    route("c", { paths: ["~/l(x)"] }),
  ];
  for (const flavor of FLAVORS) assert.equal(winner(rows, "/long", {}, flavor), "b");
});

test("one input can be used again, and a match is not changed by the next", () => {
  const router = createRouter([route("a", { paths: ["/a"] }), route("b", { paths: ["~/b(.)"] })], {
    flavor: "traditional",
  });
  const reused = input("/b1");
  const first = router.match(reused);
  reused.path = "/a";
  assert.equal(router.match(reused)?.route.row.id, "a");
  reused.path = "/c";
  assert.equal(router.match(reused), undefined);
  assert.deepEqual([first?.prefix, first?.captures?.unnamed], ["/b1", ["/b1", "1"]]);
});
