import assert from "node:assert/strict";
import { createServer } from "node:net";
import { type TestContext, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import type { UpstreamFacts } from "./errors.ts";
import {
  answering,
  exchange,
  listen,
  originAt,
  Recorder,
  rawOrigin,
  requestOf,
  testPool,
  until,
  writeAll,
} from "./testing.ts";
import type { Origin, UpstreamRequest } from "./upstream.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const body = Buffer.from("body");

function checkError(recorder: Recorder, code: string, facts: UpstreamFacts): void {
  const { error } = recorder;
  assert.equal(error?.name, "UpstreamError");
  assert.equal(error.code, code);
  const { phase, reused, bodyBytesSent, responseStarted } = error;
  assert.deepEqual({ phase, reused, bodyBytesSent, responseStarted }, facts);
  assert.equal(recorder.calls.filter((call) => call === "error" || call === "end").length, 1);
}

const nothing: UpstreamFacts = { phase: "connect", reused: false, bodyBytesSent: 0, responseStarted: false };

/** A port on which nobody listens. */
async function freePort(t: TestContext): Promise<number> {
  const server = createServer();
  const port = await listen(t, server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test("a refused connection: nothing was sent", async (t) => {
  const recorder = await exchange(testPool(t), originAt(await freePort(t)), { method: "POST", body });
  checkError(recorder, "ERR_UPSTREAM_CONNECT", nothing);
  assert.equal((recorder.error!.cause as { code: string }).code, "ECONNREFUSED");
  assert.deepEqual(recorder.calls, ["error"]);
});

test("pieces written while connecting do not count as sent when the connection is refused", async (t) => {
  const recorder = new Recorder();
  const request = requestOf({ method: "POST", body: { chunked: true } });
  const to = testPool(t).request(originAt(await freePort(t)), request, recorder);
  assert.equal(to.connecting, true);
  to.write(body);
  await recorder.ended;
  assert.equal(to.connecting, false);
  checkError(recorder, "ERR_UPSTREAM_CONNECT", nothing);
});

test("a name that does not exist cannot be connected to", async (t) => {
  const origin = { key: "x", host: "does-not-exist.invalid", port: 80 };
  checkError(await exchange(testPool(t), origin), "ERR_UPSTREAM_CONNECT", nothing);
});

test("a server that does not shake hands is a connect timeout", async (t) => {
  const origin = await rawOrigin(t, () => {});
  const tls = { servername: "h", rejectUnauthorized: false };
  const recorder = await exchange(testPool(t), { ...origin, tls }, { connectTimeoutMs: 20 });
  checkError(recorder, "ERR_UPSTREAM_CONNECT_TIMEOUT", nothing);
});

const resets: readonly (readonly [
  reason: string,
  serve: Parameters<typeof rawOrigin>[1],
  parts: Partial<UpstreamRequest>,
  facts: Partial<UpstreamFacts>,
])[] = [
  ["before an answer", (s) => s.once("data", () => s.destroy()), {}, { phase: "wait" }],
  ["before an answer, by a reset", (s) => s.once("data", () => s.resetAndDestroy()), {}, { phase: "wait" }],
  [
    "before an answer to a body",
    (s) => s.once("data", () => s.destroy()),
    { method: "POST", body },
    { phase: "wait", bodyBytesSent: 4 },
  ],
  [
    "while a body is awaited",
    (s) => s.once("data", () => s.destroy()),
    { method: "POST", body: { length: 4 } },
    { phase: "send" },
  ],
  [
    "within a head",
    (s) => s.once("data", () => s.end("HTTP/1.1 200 OK\r\nA: ")),
    {},
    { phase: "wait", responseStarted: true },
  ],
  [
    "after an informational answer",
    (s) => s.once("data", () => s.end("HTTP/1.1 103 Early\r\n\r\n")),
    {},
    { phase: "wait", responseStarted: true },
  ],
  [
    "within a body of known length",
    (s) => s.once("data", () => s.end("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel")),
    {},
    { phase: "receive", responseStarted: true },
  ],
  [
    "within chunks",
    (s) => s.once("data", () => s.end("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")),
    {},
    { phase: "receive", responseStarted: true },
  ],
];

for (const [reason, serve, parts, facts] of resets) {
  test(`a connection that the upstream closes ${reason}`, async (t) => {
    const pool = testPool(t);
    const recorder = await exchange(pool, await rawOrigin(t, serve), parts);
    checkError(recorder, "ERR_UPSTREAM_RESET", { ...nothing, ...facts } as UpstreamFacts);
    await until(() => pool.stats().active === 0);
    assert.equal(pool.stats().idle, 0);
  });
}

test("a body until close that is reset is not complete", async (t) => {
  const origin = await rawOrigin(t, (socket) => {
    socket.once("data", () =>
      socket.write("HTTP/1.1 200 OK\r\n\r\npart", () => setTimeout(() => socket.resetAndDestroy(), 20)),
    );
  });
  const recorder = await exchange(testPool(t), origin);
  assert.equal(recorder.body, "part");
  checkError(recorder, "ERR_UPSTREAM_RESET", { ...nothing, phase: "receive", responseStarted: true });
});

test("a pooled connection that went stale is told from a new one", async (t) => {
  const origin = await rawOrigin(t, (socket) => {
    socket.once("data", () => {
      socket.write(OK);
      socket.once("data", () => socket.resetAndDestroy());
    });
  });
  const pool = testPool(t);
  await exchange(pool, origin);
  const stale = await exchange(pool, origin);
  checkError(stale, "ERR_UPSTREAM_RESET", { ...nothing, phase: "wait", reused: true });
  assert.equal((await exchange(pool, origin)).body, "ok", "the next one has a new connection");
});

// ----- timeouts

async function timeout(t: TestContext, origin: Origin, parts: Partial<UpstreamRequest>): Promise<[Recorder, number]> {
  const started = performance.now();
  const pool = testPool(t);
  const recorder = await exchange(pool, origin, parts);
  await until(() => pool.stats().active === 0);
  return [recorder, performance.now() - started];
}

test("an upstream that does not answer is a read timeout", async (t) => {
  const [recorder, took] = await timeout(t, await rawOrigin(t, () => {}), { readTimeoutMs: 30 });
  checkError(recorder, "ERR_UPSTREAM_READ_TIMEOUT", { ...nothing, phase: "wait" });
  assert.ok(took >= 29 && took < 1000, `${took} ms`);
});

test("an upstream that stops within its answer is a read timeout", async (t) => {
  const origin = await answering(t, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel");
  const [recorder] = await timeout(t, origin, { readTimeoutMs: 30 });
  checkError(recorder, "ERR_UPSTREAM_READ_TIMEOUT", { ...nothing, phase: "receive", responseStarted: true });
});

test("the read timeout is not one of the whole answer", async (t) => {
  const origin = await rawOrigin(t, (socket) => {
    socket.once("data", async () => {
      for (const part of [
        "HTTP/1.1 103 Early\r\n",
        "\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
        "h",
        "e",
        "l",
        "l",
        "o",
      ]) {
        await wait(20);
        socket.write(part);
      }
    });
  });
  const [recorder, took] = await timeout(t, origin, { readTimeoutMs: 100 });
  assert.equal(recorder.body, "hello");
  assert.ok(took > 100, `${took} ms`);
});

test("the read timeout does not run while the caller has not sent the body", async (t) => {
  const origin = await rawOrigin(t, (socket) =>
    socket.on("data", (chunk) => String(chunk) === "body" && socket.write(OK)),
  );
  const recorder = new Recorder();
  const parts = { method: "POST", body: { length: 4 }, readTimeoutMs: 30, writeTimeoutMs: 30 };
  const to = testPool(t).request(origin, requestOf(parts), recorder);
  await wait(80);
  to.write(body);
  to.end();
  await recorder.ended;
  assert.equal(recorder.body, "ok");
});

test("an upstream that does not read a body that is there is a write timeout", async (t) => {
  const size = 16 * 1024 * 1024;
  const origin = await rawOrigin(t, (socket) => socket.pause());
  const parts = { method: "POST", body: Buffer.alloc(size), writeTimeoutMs: 30 };
  const [recorder] = await timeout(t, origin, parts);
  const { bodyBytesSent } = recorder.error!;
  assert.ok(bodyBytesSent > 0 && bodyBytesSent < size, `${bodyBytesSent}`);
  checkError(recorder, "ERR_UPSTREAM_WRITE_TIMEOUT", { ...nothing, phase: "send", bodyBytesSent });
});

test("an upstream that does not read a streamed body is a write timeout", async (t) => {
  const origin = await rawOrigin(t, (socket) => socket.pause());
  const recorder = new Recorder();
  const parts = { method: "POST", body: { chunked: true }, writeTimeoutMs: 30 } as const;
  const to = testPool(t).request(origin, requestOf(parts), recorder);
  await writeAll(to, recorder, Array(512).fill(Buffer.alloc(65536)));
  await recorder.ended;
  const { bodyBytesSent } = recorder.error!;
  checkError(recorder, "ERR_UPSTREAM_WRITE_TIMEOUT", { ...nothing, phase: "send", bodyBytesSent });
});

test("the write timeout is not one of the whole body", async (t) => {
  const size = 24 * 1024 * 1024;
  const origin = await rawOrigin(t, (socket) => {
    let taken = 0;
    socket.on("data", async (chunk) => {
      if ((taken += chunk.length) > size) return socket.write(OK);
      if (taken % (4 * 65536) < chunk.length) {
        socket.pause();
        await wait(2);
        socket.resume();
      }
    });
  });
  const [recorder, took] = await timeout(t, origin, { method: "POST", body: Buffer.alloc(size), writeTimeoutMs: 60 });
  assert.equal(recorder.body, "ok");
  assert.ok(took > 60, `${took} ms`);
});

// ----- abort

test("an exchange that is aborted is silent, and its connection closed", async (t) => {
  const closed: number[] = [];
  const origin = await rawOrigin(t, (socket, number) => {
    socket.on("data", () => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel"));
    socket.on("close", () => closed.push(number));
  });
  const pool = testPool(t);
  for (const moment of ["connecting", "head", "body"]) {
    const recorder = new Recorder();
    const to = pool.request(origin, requestOf(), recorder);
    if (moment === "connecting") to.abort();
    if (moment === "head") recorder.onHead = () => to.abort();
    if (moment === "body") {
      recorder.onBody = () => {
        to.abort();
        return true;
      };
    }
    await until(() => pool.stats().active === 0);
    assert.deepEqual(
      recorder.calls.filter((call) => !["connect", "head"].includes(call)),
      [],
    );
    assert.equal(to.writable, false);
    to.abort();
  }
  await until(() => closed.length >= 2);
});

test("abort after the end does not touch the next exchange on the connection", async (t) => {
  const origin = await answering(t, OK);
  const pool = testPool(t);
  const first = new Recorder();
  const to = pool.request(origin, requestOf(), first);
  await first.ended;
  const second = new Recorder();
  pool.request(origin, requestOf(), second);
  to.abort();
  to.pause();
  await second.ended;
  assert.equal(second.body, "ok");
  assert.equal(pool.stats().opened, 1);
});
