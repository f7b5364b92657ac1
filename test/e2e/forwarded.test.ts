import assert from "node:assert/strict";
import { test } from "node:test";
import { echoUrl, startProxy } from "../helpers/proxy.ts";
import { ask, doorsOf } from "../helpers/wire.ts";

/** What tells an upstream who the visitor is; a client's own must not get there. */
const IDENTITY = [
  "X-Consumer-ID",
  "X-Consumer-Custom-ID",
  "X-Consumer-Username",
  "X-Credential-Identifier",
  "X-Anonymous-Consumer",
  "X-Authenticated-Groups",
  "X-Consumer-Groups",
  "Session-Id",
  "Session-Audience",
  "Session-Subject",
  "Session-Timeout",
  "Session-Idling-Timeout",
  "Session-Rolling-Timeout",
  "Session-Absolute-Timeout",
];

const CLAIMS = [
  "X-Forwarded-For", "203.0.113.7, 10.1.1.1",
  "X-Forwarded-Proto", "https",
  "X-Forwarded-Host", "shop.test",
  "X-Forwarded-Port", "444",
  "X-Forwarded-Path", "/before",
  "X-Forwarded-Prefix", "/front",
  "X-Real-IP", "198.51.100.9",
]; // biome-ignore format: pairs

test("the upstream is told what the connection tells, not what the client claims", async (t) => {
  const gateway = await startProxy(t);
  const path = await gateway.mount(await echoUrl(t));
  // Twice, as what one connection of a peer has told is kept for the others.
  for (const door of [...doorsOf(gateway), ...doorsOf(gateway)]) {
    const secure = door.name === "plain" ? "http" : "https";
    const own = (await ask(t, door, { path: `${path}/x?y=1`, headers: ["Host", "Client.test:99"] })).picture();
    const told = (name: string) => own.seen(`X-Forwarded-${name}`).join();
    assert.deepEqual(
      ["For", "Proto", "Host", "Port", "Path", "Prefix"].map(told),
      ["127.0.0.1", secure, "client.test", String(door.port), `${path}/x`, path],
      door.name,
    );
    assert.deepEqual(own.seen("x-real-ip"), ["127.0.0.1"]);
    assert.match(own.seen("via").join(), door.name === "h2" ? /^2 sesame\// : /^1\.1 sesame\//);

    const claimed = (await ask(t, door, { path, headers: [...CLAIMS, "X-Kong-Request-Id", "mine"] })).picture();
    assert.deepEqual(claimed.seen("x-forwarded-for"), ["203.0.113.7, 10.1.1.1, 127.0.0.1"]);
    assert.deepEqual(claimed.seen("x-forwarded-proto"), [secure]);
    assert.deepEqual(claimed.seen("x-forwarded-host"), ["gateway.test"]);
    assert.deepEqual(claimed.seen("x-forwarded-path"), [path]);
    assert.deepEqual(claimed.seen("x-real-ip"), ["127.0.0.1"]);
    assert.match(claimed.seen("x-kong-request-id").join(), /^[0-9a-f]{32}$/);
  }
});

test("a trusted peer is believed", async (t) => {
  const gateway = await startProxy(t, { trusted_ips: "127.0.0.0/8, 10.0.0.0/8" });
  const recursive = await startProxy(t, {
    trusted_ips: "127.0.0.0/8, 10.0.0.0/8",
    real_ip_header: "X-Forwarded-For",
    real_ip_recursive: "on",
  });
  const url = await echoUrl(t);
  const [path, other] = [await gateway.mount(url), await recursive.mount(url)];
  const secured = await gateway.mount(url, { route: { protocols: ["https"] } });
  for (const [index, door] of doorsOf(gateway).entries()) {
    const picture = (await ask(t, door, { path, headers: CLAIMS })).picture();
    const told = (name: string) => picture.seen(`X-Forwarded-${name}`).join();
    assert.deepEqual(
      ["For", "Proto", "Host", "Port", "Path", "Prefix"].map(told),
      ["203.0.113.7, 10.1.1.1, 127.0.0.1", "https", "shop.test", "444", "/before", "/front"],
      door.name,
    );
    assert.deepEqual(picture.seen("x-real-ip"), ["198.51.100.9"]);
    const behind = (await ask(t, doorsOf(recursive)[index]!, { path: other, headers: CLAIMS })).picture();
    assert.deepEqual(behind.seen("x-real-ip"), ["203.0.113.7"], "the last address that is not trusted");
    assert.equal((await ask(t, door, { path: secured, headers: CLAIMS })).status, 200, "TLS ended at the peer");
  }
});

test("a client cannot say who it is, unless its peer is trusted", async (t) => {
  const gateway = await startProxy(t);
  const trusting = await startProxy(t, { trusted_ips: "127.0.0.1" });
  const url = await echoUrl(t);
  const headers = IDENTITY.flatMap((name) => [name, "admin", name.toUpperCase(), "root"]);
  for (const [proxy, expected] of [
    [gateway, []],
    [trusting, ["admin", "root"]],
  ] as const) {
    const path = await proxy.mount(url);
    for (const door of doorsOf(proxy)) {
      const picture = (await ask(t, door, { path, headers: [...headers, "X-Other", "stays"] })).picture();
      for (const name of IDENTITY) assert.deepEqual(picture.seen(name), expected, `${door.name} ${name}`);
      assert.deepEqual(picture.seen("x-other"), ["stays"]);
    }
  }
});

test("fields that concern one connection only stay there", async (t) => {
  const gateway = await startProxy(t);
  const path = await gateway.mount(await echoUrl(t));
  const [plain, tls, h2] = doorsOf(gateway);
  const headers = [
    "Connection",
    "close, X-Mine",
    "X-Mine",
    "1",
    "Keep-Alive",
    "5",
    "Proxy",
    "x",
    "Proxy-Connection",
    "x",
    "TE",
    "gzip, trailers;q=1",
  ];
  for (const door of [plain!, tls!]) {
    const picture = (
      await ask(t, door, { path, headers: [...headers, "Empty", "", "Twice", "1", "Twice", "2"] })
    ).picture();
    for (const name of ["x-mine", "keep-alive", "proxy", "proxy-connection"])
      assert.deepEqual(picture.seen(name), [], name);
    assert.deepEqual(picture.seen("connection"), ["keep-alive"]);
    assert.deepEqual(picture.seen("te"), ["trailers"]);
    assert.deepEqual([picture.seen("empty"), picture.seen("twice")], [[""], ["1", "2"]]);
  }
  const crumbs = (await ask(t, h2!, { path, headers: ["Cookie", "a=1", "Cookie", "b=2"] })).picture();
  assert.deepEqual(crumbs.seen("cookie"), ["a=1; b=2"]);
});

test("errors have the form that the client accepts", async (t) => {
  const gateway = await startProxy(t, { error_default_type: "text/html" });
  const lost = await gateway.mount("http://127.0.0.1:9", { service: { retries: 0 } });
  const [JSON_TYPE, HTML, PLAIN, XML] = ["application/json", "text/html", "text/plain", "application/xml"];
  const rows: readonly (readonly [path: string, headers: readonly string[], type: string])[] = [
    ["/unrouted", [], JSON_TYPE],
    ["/unrouted", ["Accept", "*/*"], JSON_TYPE],
    ["/unrouted", ["Accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"], HTML],
    ["/unrouted", ["Accept", "text/*"], PLAIN],
    ["/unrouted", ["Accept", "image/png;q=0.5, application/xml"], XML],
    ["/unrouted", ["Accept", "image/png"], JSON_TYPE],
    ["/unrouted", ["Content-Type", "application/xml"], JSON_TYPE],
    [lost, [], HTML],
    [lost, ["Content-Type", "application/xml"], XML],
    [lost, ["Accept", "text/plain", "Content-Type", "application/xml"], PLAIN],
  ];
  for (const door of doorsOf(gateway)) {
    for (const [path, headers, type] of rows) {
      const answer = await ask(t, door, { path, headers });
      assert.equal(answer.field("content-type"), `${type}; charset=utf-8`, `${door.name} ${path} ${headers}`);
      const id = answer.field("x-kong-request-id")!;
      assert.match(id, /^[0-9a-f]{32}$/);
      assert.ok(answer.body.includes(id), "the body names the request");
      assert.equal(answer.status, path === lost ? 502 : 404);
    }
  }
});
