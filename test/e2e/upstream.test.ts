import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import type { TLSSocket } from "node:tls";
import { generate } from "selfsigned";
import { startDns } from "../helpers/dns.ts";
import { echoUrl, startProxy } from "../helpers/proxy.ts";
import { until } from "../helpers/until.ts";
import { startRawUpstream, startUpstream } from "../helpers/upstream.ts";
import { ask, doorsOf, http1Of, open, openHttp2 } from "../helpers/wire.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/** A port on which nothing listens. */
async function closedPort(): Promise<number> {
  const server = createTcpServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test("a client that leaves takes its upstream request with it", async (t) => {
  const gateway = await startProxy(t);
  let begun = 0;
  const upstream = await startUpstream(t, (request, response) => {
    begun += 1;
    if (request.url === "/half") response.write("half");
  });
  const path = await gateway.mount(upstream.url);
  for (const door of http1Of(gateway)) {
    for (const target of [path, `${path}/half`]) {
      const before = begun;
      const wire = await open(t, door);
      wire.ask({ path: target });
      await until(() => begun > before);
      if (target !== path) await wire.head();
      wire.socket.destroy();
      await until(() => upstream.open.size === 0, `${door.name} ${target}`);
    }
    for (const behind of ["\r\n", "GET / HTTP/1.1\r\nHost: h\r\n\r\n"]) {
      const before = begun;
      const wire = await open(t, door);
      wire.ask({ path });
      wire.send(behind);
      await until(() => begun > before);
      await wait(20);
      wire.socket.destroy();
      await until(() => upstream.open.size === 0, `${door.name} behind ${JSON.stringify(behind)}`);
    }
    const sending = await open(t, door);
    const before = begun;
    sending.send(`PUT ${path} HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\nsome`);
    await until(() => begun > before);
    sending.socket.destroy();
    await until(() => upstream.open.size === 0, `${door.name} while sending`);
  }
  const stream = openHttp2(t, doorsOf(gateway)[2]!).request({ ":path": path, ":authority": "h" });
  stream.on("error", () => {});
  const before = begun;
  await until(() => begun > before);
  stream.close(8);
  await until(() => upstream.open.size === 0, "h2");
});

test("an upstream that is too slow is a 504, one that is not there or talks nonsense a 502", {
  concurrency: true,
}, async (t) => {
  const gateway = await startProxy(t);
  const silent = await startRawUpstream(t, () => {});
  const deaf = await startRawUpstream(t, (socket) => socket.pause());
  const dripping = await startRawUpstream(t, (socket) => {
    socket.once("data", () => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart"));
  });
  const nonsense = await startRawUpstream(t, (socket) => socket.once("data", () => socket.end("SMTP ready\r\n\r\n")));
  const closing = await startRawUpstream(t, (socket) => socket.once("data", () => socket.destroy()));
  const stalling = await startRawUpstream(t, (socket) => socket.pause());
  const soon = { retries: 0, connect_timeout: 100, read_timeout: 100, write_timeout: 100 };
  const later = { retries: 0 };
  const rows = [
    { name: "read", url: silent.url, status: 504, message: "The upstream server is timing out" },
    {
      name: "connect (TLS never answers)",
      url: stalling.url.replace("http", "https"),
      status: 504,
      message: "timing out",
    },
    {
      name: "refused",
      url: `http://127.0.0.1:${await closedPort()}`,
      status: 502,
      message: "An invalid response was received",
    },
    { name: "closing", url: closing.url, status: 502, message: "An invalid response" },
    { name: "nonsense", url: nonsense.url, status: 502, message: "An invalid response" },
    { name: "no TLS", url: nonsense.url.replace("http", "https"), status: 502, message: "An invalid response" },
  ];
  const paths = await Promise.all(
    rows.map(({ url, status }) => gateway.mount(url, { service: status === 504 ? soon : later })),
  );
  const write = await gateway.mount(deaf.url, { service: soon });
  const drip = await gateway.mount(dripping.url, { service: soon });
  const checks = rows.flatMap((row, i) => doorsOf(gateway).map((door) => ({ ...row, door, path: paths[i]! })));
  await Promise.all([
    ...checks.map(({ name, door, path, status, message }) =>
      t.test(`${name} (${door.name})`, async (t) => {
        const answer = await ask(t, door, { path });
        assert.equal(answer.status, status);
        assert.match(answer.body, new RegExp(message));
        assert.equal(answer.field("content-type"), "text/plain; charset=utf-8");
        assert.ok(answer.field("x-kong-upstream-latency") && answer.field("via"), "in the form of a proxied answer");
        assert.equal(answer.field("x-kong-response-latency"), undefined);
      }),
    ),
    ...http1Of(gateway).map((door) =>
      t.test(`write (${door.name})`, async (t) => {
        const answer = await ask(t, door, { method: "PUT", path: write, body: Buffer.alloc(16_000_000) });
        assert.equal(answer.status, 504);
      }),
    ),
    ...doorsOf(gateway).map((door) =>
      t.test(`after the head the answer is cut (${door.name})`, async (t) => {
        await assert.rejects(ask(t, door, { path: drip }));
      }),
    ),
  ]);
});

test("a stale pooled connection is replaced where the request may be repeated", async (t) => {
  const gateway = await startProxy(t);
  for (const door of http1Of(gateway)) {
    let asked: string[] = [];
    /** Every connection answers one request and breaks at the second, as if it had timed out just then. */
    const upstream = await startRawUpstream(t, (socket, number) => {
      let requests = 0;
      socket.on("data", (chunk: Buffer) => {
        asked.push(`${number} ${chunk.toString("latin1").split(" ")[0]}`);
        if ((requests += 1) === 1) socket.write(OK);
        else socket.destroy();
      });
    });
    const path = await gateway.mount(upstream.url, { service: { retries: 0 } });
    const wire = await open(t, door);
    const statuses: number[] = [];
    for (const method of ["GET", "GET", "PUT", "POST", "POST", "DELETE"]) {
      wire.ask({ method, path, ...(method.startsWith("P") && { body: "again" }) });
      statuses.push((await wire.answer()).status);
    }
    assert.deepEqual(statuses, [200, 200, 200, 502, 200, 200], door.name);
    assert.deepEqual(asked, ["1 GET", "1 GET", "2 GET", "2 PUT", "3 PUT", "3 POST", "4 POST", "4 DELETE", "5 DELETE"]);
    asked = [];
  }
});

test("a request is not repeated once a byte of an answer came, nor when its body is gone", async (t) => {
  const gateway = await startProxy(t);
  let heads = 0;
  const upstream = await startRawUpstream(t, (socket) => {
    let got = 0;
    socket.on("data", (chunk: Buffer) => {
      if (/^(GET|PUT)/.test(chunk.toString("latin1", 0, 3))) heads += 1;
      got += chunk.length;
      if (chunk.toString("latin1").startsWith("GET")) socket.end("HTTP/1.1 2");
      else if (got > 500_000) socket.destroy();
    });
  });
  const path = await gateway.mount(upstream.url, { service: { retries: 3 } });
  for (const door of doorsOf(gateway)) {
    heads = 0;
    assert.equal((await ask(t, door, { path })).status, 502, door.name);
    assert.equal(heads, 1);
    assert.equal((await ask(t, door, { method: "PUT", path, body: Buffer.alloc(1_000_000) })).status, 502, door.name);
    assert.equal(heads, 2);
  }
});

test("several addresses take turns, and one that refuses is passed over", async (t) => {
  const dns = await startDns(t);
  const gateway = await startProxy(t, { dns_resolver: `127.0.0.1:${dns.port}` });
  const upstream = await startUpstream(t, (_, response) => response.end("here"));
  dns.records.set("two.test", { addresses: ["127.0.0.2", "127.0.0.1"], ttl: 60 });
  const path = await gateway.mount(`http://two.test:${upstream.port}`, { service: { retries: 1 } });
  for (const door of doorsOf(gateway)) {
    for (const method of ["GET", "POST"]) {
      for (let i = 0; i < 4; i++) {
        const answer = await ask(t, door, { method, path, ...(method === "POST" && { body: "x" }) });
        assert.equal(answer.body, "here", `${door.name} ${method}`);
      }
    }
  }
  assert.equal(dns.asked.length, 1, "the answer is used for its time");
  dns.records.set("none.test", { addresses: [], ttl: 60 });
  const lost = await gateway.mount(`http://none.test:${upstream.port}`);
  for (const door of doorsOf(gateway)) {
    const answer = await ask(t, door, { path: lost });
    assert.equal(answer.status, 503);
    assert.match(answer.body, /"message":"name resolution failed"/);
    assert.ok(answer.field("x-kong-response-latency"));
  }
});

test("names change with their TTL, and the hosts file goes before DNS", async (t) => {
  const dns = await startDns(t);
  const folder = mkdtempSync(join(tmpdir(), "sesame-test-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const hosts = join(folder, "hosts");
  writeFileSync(hosts, "127.0.0.1 filed.test # not in DNS\n");
  const gateway = await startProxy(t, {
    dns_resolver: `127.0.0.1:${dns.port}`,
    dns_hostsfile: hosts,
    dns_stale_ttl: "0",
  });
  const url = await echoUrl(t);
  const { port } = new URL(url);
  const filed = await gateway.mount(`http://filed.test:${port}`);
  const moving = await gateway.mount(`http://moving.test:${port}`, { service: { retries: 0 } });
  dns.records.set("filed.test", { addresses: ["127.0.0.9"], ttl: 60 });
  dns.records.set("moving.test", { addresses: ["127.0.0.1"], ttl: 1 });
  for (const door of doorsOf(gateway)) {
    assert.deepEqual((await ask(t, door, { path: filed })).picture().seen("host"), [`filed.test:${port}`]);
    assert.equal((await ask(t, door, { path: moving })).status, 200);
  }
  dns.records.set("moving.test", { addresses: ["127.0.0.9"], ttl: 1 });
  for (const end = Date.now() + 3000; (await ask(t, doorsOf(gateway)[0]!, { path: moving })).status !== 502; ) {
    assert.ok(Date.now() < end, "the old address is used for ever");
  }
  assert.deepEqual([...new Set(dns.asked)], ["moving.test"]);
});

test("upstream connections are kept, and shared by the services that lead to the same place", async (t) => {
  const gateway = await startProxy(t);
  const upstream = await startUpstream(t, (_, response) => response.end("ok"));
  const [one, two] = [await gateway.mount(upstream.url), await gateway.mount(upstream.url)];
  for (const door of doorsOf(gateway)) {
    for (const path of [one, two, one]) assert.equal((await ask(t, door, { path })).body, "ok");
  }
  assert.equal(upstream.accepted, 1);
  const wire = await open(t, doorsOf(gateway)[0]!);
  for (let i = 0; i < 3; i++) {
    wire.ask({ path: one });
    const answer = await wire.answer();
    assert.equal(answer.field("connection"), "keep-alive");
  }
  wire.ask({ path: one, headers: ["Connection", "close"] });
  assert.equal((await wire.answer()).field("connection"), "close");
  await wire.closed;
});

test("upstreams over TLS: the name in SNI, verification by the service's setting", async (t) => {
  const pems = await generate([{ name: "commonName", value: "up.test" }], {
    keySize: 2048,
    extensions: [
      { name: "basicConstraints", cA: true },
      { name: "subjectAltName", altNames: [{ type: 2, value: "up.test" }] },
    ],
  });
  const folder = mkdtempSync(join(tmpdir(), "sesame-test-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const [ca, hosts] = [join(folder, "ca.pem"), join(folder, "hosts")];
  writeFileSync(ca, pems.cert);
  writeFileSync(hosts, "127.0.0.1 up.test other.test");
  const upstream = await startUpstream(
    t,
    ({ socket }, response) => response.end(`sni=${(socket as TLSSocket).servername}`),
    {
      tls: { cert: pems.cert, key: pems.private },
    },
  );
  const trusting = await startProxy(t, { dns_hostsfile: hosts, lua_ssl_trusted_certificate: ca });
  const strict = await startProxy(t, { dns_hostsfile: hosts, proxy_ssl_verify: "on" });
  const up = `https://up.test:${upstream.port}`;
  const rows = [
    { proxy: trusting, url: up, tls_verify: true, body: /^sni=up\.test$/ },
    { proxy: trusting, url: up, tls_verify: null, body: /^sni=up\.test$/ },
    { proxy: trusting, url: up.replace("up.test", "other.test"), tls_verify: true, body: /An invalid response/ },
    { proxy: trusting, url: up.replace("up.test", "other.test"), tls_verify: null, body: /^sni=other\.test$/ },
    { proxy: trusting, url: up.replace("up.test", "127.0.0.1"), tls_verify: false, body: /^sni=false$/ },
    { proxy: strict, url: up, tls_verify: null, body: /An invalid response/ },
    { proxy: strict, url: up, tls_verify: false, body: /^sni=up\.test$/ },
  ];
  for (const { proxy, url, tls_verify, body } of rows) {
    const path = await proxy.mount(url, { service: { tls_verify, retries: 0 } });
    for (const door of doorsOf(proxy)) {
      assert.match((await ask(t, door, { path })).body, body, `${url} ${tls_verify} ${door.name}`);
    }
  }
});

test("IPv6 on both sides", async (t) => {
  const gateway = await startProxy(t, { proxy_listen: "[::1]:0, [::1]:0 ssl http2" });
  const url = await echoUrl(t, "::1");
  const path = await gateway.mount(url);
  for (const door of doorsOf(gateway)) {
    const picture = (
      await ask(t, { ...door, host: "::1" }, { path, headers: ["Host", `[::1]:${door.port}`] })
    ).picture();
    assert.deepEqual(picture.seen("host"), [url.slice(7)], door.name);
    assert.deepEqual(picture.seen("x-forwarded-for"), ["::1"]);
    assert.deepEqual(picture.seen("x-forwarded-host"), ["[::1]"]);
  }
});
