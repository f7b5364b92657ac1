import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, METHODS, STATUS_CODES } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { createFastEngine, type Engine, type Inbound } from "../../src/gateway/index.ts";
import { defaultLimits, Headers } from "../../src/http1/index.ts";
import { mutated, runs, split } from "./http-bytes.ts";

/** A request as a server has read it to its end. */
interface Message {
  readonly start: readonly string[];
  readonly headers: readonly string[];
  readonly body: string;
  readonly trailers: readonly string[];
}

/** What one connection came to. */
interface Reading {
  readonly messages: readonly Message[];
  /** Statuses of the answers, in order. */
  readonly statuses: readonly number[];
  /** The last answer says that the connection ends with it. */
  readonly saysClose: boolean;
}

// ----- the two servers; each answers `200` once it has read a request to its end

/** By server, since two connections to different servers may have the same port of the client's. */
const readings = { fast: new Map<number, Message[]>(), node: new Map<number, Message[]>() };

/** node:http drops a tab behind a value, except where it decides about framing. */
function trim(list: readonly string[]): string[] {
  return list.map((text) => text.replace(/[\t ]+$/, ""));
}

function answer(inbound: Inbound, status: number): void {
  const connection = inbound.keepAlive && status === 200 ? "keep-alive" : "close";
  inbound.head(status, STATUS_CODES[status]!, new Headers(["Content-Length", "0", "Connection", connection]));
  inbound.end();
}

function serve(inbound: Inbound): void {
  const body: Uint8Array[] = [];
  const complete = (trailers: Headers | undefined) => {
    const { method, target, httpVersion, headers } = inbound;
    const text = Buffer.concat(body).toString("latin1");
    const message = { headers: trim(headers.list), body: text, trailers: trim(trailers?.list ?? []) };
    readings.fast.get(inbound.connection.remotePort)?.push({ start: [method, target, httpVersion], ...message });
    answer(inbound, 200);
  };
  const onFault = (status: number) => answer(inbound, status);
  inbound.listener = {
    onData: (chunk) => body.push(Buffer.from(chunk)) > 0,
    onEnd: complete,
    onDrain() {},
    onFault,
    onAbort() {},
  };
  if (inbound.fault !== undefined) answer(inbound, inbound.fault);
  else if (inbound.framing.kind === "none") complete(undefined);
  else inbound.resume();
}

const engine: Engine = createFastEngine({
  handle: serve,
  badRequest: (status) => `HTTP/1.1 ${status} Bad\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
  onRefused: () => assert.fail(),
  limits: {
    ...defaultLimits,
    connections: 10_000,
    headerTimeoutMs: 5000,
    bodyTimeoutMs: 5000,
    keepAliveTimeoutMs: 5000,
  },
});

const node = createServer({ maxHeaderSize: defaultLimits.head, requireHostHeader: false }, (message, response) => {
  const body: Buffer[] = [];
  const port = message.socket.remotePort!;
  message.on("data", (chunk) => body.push(chunk));
  message.on("error", () => {});
  message.on("end", () => {
    const { method, url, httpVersion, rawHeaders, rawTrailers } = message;
    const text = Buffer.concat(body).toString("latin1");
    const start = [method!, url!.replace(/^https?:\/\/[^/?]*/i, "").replace(/^(?![/*])/, "/"), httpVersion];
    readings.node.get(port)?.push({ start, headers: trim(rawHeaders), body: text, trailers: trim(rawTrailers) });
    response.end();
  });
});
node.on("checkExpectation", (message, response) => node.emit("request", message, response));

const ports = { fast: 0, node: 0 };

before(async () => {
  ports.fast = await engine.listen({ host: "127.0.0.1", port: 0, tls: false, http2: false });
  node.listen(0, "127.0.0.1");
  await once(node, "listening");
  ports.node = (node.address() as AddressInfo).port;
});

after(async () => {
  node.close();
  node.closeAllConnections();
  await engine.close(0);
});

// ----- the client

/** Send the pieces on one connection, close our side, and see what was read and answered. */
async function send(server: "fast" | "node", pieces: readonly Buffer[]): Promise<Reading> {
  const socket = connect({ port: ports[server], host: "127.0.0.1", noDelay: true, allowHalfOpen: true });
  const answers: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => answers.push(chunk));
  socket.on("error", () => {});
  socket.on("end", () => socket.end());
  const closed = new Promise((resolve) => socket.on("close", resolve));
  await once(socket, "connect");
  const messages: Message[] = [];
  const own = socket.localPort!;
  readings[server].set(own, messages);
  for (const piece of pieces) {
    socket.write(piece);
    if (pieces.length > 1) await new Promise(setImmediate);
  }
  socket.end();
  await closed;
  readings[server].delete(own);
  const text = Buffer.concat(answers).toString("latin1");
  const statuses = [...text.matchAll(/^HTTP\/1\.1 (\d{3}) /gm)].map(([, status]) => Number(status));
  const saysClose = /\r\nConnection: close\r\n/.test(text.slice(text.lastIndexOf("HTTP/1.1 ")));
  return { messages, statuses: statuses.filter((status) => status !== 100), saysClose };
}

/** llhttp knows a list of methods, leaves HTTP behind CONNECT, and reads nothing behind a request for an upgrade. */
function isBeyondNode({ start, headers }: Message): boolean {
  const [method = ""] = start;
  return !METHODS.includes(method) || headers.some((name, i) => i % 2 === 0 && name.toLowerCase() === "upgrade");
}

/** What the fast engine reads, node:http reads alike; what it does not read, it refuses. */
async function compare(bytes: Buffer, size: number): Promise<number> {
  const pieces = size === 0 ? [bytes] : split(bytes, size);
  const [ours, theirs] = await Promise.all([send("fast", pieces), send("node", [bytes])]);
  const beyond = ours.messages.findIndex(isBeyondNode);
  const comparable = beyond < 0 ? ours.messages : ours.messages.slice(0, beyond);
  assert.deepEqual(theirs.messages.slice(0, comparable.length), comparable);
  const read = ours.messages.length;
  assert.deepEqual(ours.statuses.slice(0, read), Array(read).fill(200));
  assert.ok(ours.statuses.length <= read + 1, "nothing is answered behind a refusal");
  // What follows an answer that says close is not read, and the client knows it.
  const isRefused = ours.saysClose || (ours.statuses[read] ?? 0) >= 400;
  if (beyond < 0 && theirs.messages.length > read)
    assert.ok(isRefused, "read by node:http, neither read nor refused by us");
  return read;
}

const HEAD = "HTTP/1.1\r\nHost: h\r\n";
const damaged = mutated([
  `GET /a?b ${HEAD}A:  b \r\nCookie: c=d\r\n\r\nGET /2 ${HEAD}\r\n`,
  `POST / ${HEAD}Content-Length: 5\r\n\r\nhelloGET /2 ${HEAD}\r\n`,
  `POST / ${HEAD}Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nA: b\r\n\r\nGET /2 ${HEAD}\r\n`,
  `POST / ${HEAD}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /2 ${HEAD}\r\n`,
  `PUT http://h/ HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nokOPTIONS * ${HEAD}\r\n`,
  `POST / ${HEAD}Expect: 100-continue\r\nContent-Length: 2\r\n\r\nokDELETE /2 ${HEAD}Connection: close\r\n\r\nGET /3 ${HEAD}\r\n`,
]);

/** Parts that are each plausible; what they mean together is the question. */
const built = fc
  .array(
    fc.record({
      method: fc.constantFrom("GET", "POST", "POST", "HEAD", "get", "FOO"),
      target: fc.constantFrom("/", "/a?b", "http://h/", "http://other/", "*", "//h/", "/ "),
      version: fc.constantFrom("1.1", "1.1", "1.1", "1.0", "1.2"),
      fields: fc.array(
        fc.constantFrom(
          ...[
            "Content-Length: 5",
            "Content-Length: 5",
            "Content-Length:5 ",
            "Content-Length: +5",
            "Content-Length: 5, 5",
          ],
          ...[
            "Content-Length: 05",
            "Content-Length: 0",
            "Content-Length : 5",
            "Content-Length: 5\x0b",
            "Content-Length:",
          ],
          ...[
            "Transfer-Encoding: chunked",
            "Transfer-Encoding: chunked",
            "Transfer-Encoding: Chunked\t",
            "Transfer-Encoding:",
          ],
          ...["Transfer-Encoding: gzip, chunked", "Transfer-Encoding: chunked, chunked", "Transfer-Encoding: identity"],
          ...[
            "Transfer-Encoding\t: chunked",
            "Transfer-Encoding:\r\n chunked",
            'Transfer-Encoding: "chunked"',
            " X: y",
          ],
          ...["Connection: close", "Connection: keep-alive", "Connection: Content-Length", "Host: h", "Host: other"],
          // Long enough to be taken from the request before.
          ...[`Cookie: ${"c=d; ".repeat(12)}`, `Cookie: ${"c=d; ".repeat(12)}e`, `cookie:${"c=d; ".repeat(12)}`],
          ...["Expect: 100-continue", "Expect: x", "X: a\0b", "X: a\rb", "X: a\nb", "X\xff: a", "X: \xff", "X:"],
        ),
        { maxLength: 3 },
      ),
      body: fc.constantFrom(
        ...["", "", "hello", "5\r\nhello\r\n0\r\n\r\n", "0\r\n\r\n", '5;a="b"\r\nhello\r\n0\r\nT: v\r\n\r\n'],
        ...["0x5\r\nhello\r\n0\r\n\r\n", "5 \r\nhello\r\n0\r\n\r\n", "5\nhello\n0\n\n", "5\r\nhelloXX0\r\n\r\n"],
        ...["fffffffffffffffff5\r\nhello\r\n0\r\n\r\n", "5\r\nhello\r\n0\r\nContent-Length: 5\r\n\r\n"],
      ),
    }),
    { minLength: 1, maxLength: 3 },
  )
  .map((messages) => {
    const text = messages.map(({ method, target, version, fields, body }) =>
      [`${method} ${target} HTTP/${version}`, "Host: h", ...fields, "", body].join("\r\n"),
    );
    return Buffer.from(text.join(""), "latin1");
  });

const requests = fc.oneof(damaged, built);

/** Several connections at once, as they would come. */
const batch = fc.array(fc.tuple(requests, fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 40 }))), {
  minLength: 1,
  maxLength: 12,
});

test("bytes that the fast engine takes for requests, node:http takes for the same; all others are refused", async () => {
  let compared = 0;
  await fc.assert(
    fc.asyncProperty(batch, async (connections) => {
      const read = await Promise.all(connections.map(([bytes, size]) => compare(bytes, size)));
      for (const count of read) compared += count;
    }),
    runs(700),
  );
  assert.ok(compared > 1000, `only ${compared} requests were valid`);
});
