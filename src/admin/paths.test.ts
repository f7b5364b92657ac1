import assert from "node:assert/strict";
import { test } from "node:test";
import { createPaths } from "./paths.ts";

const paths = [
  "/",
  "/services",
  "/services/{s}",
  "/services/{s}/routes",
  "/plugins/enabled",
  "/plugins/{p}",
  "/plugins/{p}/route",
];
const find = createPaths(paths.map((path) => ({ path, methods: {} })));

const table: [path: string, route: string | undefined, params?: string[]][] = [
  ["/", "/", []],
  ["/services", "/services", []],
  ["/services/", "/services", []],
  ["/services/a", "/services/{s}", ["a"]],
  ["/services/a/", "/services/{s}", ["a"]],
  ["/services/a%2Fb", "/services/{s}", ["a%2Fb"]],
  ["/services/a/routes", "/services/{s}/routes", ["a"]],
  ["/plugins/enabled", "/plugins/enabled", []],
  ["/plugins/enabled/route", "/plugins/{p}/route", ["enabled"]],
  ["/services//", undefined],
  ["//services", undefined],
  ["//", undefined],
  ["/Services", undefined],
  ["/services/a/routes/b", undefined],
  ["/services/a/__proto__", undefined],
  ["/constructor", undefined],
  ["", undefined],
  ["*", undefined],
  [`/services${"/x".repeat(10_000)}`, undefined],
];

for (const [path, route, params] of table) {
  test(`${path.slice(0, 40)} is ${route ?? "no path of the API"}`, () => {
    const found = find(path);
    assert.equal(found?.route.path, route);
    assert.deepEqual(found?.params, params);
  });
}

test("two routes of one path are a mistake that shows at start", () => {
  const route = (path: string) => ({ path, methods: {} });
  assert.throws(() => createPaths([route("/a/{b}"), route("/a/{c}")]), /the same path/);
});
