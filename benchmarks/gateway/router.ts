/**
 * Nanoseconds per match of the router, for tables of 10, 1,000 and 10,000 routes, and in the largest one for its 10th and its
 * last route. Answers are checked before anything is timed.
 *
 *     node benchmarks/gateway/router.ts
 */
import assert from "node:assert/strict";
import { createRouter, type RouteInput, type Router } from "../../src/gateway/router.ts";
import type { RouteColumns } from "../../src/gateway/router-rows.ts";
import { Headers } from "../../src/http1/index.ts";

const SIZES = [10, 1_000, 10_000] as const;
const ROUNDS = 15;
const MATCHES_PER_ROUND = 100_000;
const REQUESTS = 64;

interface Table {
  readonly name: string;
  route(i: number): Partial<RouteColumns>;
  request(i: number): Partial<RouteInput>;
}

const padded = (i: number) => String(i).padStart(5, "0");

const TABLES: readonly Table[] = [
  {
    name: "path",
    route: (i) => ({ paths: [`/api/service-${padded(i)}`] }),
    request: (i) => ({ path: `/api/service-${padded(i)}/users/42` }),
  },
  {
    name: "host",
    route: (i) => ({ hosts: [`h${padded(i)}.example.com`] }),
    request: (i) => ({ host: `h${padded(i)}.example.com` }),
  },
  {
    name: "host, path, method",
    route: (i) => ({ hosts: [`h${i % 100}.example.com`], paths: [`/svc-${padded(i)}`], methods: ["GET", "POST"] }),
    request: (i) => ({ host: `h${i % 100}.example.com`, path: `/svc-${padded(i)}/users/42` }),
  },
  {
    name: "wildcard host",
    route: (i) => ({ hosts: [`*.h${padded(i)}.example.com`] }),
    request: (i) => ({ host: `www.h${padded(i)}.example.com` }),
  },
  {
    name: "regex path",
    route: (i) => ({ paths: [`~/svc-${padded(i)}/(?<id>\\d+)$`] }),
    request: (i) => ({ path: `/svc-${padded(i)}/42` }),
  },
];

function routerOf(table: Table, size: number): Router {
  const rows = Array.from(
    { length: size },
    (_, i): RouteColumns => ({
      id: padded(i),
      created_at: i,
      protocols: ["http", "https"],
      https_redirect_status_code: 426,
      regex_priority: 0,
      strip_path: true,
      path_handling: "v0",
      preserve_host: false,
      ...table.route(i),
    }),
  );
  return createRouter(rows, { flavor: "traditional_compatible" });
}

function requestOf(table: Table, i: number): RouteInput {
  const headers = new Headers();
  return {
    method: "GET",
    host: "a.test",
    port: 80,
    path: "/",
    headers,
    tls: false,
    serverName: undefined,
    ...table.request(i),
  };
}

/** The best round of many, in nanoseconds per match; the requests take turns. */
function measure(router: Router, requests: readonly RouteInput[]): number {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const started = process.hrtime.bigint();
    for (let i = 0; i < MATCHES_PER_ROUND; i++) router.match(requests[i % REQUESTS]!);
    best = Math.min(best, Number(process.hrtime.bigint() - started) / MATCHES_PER_ROUND);
  }
  return best;
}

function check(router: Router, table: Table, places: readonly number[]): RouteInput[] {
  return places.map((place) => {
    const request = requestOf(table, place);
    assert.equal(
      router.match(request)?.route.row.id,
      padded(place),
      `${table.name}: wrong route for ${JSON.stringify(request)}`,
    );
    return request;
  });
}

const repeated = (place: number) => Array.from({ length: REQUESTS }, () => place);
const spread = (size: number) => Array.from({ length: REQUESTS }, (_, i) => Math.floor((i * size) / REQUESTS));

console.log(
  `${"ns per match".padEnd(20)}${SIZES.map((size) => String(size).padStart(10)).join("")}      10th of 10000      last of 10000`,
);
for (const table of TABLES) {
  const columns = SIZES.map((size) => {
    const router = routerOf(table, size);
    return measure(router, check(router, table, spread(size)))
      .toFixed(0)
      .padStart(10);
  });
  const largest = routerOf(table, SIZES.at(-1)!);
  for (const place of [9, SIZES.at(-1)! - 1]) {
    columns.push(
      measure(largest, check(largest, table, repeated(place)))
        .toFixed(0)
        .padStart(19),
    );
  }
  console.log(table.name.padEnd(20) + columns.join(""));
}
