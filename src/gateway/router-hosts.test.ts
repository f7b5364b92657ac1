import assert from "node:assert/strict";
import { test } from "node:test";
import { HostTable, readHost } from "./router-hosts.ts";

const split: readonly (readonly [host: string, name: string, port: number | undefined])[] = [
  ["h.test", "h.test", undefined],
  ["H.Test:8000", "H.Test", 8000],
  ["127.0.0.1:80", "127.0.0.1", 80],
  ["[::1]", "[::1]", undefined],
  ["[::1]:443", "[::1]", 443],
  ["::1", "::1", undefined],
  ["h.test:", "h.test:", undefined],
  ["h.test:x", "h.test:x", undefined],
  ["h.test:123456", "h.test:123456", undefined],
  ["h.test:80:80", "h.test:80:80", undefined],
  ["", "", undefined],
  [":80", "", 80],
];

for (const [host, name, port] of split) {
  test(`the host ${JSON.stringify(host)} has the name ${JSON.stringify(name)} and the port ${port}`, () => {
    assert.equal(readHost(host).name, name);
    assert.equal(readHost(host).port, port);
  });
}

const fits: readonly (readonly [pattern: string, host: string, port: number, fits: boolean])[] = [
  ["a.test", "a.test", 80, true],
  ["a.test", "A.test", 80, false],
  ["a.test", "a.test.", 80, false],
  ["a.test", "x.a.test", 80, false],
  ["a.test:8000", "a.test", 8000, true],
  ["a.test:8000", "a.test", 80, false],
  ["*.a.test", "x.a.test", 80, true],
  ["*.a.test", "y.x.a.test", 80, true],
  ["*.a.test", "a.test", 80, false],
  ["*.a.test", ".a.test", 80, false],
  ["*.a.test", "..a.test", 80, true],
  ["*.a.test", "xa.test", 80, false],
  ["*.a.test:8000", "x.a.test", 8000, true],
  ["*.a.test:8000", "x.a.test", 80, false],
  ["a.*", "a.test", 80, true],
  ["a.*", "a.b.test", 80, true],
  ["a.*", "ab.test", 80, false],
  ["a.*", "x.a.test", 80, false],
  ["a.*:8000", "a.test", 8000, true],
  ["a.*:8000", "a.test", 8001, false],
];

for (const [pattern, host, port, expected] of fits) {
  test(`${pattern} ${expected ? "fits" : "does not fit"} ${host} at port ${port}`, () => {
    const table = new HostTable<string>(() => pattern);
    table.value(pattern);
    const found: string[] = [];
    assert.equal(table.find(host, port, found), expected ? 1 : 0);
    assert.deepEqual(found, expected ? [pattern] : []);
  });
}

test("every pattern that fits is found, and the value for any host", () => {
  const names = ["x.a.test", "x.a.test:80", "*.a.test", "*.test", "x.*", "x.a.*:80", undefined];
  let current: string | undefined;
  const table = new HostTable<{ pattern: string | undefined }>(() => ({ pattern: current }));
  for (const name of [...names, "y.a.test", "*.b.test", "x.a.test:81", "y.*"]) {
    current = name;
    assert.equal(table.value(name), table.value(name));
  }
  const found: { pattern: string | undefined }[] = [];
  const count = table.find("x.a.test", 80, found);
  assert.deepEqual(new Set(found.slice(0, count).map(({ pattern }) => pattern)), new Set(names));
  assert.equal(count, names.length);
});
