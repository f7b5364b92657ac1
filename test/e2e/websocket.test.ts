import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import WebSocket, { WebSocketServer } from "ws";
import { startProxy, type TestProxy } from "../helpers/proxy.ts";
import { until } from "../helpers/until.ts";
import { startRawUpstream, startUpstream } from "../helpers/upstream.ts";
import { ask, type Door, doorsOf, http1Of, open } from "../helpers/wire.ts";

const OFFER =
  "Host: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const ACCEPT =
  "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-From: upstream\r\n\r\n";

const urlOf = (door: Door, path: string) => `${door.name === "plain" ? "ws" : "wss"}://127.0.0.1:${door.port}${path}`;

/** Connections of clients that the gateway counts. */
async function connectionsOf(gateway: TestProxy): Promise<number> {
  const answer = await fetch(`${gateway.admin}/status`);
  const { server } = (await answer.json()) as { server: { connections_active: number } };
  return server.connections_active;
}

test("WebSocket messages pass both ways, large ones too, and both sides see the end", async (t) => {
  const gateway = await startProxy(t);
  const server = new WebSocketServer({ noServer: true });
  t.after(() => server.close());
  let seen: string[] = [];
  let closed = 0;
  const upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    seen = request.rawHeaders;
    server.handleUpgrade(request, socket, head, (peer) => {
      peer.on("message", (data, isBinary) => peer.send(data, { binary: isBinary }));
      peer.on("close", () => (closed += 1));
    });
  };
  const upstream = await startUpstream(t, (_, response) => response.end(), { upgrade });
  const path = await gateway.mount(upstream.url);
  for (const [index, door] of http1Of(gateway).entries()) {
    const client = new WebSocket(urlOf(door, `${path}?q=1`), { rejectUnauthorized: false, headers: { "X-A": "1" } });
    await once(client, "open");
    const large = Buffer.alloc(1_000_000, 7);
    for (const message of [Buffer.from("hello"), large]) {
      client.send(message);
      const [echoed] = await once(client, "message");
      assert.ok(message.equals(echoed as Buffer), door.name);
    }
    const fields = seen.map((text) => text.toLowerCase());
    assert.deepEqual(
      [fields[fields.indexOf("connection") + 1], fields[fields.indexOf("upgrade") + 1]],
      ["keep-alive, upgrade", "websocket"],
    );
    assert.ok(fields.includes("x-a") && fields.includes("x-forwarded-for"));
    client.close(4000, "enough");
    const [code, reason] = await once(client, "close");
    assert.equal(`${code} ${reason}`, "4000 enough");
    await until(() => closed === index + 1);
  }
  for (const end = Date.now() + 3000; (await connectionsOf(gateway)) > 0; )
    assert.ok(Date.now() < end, "a connection is left");
});

test("what either side sends with its head is not lost, nor what the upstream sends before it closes", async (t) => {
  const gateway = await startProxy(t);
  const last = "x".repeat(300_000);
  const upstream = await startRawUpstream(t, (socket) => {
    let got = "";
    socket.on("data", (chunk: Buffer) => {
      const isHead = got === "";
      got += chunk.toString("latin1");
      if (isHead) socket.write(`${ACCEPT}early answer;`);
      if (got.endsWith("early bytes")) socket.end(`heard;${last}`);
    });
  });
  const path = await gateway.mount(upstream.url);
  for (const door of http1Of(gateway)) {
    const wire = await open(t, door);
    wire.send(`GET ${path} HTTP/1.1\r\n${OFFER}early bytes`);
    const head = await wire.head();
    assert.equal(head.status, 101, door.name);
    assert.equal(head.field("x-from"), "upstream");
    assert.deepEqual(head.fields("connection"), ["Upgrade"]);
    assert.equal(await wire.rest(), `early answer;heard;${last}`, door.name);
    await wire.closed;
  }
});

test("an upstream that does not switch answers as any other", async (t) => {
  const gateway = await startProxy(t);
  const upstream = await startUpstream(t, (request, response) => {
    response.writeHead(request.headers.upgrade === "websocket" ? 403 : 200).end(`upgrade: ${request.headers.upgrade}`);
  });
  const path = await gateway.mount(upstream.url);
  for (const door of http1Of(gateway)) {
    const wire = await open(t, door);
    wire.send(`GET ${path} HTTP/1.1\r\n${OFFER}`);
    const refused = await wire.answer();
    assert.equal(refused.status, 403, door.name);
    assert.equal(refused.body, "upgrade: websocket");
    if (refused.field("connection") === "close") await wire.closed;
    const unrouted = await open(t, door);
    unrouted.send(`GET /unrouted HTTP/1.1\r\n${OFFER}some early bytes`);
    assert.equal((await unrouted.answer()).status, 404);
    unrouted.socket.destroy();
  }
});

test("other offers to upgrade are passed over", async (t) => {
  const gateway = await startProxy(t);
  const upstream = await startUpstream(t, (request, response) => response.end(`upgrade: ${request.headers.upgrade}`));
  const path = await gateway.mount(upstream.url);
  const offers = [
    `GET ${path} HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n`,
    // A WebSocket's request has no body.
    `POST ${path} HTTP/1.1\r\nContent-Length: 2\r\n${OFFER}hi`,
    // Without Connection it is no offer.
    `GET ${path} HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n\r\n`,
  ];
  for (const door of http1Of(gateway)) {
    for (const offer of offers) {
      const wire = await open(t, door);
      wire.send(offer);
      assert.equal((await wire.answer()).body, "upgrade: undefined", `${door.name} ${offer}`);
    }
  }
  const answer = await ask(t, doorsOf(gateway)[2]!, { path });
  assert.equal(answer.body, "upgrade: undefined");
});

test("an offer behind a request that is not answered yet gets its turn or ends the connection", async (t) => {
  const gateway = await startProxy(t);
  const upstream = await startRawUpstream(t, (socket) => {
    socket.on("data", (chunk: Buffer) => {
      const isOffer = String(chunk).includes("Upgrade: websocket");
      setTimeout(() => socket.write(isOffer ? ACCEPT : "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst"), 20);
    });
  });
  const path = await gateway.mount(upstream.url);
  for (const door of http1Of(gateway)) {
    const wire = await open(t, door);
    wire.send(`GET ${path} HTTP/1.1\r\nHost: h\r\n\r\nGET ${path} HTTP/1.1\r\n${OFFER}`);
    const statuses = wire.answer().then(async () => (await wire.head()).status);
    assert.ok([101, "cut"].includes(await statuses.catch(() => "cut")), door.name);
    assert.equal((await ask(t, door, { path })).body, "first");
  }
});

test("a client that resets its connection before the switch is written disturbs nobody", async (t) => {
  const gateway = await startProxy(t);
  const upstream = await startRawUpstream(t, (socket) => {
    socket.once("data", () => setTimeout(() => socket.write(ACCEPT), 50));
  });
  const path = await gateway.mount(upstream.url);
  const [plain] = doorsOf(gateway);
  for (let i = 0; i < 5; i += 1) {
    const wire = await open(t, plain!);
    // With bytes behind it that nobody takes, the gateway does not read on, and learns of the reset as it writes.
    wire.send(`GET ${path} HTTP/1.1\r\n${OFFER}early`);
    await wait(20);
    wire.socket.resetAndDestroy();
  }
  await until(() => upstream.accepted === 5 && upstream.open.size === 0);
  assert.equal((await ask(t, plain!, { path: "/unrouted" })).status, 404);
});

test("an upstream that switches unasked is refused", async (t) => {
  const gateway = await startProxy(t);
  const upstream = await startRawUpstream(t, (socket) => socket.once("data", () => socket.write(ACCEPT)));
  const path = await gateway.mount(upstream.url);
  for (const door of doorsOf(gateway)) assert.equal((await ask(t, door, { path })).status, 502, door.name);
  await until(() => upstream.open.size === 0, "the connections to it are closed");
});

test("a client that goes away ends the upstream's side, before the switch and after it", async (t) => {
  const gateway = await startProxy(t);
  let waiting: Socket | undefined;
  const upstream = await startRawUpstream(t, (socket) => {
    socket.once("data", (head: Buffer) => {
      if (head.includes("/switch")) socket.write(ACCEPT);
      waiting = socket;
    });
  });
  const path = await gateway.mount(upstream.url);
  for (const door of http1Of(gateway)) {
    for (const target of [path, `${path}/switch`]) {
      for (const reset of door.name === "plain" ? [false, true] : [false]) {
        waiting = undefined;
        const wire = await open(t, door);
        wire.send(`GET ${target} HTTP/1.1\r\n${OFFER}`);
        await until(() => waiting !== undefined);
        if (target !== path) await wire.head();
        if (reset) wire.socket.resetAndDestroy();
        else wire.socket.destroy();
        await until(() => upstream.open.size === 0, `${door.name} ${target} ${reset}`);
      }
    }
  }
});

test("a silent tunnel is closed after the service's timeout", async (t) => {
  const gateway = await startProxy(t);
  const upstream = await startRawUpstream(t, (socket) => socket.once("data", () => socket.write(ACCEPT)));
  const path = await gateway.mount(upstream.url, { service: { read_timeout: 150, write_timeout: 150 } });
  await Promise.all(
    http1Of(gateway).map(async (door) => {
      const wire = await open(t, door);
      wire.send(`GET ${path} HTTP/1.1\r\n${OFFER}`);
      assert.equal((await wire.head()).status, 101);
      await wire.closed;
    }),
  );
  await until(() => upstream.open.size === 0);
});
