import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { Headers } from "../http1/index.ts";
import type { EngineLimits } from "./engine.ts";
import { createFastEngine } from "./engine-fast.ts";
import type { Inbound } from "./inbound.ts";

const LIMITS: EngineLimits = {
  ...{ connections: 100, head: 65_536, line: 49_152, fields: 200 },
  ...{ headerTimeoutMs: 5_000, bodyTimeoutMs: 5_000, keepAliveTimeoutMs: 5_000 },
};

/** Answers are what was read, `METHOD target body`. */
function echo(inbound: Inbound): void {
  const body: Uint8Array[] = [];
  const answer = (status: number) => {
    const text = `${inbound.method} ${inbound.target} ${Buffer.concat(body)}`;
    const connection = inbound.keepAlive && status === 200 ? "keep-alive" : "close";
    inbound.head(status, "", new Headers(["Content-Length", `${text.length}`, "Connection", connection]));
    inbound.end(inbound.method === "HEAD" ? undefined : text);
  };
  inbound.listener = {
    onData: (chunk) => body.push(Buffer.from(chunk)) > 0,
    onEnd: () => answer(200),
    onDrain() {},
    onFault: answer,
    onAbort() {},
  };
  if (inbound.framing.kind === "none" || inbound.fault !== undefined) answer(inbound.fault ?? 200);
  else inbound.resume();
}

async function start(t: TestContext, handle: (inbound: Inbound) => void, limits: Partial<EngineLimits> = {}) {
  const engine = createFastEngine({
    handle,
    badRequest: (status) => `HTTP/1.1 ${status} Bad\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
    onRefused: () => assert.fail(),
    limits: { ...LIMITS, ...limits },
  });
  t.after(() => engine.close(0));
  const port = await engine.listen({ host: "127.0.0.1", port: 0, tls: false, http2: false });
  return { engine, port };
}

/** A connection whose text so far can be waited for. */
async function open(t: TestContext, port: number) {
  const socket: Socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  t.after(() => socket.destroy());
  let text = "";
  socket.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
  socket.on("error", () => {});
  await once(socket, "connect");
  return {
    socket,
    async until(end: string) {
      while (!text.includes(end)) await once(socket, "data");
      return text;
    },
    async ended() {
      if (!socket.readableEnded && !socket.destroyed)
        await new Promise((resolve) => socket.on("end", resolve).on("close", resolve));
      return text;
    },
  };
}

const bodies = (text: string): string[] => text.split(/HTTP\/1\.1 \d+ [\s\S]*?\r\n\r\n/).slice(1);

test("requests on one connection are answered in their order, in pieces of any size", async (t) => {
  const { port } = await start(t, echo);
  const bytes =
    "\r\nGET /1 HTTP/1.1\r\nHost: h\r\n\r\nPOST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello" +
    "POST /3 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2;x\r\nhe\r\n3\r\nllo\r\n0\r\nT: v\r\n\r\n" +
    "HEAD /4 HTTP/1.1\r\nHost: h\r\n\r\nGET http://h?5 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\nGET /6 HTTP/1.1\r\n\r\n";
  for (const size of [1, 7, 64, 4096]) {
    const { socket, ended } = await open(t, port);
    socket.setNoDelay(true);
    for (let i = 0; i < bytes.length; i += size) socket.write(bytes.slice(i, i + size), "latin1");
    assert.deepEqual(bodies(await ended()), ["GET /1 ", "POST /2 hello", "POST /3 hello", "", "GET /?5 "], `${size}`);
  }
});

test("a head and its small body leave in one piece, also a chunked one", async (t) => {
  const { port } = await start(t, (inbound) => {
    inbound.listener = { onData: () => true, onEnd() {}, onDrain() {}, onFault() {}, onAbort() {} };
    inbound.head(200, "OK", new Headers(["Transfer-Encoding", "chunked", "Connection", "close"]));
    inbound.write(Buffer.from("a"));
    inbound.write(Buffer.from("\xe9", "latin1"));
    inbound.end(undefined, new Headers(["T", "v"]));
  });
  const { socket } = await open(t, port);
  socket.write("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  const [chunk] = await once(socket, "data");
  const head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
  assert.equal(chunk.toString("latin1"), `${head}1\r\na\r\n1\r\n\xe9\r\n0\r\nT: v\r\n\r\n`);
});

test("100 Continue is sent when the body is asked for; an answer without asking ends the connection", async (t) => {
  const head = "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
  const asking = await open(t, (await start(t, echo)).port);
  asking.socket.write(head);
  assert.equal(await asking.until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  asking.socket.write("ok");
  await asking.until("POST / ok");
  const refusing = await open(
    t,
    (
      await start(t, (inbound) => {
        assert.equal(inbound.keepAlive, false);
        inbound.head(403, "No", new Headers(["Content-Length", "0", "Connection", "close"]));
        inbound.end();
      })
    ).port,
  );
  refusing.socket.write(head);
  assert.match(await refusing.ended(), /^HTTP\/1\.1 403 /);
});

test("what an early answer leaves of a body is dropped, and the next request answered", async (t) => {
  const { port } = await start(t, (inbound) => {
    inbound.head(200, "OK", new Headers(["Content-Length", "2", "Connection", "keep-alive"]));
    inbound.end(inbound.target.slice(0, 2));
  });
  const { socket, until } = await open(t, port);
  socket.write(`POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n${"x".repeat(50_000)}`);
  await until("/1");
  socket.write(`${"x".repeat(50_000)}GET /2 HTTP/1.1\r\nHost: h\r\n\r\n`);
  await until("/2");
});

for (const [what, bytes, answer] of [
  ["a head", "GET / HTTP/1.1\r\nHos", /^HTTP\/1\.1 408 /],
  ["a body", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhe", /^HTTP\/1\.1 408 /],
  ["a first request", "", /^$/],
  ["a next request", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", /^HTTP\/1\.1 200 [\s\S]*GET \/ $/],
] as const) {
  test(`a client is not waited for beyond the time for ${what}`, async (t) => {
    const { port } = await start(t, echo, { headerTimeoutMs: 40, bodyTimeoutMs: 40, keepAliveTimeoutMs: 40 });
    const { socket, ended } = await open(t, port);
    socket.write(bytes);
    assert.match(await ended(), answer);
  });
}

test("a client that leaves, or resets, before the answer is an abort", async (t) => {
  for (const leave of ["end", "resetAndDestroy"] as const) {
    const aborted = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    const { port } = await start(t, (inbound) => {
      inbound.listener = { onData: () => true, onEnd() {}, onDrain() {}, onFault() {}, onAbort: aborted.resolve };
      asked.resolve();
    });
    const { socket } = await open(t, port);
    socket.write("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    await asked.promise;
    socket[leave]();
    await aborted.promise;
  }
});

test("an answer longer or shorter than announced breaks the connection", async (t) => {
  const { port } = await start(t, (inbound) => {
    inbound.head(200, "OK", new Headers(["Content-Length", "4", "Connection", "keep-alive"]));
    inbound.end(inbound.target.slice(1));
  });
  for (const [target, whole] of [
    ["/long-one", false],
    ["/no", false],
    ["/good", true],
  ] as const) {
    const { socket, ended } = await open(t, port);
    socket.write(`GET ${target} HTTP/1.1\r\nHost: h\r\n${whole ? "Connection: close\r\n" : ""}\r\n`);
    assert.equal((await ended()).endsWith("good"), whole, target);
  }
});

test("an answer whose announced length is no number has no body, and breaks the connection with one", async (t) => {
  for (const length of ["x", "", "-4", "4, 4", "0000000000000004", "1e1"]) {
    const { port } = await start(t, (inbound) => {
      inbound.head(200, "OK", new Headers(["Content-Length", length, "Connection", "keep-alive"]));
      inbound.end("good");
    });
    const { socket, ended } = await open(t, port);
    socket.write("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    assert.doesNotMatch(await ended(), /good/, length);
  }
});

test("empty lines are no beginning of a request: the client who sends no more is not told that it was slow", async (t) => {
  const { engine, port } = await start(t, echo, { headerTimeoutMs: 60, keepAliveTimeoutMs: 60 });
  const silent = await open(t, port);
  silent.socket.write("\r\n\r\n");
  assert.equal(await silent.ended(), "");
  const slow = await open(t, port);
  slow.socket.write("\r\nGET / HT");
  assert.match(await slow.ended(), /^HTTP\/1\.1 408 /);
  await engine.close(0);

  const other = await start(t, echo);
  const idle = await open(t, other.port);
  idle.socket.write("\r\n");
  await new Promise((resolve) => setTimeout(resolve, 20));
  const closing = other.engine.close(5_000);
  assert.equal(await idle.ended(), "");
  idle.socket.end();
  await closing;
});

test("closing ends idle connections at once, and busy ones with their answer", async (t) => {
  let held: Inbound | undefined;
  const { engine, port } = await start(t, (inbound) => (inbound.target === "/held" ? (held = inbound) : echo(inbound)));
  const idle = await open(t, port);
  idle.socket.write("GET /idle HTTP/1.1\r\nHost: h\r\n\r\n");
  await idle.until("/idle");
  const busy = await open(t, port);
  busy.socket.write("GET /held HTTP/1.1\r\nHost: h\r\n\r\n");
  while (held === undefined) await new Promise(setImmediate);
  const closed = engine.close(5_000);
  await idle.ended();
  echo(held);
  assert.match(await busy.ended(), /Connection: close\r\n\r\nGET \/held $/);
  idle.socket.end();
  busy.socket.end();
  await closed;
  while (engine.statistics.connections > 0) await new Promise(setImmediate);
  assert.equal(engine.statistics.accepted, 2);
});
