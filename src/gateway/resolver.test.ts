import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type DnsRecord, startDns } from "../../test/helpers/dns.ts";
import { parseHosts } from "./hosts-file.ts";
import { createResolver, NameError, type ResolverOptions } from "./resolver.ts";

/** A resolver that asks a name server of its own, at a time that the test moves. */
async function world(t: TestContext, options: ResolverOptions = {}) {
  const dns = await startDns(t);
  const clock = { now: 1000 };
  const resolver = createResolver({
    servers: [`127.0.0.1:${dns.port}`],
    hostsFile: "/nonexistent",
    timeoutMs: 100,
    now: () => clock.now,
    ...options,
  });
  return { dns, clock, resolve: async (host: string) => resolver.resolve(host) };
}

const one = (address: string, more: Partial<DnsRecord> = {}): DnsRecord => ({ addresses: [address], ttl: 10, ...more });

test("an IP address is its own answer, at once", () => {
  const resolver = createResolver();
  assert.deepEqual(resolver.resolve("192.0.2.1"), ["192.0.2.1"]);
  assert.deepEqual(resolver.resolve("2001:db8::1"), ["2001:db8::1"]);
});

test("an answer is used for its TTL, and then at once where it is known", async (t) => {
  const { dns, clock, resolve } = await world(t, { staleTtl: 0 });
  dns.records.set("a.test", one("192.0.2.1"));
  assert.deepEqual(await resolve("a.test"), ["192.0.2.1"]);
  dns.records.set("a.test", one("192.0.2.2"));
  clock.now += 9.9;
  assert.deepEqual(await resolve("a.test"), ["192.0.2.1"]);
  clock.now += 0.2;
  assert.deepEqual(await resolve("a.test"), ["192.0.2.2"]);
  assert.deepEqual(dns.asked, ["a.test", "a.test"]);
});

test("dns_valid_ttl takes the place of the TTL", async (t) => {
  const { dns, clock, resolve } = await world(t, { staleTtl: 0, validTtl: 100 });
  dns.records.set("a.test", one("192.0.2.1"));
  await resolve("a.test");
  clock.now += 99;
  await resolve("a.test");
  assert.equal(dns.asked.length, 1);
});

test("several addresses take turns", async (t) => {
  const { dns, resolve } = await world(t);
  dns.records.set("a.test", { addresses: ["192.0.2.1", "192.0.2.2", "192.0.2.3"], ttl: 10 });
  const firsts = [];
  for (let i = 0; i < 6; i++) {
    const addresses = await resolve("a.test");
    assert.equal(new Set(addresses).size, 3);
    firsts.push(addresses[0]);
  }
  assert.equal(new Set(firsts.slice(0, 3)).size, 3);
  assert.deepEqual(firsts.slice(0, 3), firsts.slice(3));
});

test("IPv6 is used where there is no IPv4", async (t) => {
  const { dns, resolve } = await world(t);
  dns.records.set("six.test", { addresses: ["2001:db8::7"], ttl: 10 });
  dns.records.set("both.test", { addresses: ["2001:db8::7", "192.0.2.1"], ttl: 10 });
  assert.deepEqual(await resolve("six.test"), ["2001:db8::7"]);
  assert.deepEqual(await resolve("both.test"), ["192.0.2.1"]);
});

test("callers that ask at the same time share one query", async (t) => {
  const { dns, resolve } = await world(t);
  dns.records.set("a.test", one("192.0.2.1"));
  await Promise.all(Array.from({ length: 20 }, () => resolve("a.test")));
  assert.equal(dns.asked.length, 1);
});

test("a name that does not exist is a NameError, believed for a moment only", async (t) => {
  const { dns, clock, resolve } = await world(t, { notFoundTtl: 2 });
  await assert.rejects(resolve("none.test"), NameError);
  await assert.rejects(resolve("none.test"), { code: "ERR_NAME_RESOLUTION", message: "no address for none.test" });
  assert.equal(dns.asked.length, 1);
  dns.records.set("none.test", one("192.0.2.1"));
  clock.now += 2;
  assert.deepEqual(await resolve("none.test"), ["192.0.2.1"]);
  dns.records.set("empty.test", { addresses: [], ttl: 10 });
  await assert.rejects(resolve("empty.test"), NameError);
});

test("an expired answer serves while a new one is fetched", async (t) => {
  const { dns, clock, resolve } = await world(t, { staleTtl: 60 });
  dns.records.set("a.test", one("192.0.2.1"));
  await resolve("a.test");
  dns.records.set("a.test", one("192.0.2.2"));
  clock.now += 11;
  assert.deepEqual(await resolve("a.test"), ["192.0.2.1"]);
  while ((await resolve("a.test"))[0] !== "192.0.2.2") await new Promise((done) => setTimeout(done, 5));
});

for (const [how, failure] of [
  ["fails", { fails: true }],
  ["is silent", { silent: true }],
] as const) {
  test(`an expired answer serves while the name server ${how}, but not for ever`, async (t) => {
    const { dns, clock, resolve } = await world(t, { staleTtl: 60 });
    dns.records.set("a.test", one("192.0.2.1"));
    await resolve("a.test");
    dns.records.set("a.test", one("192.0.2.1", failure));
    for (const seconds of [11, 20, 30]) {
      clock.now += seconds;
      assert.deepEqual(await resolve("a.test"), ["192.0.2.1"]);
      await new Promise((done) => setTimeout(done, 20));
    }
    clock.now += 100;
    await assert.rejects(resolve("a.test"), NameError);
    dns.records.set("a.test", one("192.0.2.9"));
    clock.now += 1;
    assert.deepEqual(await resolve("a.test"), ["192.0.2.9"]);
  });
}

test("the hosts file goes before DNS, whatever the case of the name", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "sesame-test-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const hostsFile = join(folder, "hosts");
  writeFileSync(hostsFile, "127.0.0.1 Filed.test\n::1 filed.test\n");
  const { dns, resolve } = await world(t, { hostsFile });
  dns.records.set("filed.test", one("192.0.2.1"));
  assert.deepEqual(await resolve("FILED.test"), ["127.0.0.1"]);
  assert.deepEqual(dns.asked, []);
});

const files: readonly (readonly [text: string, expected: Record<string, string[]>])[] = [
  ["", {}],
  ["127.0.0.1 localhost", { localhost: ["127.0.0.1"] }],
  ["  10.0.0.1\ta  b # c\r\n#10.0.0.2 d\n", { a: ["10.0.0.1"], b: ["10.0.0.1"] }],
  ["10.0.0.1 a\n10.0.0.2 a\n10.0.0.1 a\n::1 a", { a: ["10.0.0.1", "10.0.0.2"] }],
  ["::1 six\nfe80::1%lo0 six", { six: ["::1", "fe80::1%lo0"] }],
  ["not an address\n10.0.0.1\n\n999.1.1.1 x\n10.0.0.3 __proto__", { ["__proto__"]: ["10.0.0.3"] }],
];

for (const [text, expected] of files) {
  test(`hosts file ${JSON.stringify(text)}`, () => {
    assert.deepEqual([...parseHosts(text)], Object.entries(expected));
  });
}
