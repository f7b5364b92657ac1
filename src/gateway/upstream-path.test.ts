import assert from "node:assert/strict";
import { test } from "node:test";
import { createUpstreamPath, upstreamTarget } from "./upstream-path.ts";

type Strip = boolean | "any";

/** The table of SPEC-proxy §3. */
const table: readonly (readonly [base: string, route: string, path: string, strip: Strip, v0: string, v1: string])[] = [
  ["/", "/r", "/r", true, "/", "/"],
  ["/", "/r", "/r/", true, "/", "/"],
  ["/", "/r", "/req", true, "/eq", "/eq"],
  ["/", "/r", "/r/x", true, "/x", "/x"],
  ["/", "/r", "/r/x", false, "/r/x", "/r/x"],
  ["/", "/r/", "/r/x", true, "/x", "/x"],
  ["/s", "/", "/", "any", "/s", "/s"],
  ["/s", "/", "/r", "any", "/s/r", "/sr"],
  ["/s", "/r", "/r", true, "/s", "/s"],
  ["/s", "/r", "/r", false, "/s/r", "/sr"],
  ["/s", "/r", "/r/", true, "/s/", "/s/"],
  ["/s", "/r", "/req", true, "/s/eq", "/seq"],
  ["/s", "/r", "/r/x", true, "/s/x", "/s/x"],
  ["/s", "/r", "/r/x", false, "/s/r/x", "/sr/x"],
  ["/s", "/r/", "/r/", true, "/s/", "/s"],
  ["/s", "/r/", "/r/x", true, "/s/x", "/sx"],
  ["/s/", "/", "/", "any", "/s/", "/s/"],
  ["/s/", "/", "/r", "any", "/s/r", "/s/r"],
  ["/s/", "/r", "/r", true, "/s", "/s/"],
  ["/s/", "/r", "/r/", true, "/s/", "/s/"],
  ["/s/", "/r", "/req", true, "/s/eq", "/s/eq"],
  ["/s/", "/r", "/r/x", true, "/s/x", "/s/x"],
  ["/s/", "/r/", "/r/", true, "/s/", "/s/"],
  ["/s/", "/r/", "/r/", false, "/s/r/", "/s/r/"],
];

for (const [base, route, path, strip, v0, v1] of table) {
  for (const stripped of strip === "any" ? [true, false] : [strip]) {
    test(`service ${base}, route ${route}, request ${path}, strip_path ${stripped}: ${v0} in v0, ${v1} in v1`, () => {
      const prefix = stripped ? route : undefined;
      assert.equal(upstreamTarget(createUpstreamPath(base, stripped, "v0"), path, prefix, ""), v0);
      assert.equal(upstreamTarget(createUpstreamPath(base, stripped, "v1"), path, prefix, ""), v1);
    });
  }
}

/** A cut in the middle of a segment must not make a dot segment. */
const cuts: readonly (readonly [base: string, path: string, prefix: string, v0: string, v1: string])[] = [
  ["/s", "/r..", "/r", "/s", "/s"],
  ["/s", "/r.", "/r", "/s", "/s"],
  ["/s", "/r../x", "/r", "/s/x", "/sx"],
  ["/s", "/r./x", "/r", "/s/x", "/sx"],
  ["/s", "/r.../x", "/r", "/s/.../x", "/s.../x"],
  ["/s", "/r.x", "/r", "/s/.x", "/s.x"],
  ["/s/", "/r..", "/r", "/s", "/s/"],
  ["/", "/r../", "/r", "/", "/"],
];

for (const [base, path, prefix, v0, v1] of cuts) {
  test(`stripping ${prefix} from ${path} leaves no dot segment: ${v0}, in v1 ${v1}`, () => {
    assert.equal(upstreamTarget(createUpstreamPath(base, true, "v0"), path, prefix, ""), v0);
    assert.equal(upstreamTarget(createUpstreamPath(base, true, "v1"), path, prefix, ""), v1);
  });
}

test("a service without path is at /, and a route without paths strips nothing", () => {
  for (const base of [null, undefined, "", "/"]) {
    assert.equal(upstreamTarget(createUpstreamPath(base, true, "v0"), "/x/y", undefined, ""), "/x/y");
    assert.equal(upstreamTarget(createUpstreamPath(base, true, "v0"), "/", undefined, ""), "/");
  }
  assert.equal(upstreamTarget(createUpstreamPath("/s", true, "v0"), "/x", undefined, ""), "/s/x");
});

test("the query is passed byte for byte, a bare question mark too", () => {
  const upstream = createUpstreamPath("/base/", true, "v0");
  for (const query of ["", "?", "?x=1&y=", "?a=%zz&b=<>", "??#"]) {
    assert.equal(upstreamTarget(upstream, "/strip", "/strip", query), `/base${query}`);
  }
});

test("what was decoded for routing is escaped again", () => {
  const upstream = createUpstreamPath("/base/", true, "v0");
  assert.equal(upstreamTarget(upstream, "/strip/ a/%2F", "/strip", ""), "/base/%20a/%2F");
  assert.equal(upstreamTarget(upstream, "/strip/\r\nX: y", "/strip", ""), "/base/%0D%0AX:%20y");
});
