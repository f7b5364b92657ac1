import assert from "node:assert/strict";
import { once } from "node:events";
import { Agent, createServer } from "node:http";
import { get as getSecure } from "node:https";
import { type AddressInfo, connect, createServer as createTcpServer } from "node:net";
import { suite, type TestContext, test } from "node:test";
import { startEcho } from "../../src/cli/echo-server.ts";
import { startGateway } from "../helpers/gateway.ts";
import { get } from "../helpers/gateway-process.ts";

// Settings whose effect is seen at the sockets and tested nowhere else.

const echo = await startEcho();
test.after(() => echo.close());

async function start(t: TestContext, settings: Record<string, string>) {
  const gateway = await startGateway(t, settings);
  const service = await gateway.create("/services", { name: "app", url: echo.url });
  const route = await gateway.create("/services/app/routes", { name: "front", paths: ["/"] });
  return { ...gateway, service, route };
}

suite("a setting", { concurrency: true, timeout: 30_000 }, () => {
  test("allow_debug_header names route and service to those who ask", async (t) => {
    const { proxy, service, route, create } = await start(t, { allow_debug_header: "on" });
    const { headers, body } = await get(proxy, { "kong-debug": "1" });
    assert.equal(headers["kong-route-id"], route.id);
    assert.equal(headers["kong-route-name"], "front");
    assert.equal(headers["kong-service-id"], service.id);
    assert.equal(headers["kong-service-name"], "app");
    assert.ok(body.includes('["kong-debug","1"]'), "the upstream gets it too");
    for (const sent of [{}, { "kong-debug": "0" }] as Record<string, string>[]) {
      assert.ok(!Object.keys((await get(proxy, sent)).headers).some((name) => name.startsWith("kong-")));
    }
    const { id } = await create("/routes", { paths: ["/nothing"] });
    const none = await get(`${proxy}/nothing`, { "kong-debug": "1" });
    assert.deepEqual(
      [none.status, none.headers["kong-route-id"], none.headers["kong-service-id"]],
      [503, id, undefined],
    );
  });

  test("allow_debug_header is off by default", async (t) => {
    const { proxy } = await start(t, {});
    assert.equal((await get(proxy, { "kong-debug": "1" })).headers["kong-route-id"], undefined);
  });

  test("client_body_buffer_size is how much of a request can be sent again", async (t) => {
    const { proxy, admin } = await start(t, { client_body_buffer_size: "4k" });
    // The first connection is broken when the request has been read; the next gets an answer.
    let connections = 0;
    const upstream = createTcpServer((socket) => {
      const isFirst = connections++ === 0;
      let read = 0;
      socket.on("error", () => {});
      socket.on("data", (chunk) => {
        read += chunk.length;
        if (isFirst) return read > 1000 && socket.destroy();
        if (chunk.includes("END")) socket.end("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
      });
    }).listen(0, "127.0.0.1");
    await once(upstream, "listening");
    t.after(() => upstream.close());
    const url = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
    await fetch(`${admin}/services/app`, { method: "PATCH", body: new URLSearchParams({ url }) });
    for (const [size, status] of [
      [3000, 200],
      [5000, 502],
    ] as const) {
      connections = 0;
      const response = await fetch(proxy, { method: "PUT", body: `${"x".repeat(size)}END` });
      assert.equal(response.status, status, String(size));
    }
  });

  test("ssl on the Admin API and the status API serves them over TLS", async (t) => {
    const listeners = { admin_listen: "127.0.0.1:0 ssl, 127.0.0.1:0", status_listen: "127.0.0.1:0 ssl backlog=16" };
    const gateway = await startGateway(t, { ...listeners, proxy_listen: "off" });
    const { admin, status, proxy } = gateway.ports;
    assert.deepEqual([admin.length, status.length, proxy.length], [2, 1, 0]);
    for (const url of [`https://127.0.0.1:${admin[0]}/status`, `https://127.0.0.1:${status[0]}/status/ready`]) {
      const [response] = await once(getSecure(url, { rejectUnauthorized: false, agent: false }), "response");
      assert.equal(response.statusCode, 200);
      response.resume();
    }
    assert.equal((await get(`http://127.0.0.1:${admin[1]}/status`)).status, 200);
  });

  test("keepalive_timeout = 0 closes a connection after each answer", async (t) => {
    const { proxy } = await start(t, { keepalive_timeout: "0" });
    const agent = new Agent({ keepAlive: true });
    t.after(() => agent.destroy());
    assert.equal((await get(proxy, {}, agent)).headers.connection, "close");
  });

  test("upstream_keepalive_* = 0 have their meanings: no idle connection, no limit, no limit", async (t) => {
    let connections = 0;
    const upstream = createServer((_request, response) => response.end()).listen(0, "127.0.0.1");
    upstream.on("connection", () => connections++);
    await once(upstream, "listening");
    t.after(() => upstream.close());
    const url = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
    const cases: [settings: Record<string, string>, expected: number][] = [
      [{ upstream_keepalive_max_requests: "0", upstream_keepalive_idle_timeout: "0" }, 1],
      [{ upstream_keepalive_max_requests: "1" }, 4],
      [{ upstream_keepalive_pool_size: "0" }, 4],
    ];
    for (const [settings, expected] of cases) {
      const { proxy, admin } = await start(t, settings);
      await fetch(`${admin}/services/app`, { method: "PATCH", body: new URLSearchParams({ url }) });
      connections = 0;
      for (let i = 0; i < 4; i++) {
        await get(proxy);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      assert.equal(connections, expected, JSON.stringify(settings));
    }
  });

  test("admin_client_max_body_size limits what the Admin API reads", async (t) => {
    const gateway = await startGateway(t, { admin_client_max_body_size: "2k" });
    const post = (size: number) =>
      fetch(`${gateway.admin}/consumers`, {
        method: "POST",
        body: new URLSearchParams({ username: "x".repeat(size) }),
      });
    assert.equal((await post(100)).status, 201);
    assert.equal((await post(4000)).status, 413);
  });

  test("client_header_timeout = 0 sets no limit", async (t) => {
    const { ports } = await start(t, { client_header_timeout: "0" });
    const socket = connect(ports.proxy[0]!, "127.0.0.1");
    socket.write("GET / HTTP/1.1\r\n");
    await new Promise((resolve) => setTimeout(resolve, 100));
    socket.write("Host: a\r\nConnection: close\r\n\r\n");
    const [answer] = await once(socket, "data");
    assert.match(String(answer), /^HTTP\/1\.1 200 /);
    socket.destroy();
  });
});

test("an idle gateway uses no processor time", async (t) => {
  const { proxy } = await start(t, { upstream_keepalive_idle_timeout: "0", shutdown_timeout: "0" });
  const agent = new Agent({ keepAlive: true });
  t.after(() => agent.destroy());
  await get(proxy, {}, agent);
  const before = process.cpuUsage();
  await new Promise((resolve) => setTimeout(resolve, 500));
  const { user, system } = process.cpuUsage(before);
  assert.ok(user + system < 100_000, `${user + system} microseconds of 500000`);
});
