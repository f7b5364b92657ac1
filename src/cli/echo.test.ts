import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { connect } from "node:net";
import { type TestContext, test } from "node:test";
import { WebSocket } from "ws";
import { startEcho } from "./echo-server.ts";
import { runWith } from "./testing.ts";

async function start(t: TestContext) {
  const echo = await startEcho();
  t.after(() => echo.close());
  return echo;
}

interface Answer {
  readonly response: IncomingMessage;
  readonly text: string;
}

async function send(
  port: number,
  path: string,
  { method = "GET", headers = {}, body = [] as (string | Buffer)[], trailers = {} } = {},
): Promise<Answer> {
  const outgoing = request({ port, host: "127.0.0.1", path, method, headers, agent: false });
  for (const piece of body) outgoing.write(piece);
  outgoing.addTrailers(trailers);
  outgoing.end();
  const [response] = (await once(outgoing, "response")) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  return { response, text: Buffer.concat(chunks).toString() };
}

test("a request is answered with its picture", async (t) => {
  const { port } = await start(t);
  const { response, text } = await send(port, "/a?b=1", {
    method: "POST",
    headers: { "X-A": ["1", "2"], Cookie: "c=d" },
    body: ["grüß ", "dich"],
  });
  assert.equal(response.statusCode, 200);
  assert.equal(response.headers["content-type"], "application/json");
  assert.equal(response.headers["x-upstream"], "echo");
  assert.equal(response.headers["content-length"], String(Buffer.byteLength(text)));
  const { headers, ...picture } = JSON.parse(text);
  assert.deepEqual(picture, { method: "POST", url: "/a?b=1", httpVersion: "1.1", body: "grüß dich" });
  assert.deepEqual(headers.slice(0, 3), [
    ["X-A", "1"],
    ["X-A", "2"],
    ["Cookie", "c=d"],
  ]);
});

test("bodies that are no text are shown as base64, large ones by length and hash", async (t) => {
  const { port } = await start(t);
  const bytes = JSON.parse((await send(port, "/", { method: "PUT", body: [Buffer.from([0xff, 0x00])] })).text);
  assert.deepEqual([bytes.body, bytes.bodyEncoding], ["/wA=", "base64"]);
  const large = JSON.parse(
    (await send(port, "/", { method: "PUT", body: [Buffer.alloc(1024 * 1024, "a"), "a"] })).text,
  );
  assert.deepEqual([large.body, large.bodyLength], [null, 1048577]);
  assert.match(large.bodySha256, /^[0-9a-f]{64}$/);
});

test("arguments steer the answer, and what they cannot mean is ignored", async (t) => {
  const { port } = await start(t);
  assert.equal((await send(port, "/?__status=418")).response.statusCode, 418);
  for (const status of ["099", "100", "600", "-1", "abc", "", "2e2"]) {
    assert.equal((await send(port, `/?__status=${status}`)).response.statusCode, 200, status);
  }
  assert.deepEqual((await send(port, "/?__cookie")).response.headers["set-cookie"], ["up1=a; Path=/", "up2=b"]);
  const { headers } = (await send(port, "/?__server&__chunked")).response;
  assert.deepEqual(
    [headers.server, headers.via, headers["x-powered-by"], headers["transfer-encoding"]],
    ["echo/1.0", "1.1 up", "me", "chunked"],
  );
  const started = performance.now();
  await send(port, "/?__delay=40");
  assert.ok(performance.now() - started >= 38);
  await send(port, "/?__delay=-5&__delay=x");
  await send(port, "//??&&=%");
});

test("trailers are shown and sent", async (t) => {
  const { port } = await start(t);
  const sent = {
    method: "POST",
    headers: { Trailer: "X-Sum", "Transfer-Encoding": "chunked" },
    body: ["a"],
    trailers: { "X-Sum": "1" },
  };
  const { response, text } = await send(port, "/?__trailer", sent);
  assert.deepEqual(JSON.parse(text).trailers, [["X-Sum", "1"]]);
  assert.deepEqual(response.trailers, { "x-echo-trailer": "end" });
});

test("HEAD and 204 have no body", async (t) => {
  const { port } = await start(t);
  const head = await send(port, "/", { method: "HEAD" });
  assert.equal(head.text, "");
  assert.ok(Number(head.response.headers["content-length"]) > 0);
  assert.equal((await send(port, "/?__status=204")).text, "");
});

test("a WebSocket gets back what it sends, of any size and kind", async (t) => {
  const { port } = await start(t);
  const socket = new WebSocket(`ws://127.0.0.1:${port}/chat`);
  t.after(() => socket.terminate());
  await once(socket, "open");
  for (const message of ["", "hello", "x".repeat(126), "y".repeat(70_000), Buffer.from([1, 2, 3])]) {
    socket.send(message);
    const [data, isBinary] = (await once(socket, "message")) as [Buffer, boolean];
    assert.equal(isBinary, typeof message !== "string");
    assert.deepEqual(data, Buffer.from(message));
  }
  socket.ping("p");
  assert.equal(String((await once(socket, "pong"))[0]), "p");
  socket.close(1000, "done");
  assert.equal((await once(socket, "close"))[0], 1000);
});

test("what is no WebSocket is refused, and a frame against the rules ends the connection", async (t) => {
  const { port } = await start(t);
  const rows: [bytes: string, answer: RegExp][] = [
    ["GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: other\r\n\r\n", /^HTTP\/1\.1 426 /],
    ["GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", /^HTTP\/1\.1 426 /],
    // Not masked; and then a length of 2^63.
    [
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: a\r\n\r\n\x81\x01a",
      /\r\n\r\n\x88\x02\x03\xea$/,
    ],
    [
      `GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: a\r\n\r\n\x81\xff\x80${"\0".repeat(7)}`,
      /\r\n\r\n\x88\x02\x03\xea$/,
    ],
  ];
  for (const [bytes, answer] of rows) {
    const socket = connect(port, "127.0.0.1");
    socket.write(bytes, "latin1");
    let text = "";
    for await (const chunk of socket.setEncoding("latin1")) text += chunk;
    assert.match(text, answer);
  }
});

test("closing breaks what is open", async () => {
  const echo = await startEcho();
  const socket = new WebSocket(`ws://127.0.0.1:${echo.port}/`);
  await once(socket, "open");
  const waiting = assert.rejects(send(echo.port, "/?__delay=60000"));
  await echo.close();
  await waiting;
  await once(socket, "close");
});

test("a port in use is one line and exit code 1", async (t) => {
  const { port } = await start(t);
  const { code, errors } = await runWith(["echo", "--port", String(port)]);
  assert.equal(code, 1);
  assert.deepEqual(errors, [`sesame: 127.0.0.1:${port} is in use by another process`]);
});

test("the command listens until it is told to stop", async () => {
  const launcher = new URL("../../bin/sesame", import.meta.url).pathname;
  const child = spawn(process.execPath, [launcher, "echo", "--port", "0"], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(child.stdout.setEncoding("utf8"), "data")) as [string];
  const [, url = ""] = /^echo upstream at (http:\/\/127\.0\.0\.1:\d+)\n$/.exec(line) ?? [];
  assert.equal((await fetch(`${url}/x`)).status, 200);
  child.kill("SIGTERM");
  assert.deepEqual(await once(child, "exit"), [0, null]);
});
