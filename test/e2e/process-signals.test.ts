import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { Agent, createServer, request, type ServerResponse } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { type AddressInfo, connect } from "node:net";
import { delimiter, join } from "node:path";
import { suite, type TestContext, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { startEcho } from "../../src/cli/echo-server.ts";
import { get, type SpawnOptions, spawnGateway, spawnStart } from "../helpers/gateway-process.ts";
import { isRunning } from "../helpers/processes.ts";

const echo = await startEcho();
test.after(() => echo.close());

/** A gateway with an echo, or another upstream, behind it at `/`. */
async function start(
  t: TestContext,
  settings: Record<string, string> = {},
  { url = echo.url, ...more }: SpawnOptions & { readonly url?: string } = {},
) {
  const gateway = await spawnGateway(t, { ...more, settings });
  await gateway.change("POST", "/services", { name: "app", url });
  await gateway.change("POST", "/services/app/routes", { paths: ["/"] });
  return gateway;
}

/** An upstream that answers no request before it is told to; `arrived` is kept when the first has come. */
async function startHolding(t: TestContext) {
  const held: ServerResponse[] = [];
  const arrived = Promise.withResolvers<void>();
  const server = createServer((_request, response) => {
    held.push(response);
    arrived.resolve();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    arrived: arrived.promise,
    release() {
      for (const response of held) response.end("held");
    },
  };
}

/** How many connections clients have with the proxy. */
async function connections(status: string): Promise<number> {
  const { server } = JSON.parse((await get(`${status}/status`)).body);
  return server.connections_active;
}

/** Wait until the port of a URL refuses connections. */
async function closed(url: string): Promise<void> {
  for (;;) {
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    const refused = await once(socket, "connect").then(
      () => false,
      () => true,
    );
    socket.destroy();
    if (refused) return;
    await wait(10);
  }
}

/** A Node that is too old to run Sesame itself, on the PATH of this machine. */
const olderNode = process.env.PATH?.split(delimiter)
  .map((folder) => join(folder, "node"))
  .find((file) => {
    if (!existsSync(file)) return false;
    const { stdout } = spawnSync(file, ["--version"], { encoding: "utf8" });
    const version = Number(/^v(\d+)/.exec(stdout ?? "")?.[1]);
    return version >= 18 && version < 24;
  });

suite("a gateway that is told to stop", { concurrency: true, timeout: 60_000 }, () => {
  const cases: [signal: NodeJS.Signals, workers: string][] = [
    ["SIGTERM", "1"],
    ["SIGQUIT", "2"],
  ];
  for (const [signal, workers] of cases) {
    test(`${signal} with ${workers} processes: requests under way are finished, new ones are not accepted`, async (t) => {
      const upstream = await startHolding(t);
      const gateway = await start(t, { nginx_worker_processes: workers }, upstream);
      const underWay = get(gateway.proxy);
      await upstream.arrived;
      gateway.child.kill(signal);
      await closed(gateway.proxy);
      const ready = await get(`${gateway.status}/status/ready`);
      assert.deepEqual([ready.status, ready.body], [503, '{"message":"draining"}']);
      upstream.release();
      const { status, headers, body } = await underWay;
      assert.deepEqual([status, headers.connection, body], [200, "close", "held"]);
      assert.equal(await gateway.ended, 0, gateway.errors());
      assert.ok(gateway.errors().includes(`signal=${signal}`));
    });
  }

  test("a large answer that is on its way when the signal comes arrives whole, and its connection is not waited for", async (t) => {
    const size = 300_000;
    const upstream = createServer(async (_request, response) => {
      response.writeHead(200, { "content-length": size });
      for (let sent = 0; sent < size; sent += 30_000) {
        response.write(Buffer.alloc(30_000));
        await wait(60);
      }
      response.end();
    }).listen(0, "127.0.0.1");
    t.after(() => upstream.close());
    const gateway = await start(t);
    await gateway.change("PATCH", "/services/app", {
      url: `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`,
    });
    const agent = new Agent({ keepAlive: true });
    t.after(() => agent.destroy());
    const asked = request(gateway.proxy, { agent });
    asked.end();
    const [response] = await once(asked, "response");
    assert.equal(response.headers.connection, "keep-alive");
    gateway.child.kill("SIGINT");
    const startedMs = performance.now();
    let received = 0;
    for await (const chunk of response) received += chunk.length;
    assert.equal(received, size);
    assert.equal(await gateway.ended, 0);
    assert.ok(performance.now() - startedMs < 5000);
  });

  test("connections without a request do not hold it up, on either listener", async (t) => {
    const gateway = await start(t, { proxy_listen: "127.0.0.1:0, 127.0.0.1:0 ssl http2" });
    const [plain, secure] = gateway
      .output()
      .match(/(?<=127\.0\.0\.1:)\d+/g)!
      .map(Number);
    const agent = new Agent({ keepAlive: true });
    t.after(() => agent.destroy());
    const idle = [connect(plain!, "127.0.0.1"), connect(secure!, "127.0.0.1")];
    for (const socket of idle) socket.on("error", () => {});
    const session = connectHttp2(`https://127.0.0.1:${secure}`, { rejectUnauthorized: false });
    session.on("error", () => {});
    const stream = session.request({ ":path": "/h2?__delay=500" });
    const answered = once(stream, "response");
    stream.end();
    await get(`${gateway.proxy}/`, {}, agent);
    await wait(200);
    gateway.child.kill("SIGTERM");
    const startedMs = performance.now();
    assert.equal((await answered)[0][":status"], 200);
    stream.resume();
    assert.equal(await gateway.ended, 0);
    assert.ok(performance.now() - startedMs < 5000);
  });

  test("requests and WebSockets that take longer than shutdown_timeout are cut off", async (t) => {
    const gateway = await start(t, { nginx_worker_processes: "2", shutdown_timeout: "500ms" });
    const cut = assert.rejects(get(`${gateway.proxy}/?__delay=30000`), { code: "ECONNRESET" });
    const headers = { "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==", "sec-websocket-version": "13" };
    const opening = request(gateway.proxy, { headers: { ...headers, connection: "upgrade", upgrade: "websocket" } });
    opening.end();
    const [, socket] = await once(opening, "upgrade");
    socket.on("error", () => {});
    while ((await connections(gateway.status)) < 2) await wait(10);
    gateway.child.kill("SIGTERM");
    await Promise.all([cut, once(socket, "close")]);
    assert.equal(await gateway.ended, 0);
  });

  test("a second signal ends it at once, workers too", async (t) => {
    const upstream = await startHolding(t);
    const gateway = await start(t, { nginx_worker_processes: "2" }, upstream);
    const pids = await gateway.workers();
    const cut = assert.rejects(get(gateway.proxy));
    await upstream.arrived;
    gateway.child.kill("SIGTERM");
    gateway.child.kill("SIGTERM");
    await closed(gateway.proxy);
    await wait(300);
    assert.equal(gateway.child.exitCode, null, "a signal that was passed on twice counts once");
    gateway.child.kill("SIGINT");
    assert.equal(await gateway.ended, 130);
    await cut;
    while (pids.some(isRunning)) await wait(10);
  });

  const reason = olderNode === undefined && "there is no older Node on this machine";
  test("the launcher on an older Node passes signals on, and ends as the gateway does", { skip: reason }, async (t) => {
    const upstream = await startHolding(t);
    const gateway = await start(t, { nginx_worker_processes: "2" }, { ...upstream, node: olderNode! });
    const { pids } = JSON.parse((await get(gateway.admin)).body);
    assert.notEqual(pids.master, gateway.child.pid);
    const underWay = get(gateway.proxy);
    await upstream.arrived;
    gateway.child.kill("SIGQUIT");
    await closed(gateway.proxy);
    upstream.release();
    assert.equal((await underWay).status, 200);
    assert.equal(await gateway.ended, 0);
    assert.ok(![pids.master, ...pids.workers].some(isRunning));

    const refused = spawnStart(t, { node: olderNode!, settings: { plugins: "nonsense" } });
    assert.equal(await refused.ended, 1);
  });

  test("a gateway whose listeners are all off runs until it is told to stop", async (t) => {
    const off = { proxy_listen: "off", admin_listen: "off", status_listen: "off", nginx_worker_processes: "2" };
    const gateway = await spawnGateway(t, { settings: off });
    assert.match(gateway.output(), /^proxy +off\nadmin +off\nstatus +off\n$/);
    await wait(300);
    assert.equal(gateway.child.exitCode, null);
    gateway.child.kill("SIGTERM");
    assert.equal(await gateway.ended, 0);
  });
});
