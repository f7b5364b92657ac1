import assert from "node:assert/strict";
import { createServer as createHttpServer, type RequestListener } from "node:http";
import { type TestContext, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { Headers } from "./headers.ts";
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
import type { Origin, UpstreamBody, UpstreamExchange, UpstreamRequest } from "./upstream.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const bytes = (text: string): Buffer => Buffer.from(text, "latin1");

async function httpOrigin(t: TestContext, serve: RequestListener): Promise<Origin> {
  return originAt(await listen(t, createHttpServer(serve)));
}

/** A server that answers with the body it was sent, its length and its trailers. */
function echo(t: TestContext): Promise<Origin> {
  return httpOrigin(t, async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part);
    const framing = request.headers["transfer-encoding"] ?? request.headers["content-length"] ?? "none";
    response.end(`${framing}|${Buffer.concat(parts)}|${request.rawTrailers}`);
  });
}

// ----- the request

/** What a server reads, read by read, from one exchange on a new connection. */
async function sent(
  t: TestContext,
  parts: Partial<UpstreamRequest>,
  drive?: (to: UpstreamExchange) => void,
): Promise<string[]> {
  const reads: string[] = [];
  const origin = await rawOrigin(t, (socket) => {
    socket.on("data", (chunk) => {
      reads.push(chunk.toString("latin1"));
      if (/(^GET.*|body|0)\r\n\r\n$|body$/s.test(reads.join(""))) socket.write(OK);
    });
  });
  const recorder = new Recorder();
  const to = testPool(t).request(origin, requestOf(parts), recorder);
  drive?.(to);
  await recorder.ended;
  return reads;
}

test("a head is sent as Latin-1, in order, with the case of its names", async (t) => {
  const headers = new Headers(["hOst", "h", "A", "\xe4", "a", ""]);
  const expected = ["GET /\xfc?q HTTP/1.1\r\nhOst: h\r\nA: \xe4\r\na: \r\n\r\n"];
  assert.deepEqual(await sent(t, { target: "/\xfc?q", headers }), expected);
});

const post = (framing: string) => `POST / HTTP/1.1\r\n${framing}\r\nHost: h\r\n\r\n`;

test("a head and a body that is there leave in one piece", async (t) => {
  const expected = [`${post("Content-Length: 4")}body`];
  assert.deepEqual(await sent(t, { method: "POST", body: bytes("body") }), expected);
});

test("a head and the first piece of a body leave in one piece", async (t) => {
  const expected = [`${post("Content-Length: 4")}body`];
  assert.deepEqual(await sent(t, { method: "POST", body: { length: 4 } }, (to) => to.write(bytes("body"))), expected);
  const chunks = await sent(t, { method: "POST", body: { chunked: true } }, (to) => {
    to.write(bytes("body"));
    to.end();
  });
  assert.equal(chunks.join(""), `${post("Transfer-Encoding: chunked")}4\r\nbody\r\n0\r\n\r\n`);
});

test("a head does not wait for a body that comes later", async (t) => {
  const reads: string[] = [];
  const origin = await rawOrigin(t, (socket) => {
    socket.on("data", (chunk) => {
      reads.push(chunk.toString());
      if (reads.length === 2) socket.write(OK);
    });
  });
  const recorder = new Recorder();
  const to = testPool(t).request(origin, requestOf({ method: "POST", body: { length: 4 } }), recorder);
  await until(() => reads.length === 1);
  to.write(bytes("body"));
  to.end();
  await recorder.ended;
  assert.deepEqual(reads, [`${post("Content-Length: 4")}`, "body"]);
});

test("framing fields that are there keep their place", async (t) => {
  const headers = new Headers(["Content-Length", "4", "Host", "h"]);
  const whole = await sent(t, { method: "POST", body: bytes("body"), headers });
  assert.deepEqual(whole, ["POST / HTTP/1.1\r\nContent-Length: 4\r\nHost: h\r\n\r\nbody"]);
  const coded = new Headers(["transfer-encoding", "Chunked", "Host", "h"]);
  const chunks = await sent(t, { method: "POST", body: { chunked: true }, headers: coded }, (to) => to.end());
  assert.deepEqual(chunks, ["POST / HTTP/1.1\r\ntransfer-encoding: Chunked\r\nHost: h\r\n\r\n0\r\n\r\n"]);
});

test("pieces that are chunks already are sent as they are", async (t) => {
  const reads = await sent(t, { method: "POST", body: { chunked: true, encoded: true } }, (to) => {
    to.write(bytes("4\r\nbody\r\n"));
    to.end();
  });
  assert.equal(reads.join(""), `${post("Transfer-Encoding: chunked")}4\r\nbody\r\n0\r\n\r\n`);
});

test("a server reads the bodies of all kinds, and trailers", async (t) => {
  const origin = await echo(t);
  const pool = testPool(t);
  const send = async (body: UpstreamBody, drive: (to: UpstreamExchange) => void = () => {}): Promise<string> => {
    const recorder = new Recorder();
    drive(pool.request(origin, requestOf({ method: "POST", body }), recorder));
    await recorder.ended;
    return recorder.body;
  };
  assert.equal(await send(undefined), "none||");
  assert.equal(await send(new Uint8Array()), "0||");
  assert.equal(await send(bytes("hello")), "5|hello|");
  assert.equal(await send({ length: 0 }, (to) => to.end()), "0||");
  const inPieces = (trailers?: Headers) => (to: UpstreamExchange) => {
    for (const piece of ["hel", "", "lo"]) to.write(bytes(piece));
    to.end(trailers);
  };
  assert.equal(await send({ length: 5 }, inPieces()), "5|hello|");
  assert.equal(await send({ chunked: true }, inPieces()), "chunked|hello|");
  assert.equal(await send({ chunked: true }, inPieces(new Headers(["A", "b"]))), "chunked|hello|A,b");
  assert.equal(pool.stats().opened, 1, "all on one connection");
});

const contradictions: readonly (readonly [fields: readonly string[], body: UpstreamBody])[] = [
  [["Content-Length", "5"], undefined],
  [["Transfer-Encoding", "chunked"], undefined],
  [["Content-Length", "5"], bytes("body")],
  [["Content-Length", "4", "Content-Length", "4"], bytes("body")],
  [["Transfer-Encoding", "chunked"], bytes("body")],
  [["Content-Length", "4", "Transfer-Encoding", "chunked"], { length: 4 }],
  [["Content-Length", "4"], { chunked: true }],
  [["Transfer-Encoding", "gzip, chunked"], { chunked: true }],
];

for (const [fields, body] of contradictions) {
  test(`a request with ${JSON.stringify(fields)} and the body ${JSON.stringify(body)} is not sent`, async (t) => {
    const pool = testPool(t);
    const request = requestOf({ headers: new Headers(["Host", "h", ...fields]), body });
    assert.throws(() => pool.request(originAt(1), request, new Recorder()), { code: "ERR_HTTP_FRAMING" });
    assert.equal(pool.stats().opened, 0);
  });
}

test("a request whose method or target is no HTTP is not sent", (t) => {
  const pool = testPool(t);
  const refused = (parts: Partial<UpstreamRequest>, code: string): void =>
    assert.throws(() => pool.request(originAt(1), requestOf(parts), new Recorder()), { code });
  refused({ method: "GET / HTTP/1.1\r\nA:" }, "ERR_HTTP_METHOD");
  refused({ target: "/ HTTP/1.1\r\nA: b" }, "ERR_HTTP_TARGET");
});

test("a body is neither longer nor shorter than announced", async (t) => {
  const origin = await echo(t);
  const recorder = new Recorder();
  const to = testPool(t).request(origin, requestOf({ method: "POST", body: { length: 4 } }), recorder);
  assert.throws(() => to.write(bytes("body!")), RangeError);
  to.write(bytes("bod"));
  assert.throws(() => to.end(), RangeError);
  to.write(bytes("y"));
  to.end();
  await recorder.ended;
  assert.equal(recorder.body, "4|body|");
});

// ----- the answer

const answers: readonly (readonly [
  answer: string,
  expected: Partial<Recorder> & { trailerList?: readonly string[] },
  reason: string,
  parts?: Partial<UpstreamRequest>,
])[] = [
  [OK, { status: 200, reason: "OK", version: "1.1", body: "ok", framing: { kind: "length", length: 2 } }, "a length"],
  [
    "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
    { reason: "", body: "", calls: ["connect", "head", "end"] },
    "length 0",
  ],
  [
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2;x\r\nbc\r\n0\r\n\r\n",
    { body: "abc", framing: { kind: "chunked" } },
    "chunks",
  ],
  [
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2;x\r\nbc\r\n0\r\n\r\n",
    { body: "1\r\na\r\n2\r\nbc\r\n" },
    "raw chunks",
    { rawChunks: true },
  ],
  [
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nA: b\r\n\r\n",
    { body: "a", trailerList: ["A", "b"] },
    "trailers",
  ],
  ["HTTP/1.1 204 No Content\r\n\r\n", { status: 204, body: "", framing: { kind: "none" } }, "204"],
  ["HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", { status: 304, body: "" }, "304 with a length"],
  ["HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", { status: 200, body: "" }, "HEAD", { method: "HEAD" }],
  [
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    { status: 200, body: "" },
    "HEAD, chunked",
    { method: "HEAD" },
  ],
  [
    `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n${OK}`,
    { informational: [100, 103], status: 200, body: "ok" },
    "informational answers",
  ],
];

for (const [answer, { trailerList, ...expected }, reason, parts] of answers) {
  test(`an answer is read in one piece and byte by byte, and its connection used again: ${reason}`, async (t) => {
    const check = (recorder: Recorder): void => {
      const seen = Object.fromEntries(Object.keys(expected).map((key) => [key, recorder[key as keyof Recorder]]));
      assert.deepEqual(seen, expected);
      assert.deepEqual(recorder.trailers?.list, trailerList);
    };
    const origin = await answering(t, answer);
    const pool = testPool(t);
    check(await exchange(pool, origin, parts));
    await exchange(pool, origin, parts);
    assert.equal(pool.stats().opened, 1);

    const slow = await rawOrigin(t, (socket) => {
      socket.once("data", async () => {
        for (const byte of bytes(answer)) {
          socket.write(Buffer.of(byte));
          await new Promise(setImmediate);
        }
      });
    });
    check(await exchange(pool, slow, parts));
  });
}

test("an answer without framing ends with its connection", async (t) => {
  const origin = await rawOrigin(t, (socket) =>
    socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\n\r\nall of it")),
  );
  const pool = testPool(t);
  const recorder = await exchange(pool, origin);
  assert.equal(recorder.body, "all of it");
  assert.deepEqual(recorder.framing, { kind: "close" });
  await until(() => pool.stats().active === 0);
  assert.equal(pool.stats().idle, 0);
});

const broken: readonly (readonly [answer: string, cause: string])[] = [
  ["\x15\x03\x01\0\0", "ERR_HTTP_FIELD_VALUE"],
  ["SSH-2.0-x\r\n\r\n", "ERR_HTTP_STATUS_LINE"],
  ["HTTP/1.1 200 OK\nContent-Length: 0\n\n", "ERR_HTTP_LINE_END"],
  ["HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", "ERR_HTTP_FRAMING"],
  ["HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", "ERR_HTTP_CONTENT_LENGTH"],
  ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "ERR_HTTP_CHUNK"],
  [`HTTP/1.1 200 OK\r\nA: ${"x".repeat(70_000)}`, "ERR_HTTP_HEAD_TOO_LONG"],
  ["HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 20 OK\r\n\r\n", "ERR_HTTP_STATUS_LINE"],
];

for (const [answer, cause] of broken) {
  test(`an answer that is no HTTP fails by name: ${JSON.stringify(answer.slice(0, 60))}`, async (t) => {
    const origin = await answering(t, answer);
    const pool = testPool(t);
    const { error } = await exchange(pool, origin);
    assert.equal(error?.code, "ERR_UPSTREAM_PROTOCOL");
    assert.equal((error.cause as { code: string }).code, cause);
    assert.equal(error.responseStarted, true);
    await until(() => pool.stats().active === 0);
  });
}

test("101 hands the connection over with the bytes that came along", async (t) => {
  const origin = await rawOrigin(t, (socket) => {
    socket.once("data", () => {
      socket.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nfirst");
      socket.on("data", (chunk) => socket.write(`echo ${chunk}`));
    });
  });
  const pool = testPool(t);
  const recorder = await exchange(pool, origin, { readTimeoutMs: 20 });
  assert.equal(recorder.status, 101);
  const { socket, firstBytes } = recorder.upgraded!;
  assert.equal(Buffer.from(firstBytes).toString(), "first");
  assert.deepEqual(pool.stats(), { idle: 0, active: 0, opened: 1, reused: 0 });
  await wait(40);
  socket.write("hello");
  const [chunk] = await socket.take(1).toArray();
  assert.equal(String(chunk), "echo hello", "no timeout of the exchange is left");
  socket.destroy();
  assert.deepEqual(recorder.calls, ["connect", "upgrade"]);
});

test("101 before the request is complete is refused", async (t) => {
  const origin = await answering(t, "HTTP/1.1 101 Switching Protocols\r\n\r\n");
  const { error } = await exchange(testPool(t), origin, { method: "POST", body: { length: 4 } });
  assert.equal(error?.code, "ERR_UPSTREAM_PROTOCOL");
});

// ----- both at once

test("an upstream that refuses early gets no more of the body, and its connection is not used again", async (t) => {
  let received = 0;
  const origin = await rawOrigin(t, (socket) => {
    socket.on("data", (chunk) => (received += chunk.length));
    socket.once("data", () => socket.write("HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\n\r\nno"));
    setTimeout(() => socket.write("pe!"), 20);
  });
  const pool = testPool(t);
  const recorder = new Recorder();
  const to = pool.request(origin, requestOf({ method: "POST", body: { chunked: true } }), recorder);
  assert.equal(to.writable, true);
  to.write(bytes("body"));
  await until(() => recorder.status === 413);
  const before = received;
  assert.equal(to.writable, false);
  assert.equal(to.write(Buffer.alloc(1000)), true, "it is dropped, nobody has to wait");
  to.end();
  await recorder.ended;
  assert.equal(recorder.body, "nope!");
  assert.equal(received, before);
  await until(() => pool.stats().active === 0);
  assert.equal(pool.stats().idle, 0);
});

test("an upstream may answer while it still reads", async (t) => {
  const origin = await httpOrigin(t, (request, response) => {
    response.writeHead(200);
    request.pipe(response);
  });
  const pool = testPool(t);
  const recorder = new Recorder();
  const to = pool.request(origin, requestOf({ method: "POST", body: { chunked: true } }), recorder);
  to.write(bytes("one "));
  await until(() => recorder.body === "one ");
  to.write(bytes("two"));
  await until(() => recorder.body === "one two");
  to.end();
  await recorder.ended;
  assert.equal(pool.stats().idle, 1);
});

test("an answer that ends before the request ends the exchange and the connection", async (t) => {
  const origin = await answering(t, OK);
  const pool = testPool(t);
  const recorder = new Recorder();
  const to = pool.request(origin, requestOf({ method: "POST", body: { chunked: true } }), recorder);
  to.write(bytes("body"));
  await recorder.ended;
  assert.equal(recorder.body, "ok");
  assert.equal(to.writable, false);
  to.write(bytes("more"));
  to.end();
  await until(() => pool.stats().active === 0);
  assert.equal(pool.stats().idle, 0);
});

const MEBIBYTE = 1024 * 1024;

function* pieces(size: number): Generator<Uint8Array> {
  const piece = Buffer.alloc(65536, "x");
  for (let i = 0; i < size; i += piece.length) yield piece;
}

test("large bodies go both ways at once, all of them", async (t) => {
  const origin = await httpOrigin(t, (request, response) => request.pipe(response));
  const pool = testPool(t);
  const size = 16 * MEBIBYTE;
  for (const body of [{ chunked: true }, { length: size }] as const) {
    const recorder = new Recorder();
    const to = pool.request(origin, requestOf({ method: "POST", body }), recorder);
    await writeAll(to, recorder, pieces(size));
    to.end();
    await recorder.ended;
    assert.equal(recorder.bodyBytes, size);
    assert.ok(recorder.calls.includes("drain"), "the writer had to wait");
  }
  const whole = await exchange(pool, origin, { method: "POST", body: Buffer.alloc(size) });
  assert.equal(whole.bodyBytes, size);
  assert.equal(pool.stats().opened, 1);
});

test("an upstream that reads slowly holds the writer, so that memory stays flat", async (t) => {
  const size = 64 * MEBIBYTE;
  let taken = 0;
  const origin = await rawOrigin(t, (socket) => {
    setTimeout(() => socket.on("data", (chunk) => (taken += chunk.length) > size && socket.write(OK)), 50);
  });
  const recorder = new Recorder();
  const to = testPool(t).request(origin, requestOf({ method: "POST", body: { length: size } }), recorder);
  let written = 0;
  let ahead = 0;
  function* counted(): Generator<Uint8Array> {
    for (const piece of pieces(size)) {
      written += piece.length;
      ahead = Math.max(ahead, written - taken);
      yield piece;
    }
  }
  await writeAll(to, recorder, counted());
  to.end();
  await recorder.ended;
  assert.equal(recorder.status, 200);
  assert.ok(ahead < 20 * MEBIBYTE, `${ahead} bytes were written and not read, more than the system's buffers hold`);
});

test("a reader that pauses holds the upstream, and resumes without a loss", async (t) => {
  let sentBytes = 0;
  const size = 32 * MEBIBYTE;
  const origin = await rawOrigin(t, (socket) => {
    socket.once("data", async () => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
      for (const piece of pieces(size)) {
        sentBytes += piece.length;
        if (!socket.write(piece)) await new Promise((resolve) => socket.once("drain", resolve));
      }
    });
  });
  const pool = testPool(t);
  const recorder = new Recorder();
  let holding = true;
  let held = 0;
  const count = recorder.onBody;
  recorder.onBody = (chunk) => {
    count.call(recorder, chunk);
    held += holding ? 1 : 0;
    return !holding;
  };
  const to = pool.request(origin, requestOf({ readTimeoutMs: 30 }), recorder);
  await until(() => held > 0);
  await wait(80);
  assert.equal(recorder.error, undefined, "the read timeout does not run meanwhile");
  assert.ok(held <= 2, `${held} pieces came after the pause`);
  assert.ok(sentBytes < size, "the upstream waits");
  holding = false;
  to.resume();
  await recorder.ended;
  assert.equal(recorder.bodyBytes, size);
  assert.equal(pool.stats().idle, 1);
});

test("an exchange that ends while paused leaves a connection that works", async (t) => {
  const origin = await answering(t, OK);
  const pool = testPool(t);
  const recorder = new Recorder();
  recorder.onBody = () => false;
  const to = pool.request(origin, requestOf(), recorder);
  await recorder.ended;
  to.resume();
  to.pause();
  assert.equal((await exchange(pool, origin)).body, "ok");
  assert.equal(pool.stats().opened, 1);
});
