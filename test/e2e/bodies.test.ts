import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { echoUrl, startProxy } from "../helpers/proxy.ts";
import { startTcpProxy } from "../helpers/tcp-proxy.ts";
import { until } from "../helpers/until.ts";
import { startRawUpstream, startUpstream } from "../helpers/upstream.ts";
import { ask, doorsOf, http1Of, open, openHttp2 } from "../helpers/wire.ts";

const PIECE = Buffer.alloc(65_536, "sesame ");
const PIECES = 640;
const LARGE = PIECE.length * PIECES;

/** Write forty megabytes, as fast as they are taken; answers how many bytes have been given away so far. */
function pour(to: {
  write(chunk: Buffer): boolean;
  once(event: "drain", listener: () => void): unknown;
  end(): unknown;
}) {
  const poured = { bytes: 0 };
  const more = (): void => {
    while (poured.bytes < LARGE) {
      poured.bytes += PIECE.length;
      if (!to.write(PIECE)) return void to.once("drain", more);
    }
    to.end();
  };
  more();
  return poured;
}

test("a large answer waits for a slow reader and then arrives whole, in flat memory", async (t) => {
  const gateway = await startProxy(t);
  let poured = { bytes: 0 };
  const upstream = await startUpstream(t, (_, response) => {
    response.writeHead(200, { "Content-Length": LARGE });
    poured = pour(response);
  });
  const path = await gateway.mount(upstream.url);
  for (const door of http1Of(gateway)) {
    const wire = await open(t, door);
    wire.ask({ path });
    await wire.head();
    wire.socket.pause();
    const before = process.memoryUsage().arrayBuffers;
    let last = -1;
    await until(() => {
      const stands = last === poured.bytes;
      last = poured.bytes;
      return stands;
    });
    await wait(100);
    assert.ok(poured.bytes < LARGE, `${door.name}: the upstream could send everything although nobody read it`);
    assert.ok(
      process.memoryUsage().arrayBuffers - before < 8_000_000,
      `${door.name}: the gateway piles up what nobody reads`,
    );
    let got = 0;
    wire.socket.removeAllListeners("data");
    wire.socket.on("data", (chunk: Buffer) => (got += chunk.length));
    wire.socket.resume();
    await until(() => got > LARGE - 65_536 && poured.bytes === LARGE, "all has come", 10_000);
    wire.socket.destroy();
  }
});

test("a large answer waits for a slow HTTP/2 reader", async (t) => {
  const gateway = await startProxy(t);
  let poured = { bytes: 0 };
  const upstream = await startUpstream(t, (_, response) => {
    poured = pour(response);
  });
  const path = await gateway.mount(upstream.url);
  const stream = openHttp2(t, doorsOf(gateway)[2]!).request({ ":path": path, ":authority": "h" });
  await once(stream, "response");
  await wait(200);
  const stood = poured.bytes;
  assert.ok(stood < LARGE);
  let got = 0;
  stream.on("data", (chunk: Buffer) => (got += chunk.length));
  await once(stream, "end");
  assert.equal(got, LARGE);
});

test("a large upload waits for a slow upstream and then arrives whole", async (t) => {
  const gateway = await startProxy(t);
  let request: IncomingMessage | undefined;
  const upstream = await startUpstream(t, (incoming, response) => {
    request = incoming;
    const hash = createHash("sha256");
    incoming.pause();
    incoming.on("data", (chunk) => hash.update(chunk));
    incoming.on("end", () => response.end(hash.digest("hex")));
    incoming.pause();
  });
  const path = await gateway.mount(upstream.url);
  const expected = createHash("sha256");
  for (let i = 0; i < PIECES; i++) expected.update(PIECE);
  const digest = expected.digest("hex");
  for (const door of http1Of(gateway)) {
    request = undefined;
    const wire = await open(t, door);
    wire.send(`PUT ${path} HTTP/1.1\r\nHost: h\r\nContent-Length: ${LARGE}\r\n\r\n`);
    const poured = pour({
      write: (chunk) => wire.socket.write(chunk),
      once: (event, listener) => wire.socket.once(event, listener),
      end: () => {},
    });
    await until(() => request !== undefined);
    await wait(200);
    assert.ok(poured.bytes < LARGE, `${door.name}: the gateway takes more than the upstream does`);
    request!.resume();
    assert.equal((await wire.answer()).body, digest, door.name);
  }
  request = undefined;
  const stream = openHttp2(t, doorsOf(gateway)[2]!).request({ ":method": "PUT", ":path": path, ":authority": "h" });
  const poured = pour(stream);
  await until(() => request !== undefined);
  await wait(200);
  assert.ok(poured.bytes < LARGE);
  request!.resume();
  const [chunk] = await once(stream, "data");
  assert.equal(String(chunk), digest);
});

test("bodies keep their length, and chunked ones their chunks' content", async (t) => {
  const gateway = await startProxy(t);
  const url = await echoUrl(t);
  const path = await gateway.mount(url);
  for (const door of doorsOf(gateway)) {
    const sized = (
      await ask(t, door, { method: "POST", path, body: "caf\u00e9", headers: ["Content-Length", "5"] })
    ).picture();
    assert.equal(sized.body, "caf\u00e9", door.name);
    assert.deepEqual(sized.seen("content-length"), ["5"]);
    const empty = (await ask(t, door, { method: "POST", path, body: "" })).picture();
    assert.equal(empty.body, "");
    const none = (await ask(t, door, { path })).picture();
    assert.deepEqual([...none.seen("content-length"), ...none.seen("transfer-encoding")], [], "no body, no framing");
  }
  for (const door of http1Of(gateway)) {
    const wire = await open(t, door);
    wire.send(`POST ${path} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n4;a=b\r\nopen\r\n`);
    wire.send('7 ;x="y"\r\n sesame\r\n0\r\n\r\n'.replace(" ;", ";"));
    const picture = (await wire.answer()).picture();
    assert.equal(picture.body, "open sesame", door.name);
    assert.deepEqual(picture.seen("transfer-encoding"), ["chunked"]);
    assert.deepEqual(picture.seen("content-length"), []);
    wire.ask({ path: `${path}?__chunked=1` });
    const chunked = await wire.answer();
    assert.equal(chunked.field("transfer-encoding"), "chunked");
    assert.equal(chunked.picture().method, "GET");
  }
  const unsized = openHttp2(t, doorsOf(gateway)[2]!).request({ ":method": "POST", ":path": path, ":authority": "h" });
  unsized.end("no length");
  const [chunk] = await once(unsized, "data");
  assert.equal(JSON.parse(String(chunk)).body, "no length");
});

test("each piece of a body is passed on as it comes", async (t) => {
  const gateway = await startProxy(t);
  const upstream = await startUpstream(t, (request, response) => {
    response.writeHead(200);
    request.on("data", (chunk: Buffer) => response.write(`got ${chunk}`));
    request.on("end", () => response.end("."));
  });
  const path = await gateway.mount(upstream.url);
  for (const door of http1Of(gateway)) {
    const wire = await open(t, door);
    let text = "";
    wire.socket.on("data", (chunk: Buffer) => (text += chunk));
    wire.send(`POST ${path} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n`);
    await until(() => text.includes("got one"));
    wire.send("3\r\ntwo\r\n");
    await until(() => text.includes("got two"));
    wire.send("0\r\n\r\n");
    await until(() => text.endsWith("0\r\n\r\n"));
  }
});

test("100 Continue comes from the gateway once the body is wanted, and not before a refusal", async (t) => {
  const gateway = await startProxy(t);
  const url = await echoUrl(t);
  const path = await gateway.mount(url);
  for (const door of http1Of(gateway)) {
    const wire = await open(t, door);
    wire.ask({ method: "POST", path, headers: ["Expect", "100-continue", "Content-Length", "4"] });
    assert.equal((await wire.head()).status, 100, door.name);
    wire.send("body");
    const picture = (await wire.answer()).picture();
    assert.equal(picture.body, "body");
    assert.deepEqual(picture.seen("expect"), []);

    wire.ask({ method: "POST", path: "/unrouted", headers: ["Expect", "100-continue", "Content-Length", "4"] });
    const refused = await wire.answer();
    assert.equal(refused.status, 404, door.name);
    assert.deepEqual(refused.informational, []);
    assert.equal(refused.field("connection"), "close");
    await wire.closed;

    const odd = await ask(t, door, { path, headers: ["Expect", "the unexpected"] });
    assert.equal(odd.status, 417);
  }
  const stream = openHttp2(t, doorsOf(gateway)[2]!).request(
    { ":method": "POST", ":path": path, ":authority": "h", expect: "100-continue" },
    { endStream: false },
  );
  await once(stream, "continue");
  stream.end("body");
  const [chunk] = await once(stream, "data");
  assert.equal(JSON.parse(String(chunk)).body, "body");
});

test("an upstream that answers before the body has ended is heard", { concurrency: true }, async (t) => {
  const gateway = await startProxy(t);
  const early = await startRawUpstream(t, (socket) => {
    socket.once("data", () => socket.write("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig"));
  });
  const path = await gateway.mount(early.url);
  for (const door of http1Of(gateway)) {
    const wire = await open(t, door);
    wire.ask({ method: "POST", path, headers: ["Content-Length", "10"] });
    wire.send("12345");
    const answer = await wire.answer();
    assert.equal(answer.status, 413, door.name);
    assert.equal(answer.body, "big");
    assert.equal(answer.field("connection"), "keep-alive");
    // The rest of the body is no request.
    wire.send("67890");
    wire.ask({ path: "/unrouted" });
    assert.equal((await wire.answer()).status, 404, door.name);
  }
  const stream = openHttp2(t, doorsOf(gateway)[2]!).request({ ":method": "POST", ":path": path, ":authority": "h" });
  stream.write("12345");
  const [headers] = await once(stream, "response");
  assert.equal(headers[":status"], 413);
  stream.resume();
  stream.on("error", () => {});
  await once(stream, "close");
});

test("a refusal reaches a client that is still sending", async (t) => {
  const gateway = await startProxy(t, { client_max_body_size: "100k" });
  const url = await echoUrl(t);
  const path = await gateway.mount(url);
  for (const door of http1Of(gateway)) {
    const announced = await open(t, door);
    announced.send(`PUT ${path} HTTP/1.1\r\nHost: h\r\nContent-Length: ${LARGE}\r\n\r\n`);
    for (let i = 0; i < 20; i++) announced.send(PIECE);
    const answer = await announced.answer();
    assert.equal(answer.status, 413, door.name);
    assert.equal(answer.field("connection"), "close");
    assert.match(answer.body, /Payload too large/);
    announced.socket.destroy();

    const unannounced = await open(t, door);
    unannounced.send(`PUT ${path} HTTP/1.1\r\nHost: h\r\nAccept: text/html\r\nTransfer-Encoding: chunked\r\n\r\n`);
    for (let i = 0; i < 3; i++) unannounced.send(`10000\r\n${PIECE.toString("latin1")}\r\n`);
    const late = await unannounced.answer();
    assert.equal(late.status, 413, door.name);
    assert.match(late.body, /<p>Payload too large\.<\/p>/);
    unannounced.socket.destroy();

    assert.equal((await ask(t, door, { method: "PUT", path, body: PIECE })).status, 200, "below the limit");

    // Who reads only when all is written reads the answer, too.
    const stubborn = await open(t, door);
    stubborn.socket.pause();
    stubborn.send(`PUT ${path} HTTP/1.1\r\nHost: h\r\nContent-Length: ${LARGE}\r\n\r\n`);
    const poured = pour(stubborn.socket);
    await until(() => poured.bytes === LARGE && stubborn.socket.writableLength === 0, door.name, 20_000);
    stubborn.socket.resume();
    assert.equal((await stubborn.answer()).status, 413, door.name);
  }
  const refused = await ask(t, doorsOf(gateway)[2]!, { method: "PUT", path, body: Buffer.alloc(200_000) });
  assert.equal(refused.status, 413);
});

test("HEAD, 204 and 304 have no body, and keep the fields that describe one", async (t) => {
  const gateway = await startProxy(t);
  const upstream = await startRawUpstream(t, (socket) => {
    socket.on("data", (chunk: Buffer) => {
      const [, method, status] = /^(\w+) \/(?:\?s=(\d+))? /.exec(chunk.toString("latin1"))!;
      const fields = `Content-Type: text/x\r\nTrailer: X-T\r\nContent-Length: 12\r\n\r\n`;
      socket.write(`HTTP/1.1 ${status ?? 200} -\r\n${fields}${method === "HEAD" || status ? "" : "twelve bytes"}`);
    });
  });
  const path = await gateway.mount(upstream.url);
  for (const door of doorsOf(gateway)) {
    const head = await ask(t, door, { method: "HEAD", path, headers: ["TE", "trailers"] });
    assert.equal(head.status, 200, door.name);
    assert.equal(head.field("content-length"), "12", door.name);
    for (const status of [204, 304]) {
      const bodiless = await ask(t, door, { path: `${path}?s=${status}` });
      assert.equal(bodiless.status, status, door.name);
      assert.equal(bodiless.field("content-type"), "text/x");
      // Clients of HTTP/2 would take it for a broken stream.
      const isLeftOut = status === 204 && door.name === "h2";
      assert.equal(bodiless.field("content-length"), isLeftOut ? undefined : "12");
      assert.equal(bodiless.length, 0);
    }
    const own = await ask(t, door, { method: "HEAD", path: "/unrouted" });
    assert.equal(own.status, 404);
    assert.ok(Number(own.field("content-length")) > 50);
    assert.equal(own.length, 0);
  }
  // Nothing may be left on the connection: the next answer begins at its first byte.
  for (const door of http1Of(gateway)) {
    const wire = await open(t, door);
    for (const [method, query, status] of [
      ["HEAD", "", 200],
      ["GET", "?s=204", 204],
      ["GET", "?s=304", 304],
      ["GET", "", 200],
    ] as const) {
      wire.ask({ method, path: path + query });
      assert.equal((await wire.answer(method)).status, status, door.name);
    }
  }
});

test("103 reaches the client before the answer, as it was sent", async (t) => {
  const gateway = await startProxy(t);
  const upstream = await startRawUpstream(t, (socket) => {
    socket.on("data", () => {
      socket.write("HTTP/1.1 102 Processing\r\n\r\n");
      socket.write(
        "HTTP/1.1 103 Early Hints\r\nLink: <broken; rel=\r\nLink: </a.css>; rel=preload\r\nX-A: 1\r\nConnection: x-b\r\nX-B: 2\r\n\r\n",
      );
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    });
  });
  const path = await gateway.mount(upstream.url);
  for (const door of doorsOf(gateway)) {
    const answer = await ask(t, door, { path });
    assert.equal(answer.body, "ok");
    const [hints, ...others] = answer.informational;
    assert.deepEqual(others, [], door.name);
    assert.equal(hints!.status, 103);
    assert.deepEqual(
      hints!.list.map((text) => text.toLowerCase()),
      ["link", "<broken; rel=", "link", "</a.css>; rel=preload", "x-a", "1"],
    );
  }
  const old = await open(t, doorsOf(gateway)[0]!);
  old.send(`GET ${path} HTTP/1.0\r\nHost: h\r\n\r\n`);
  assert.deepEqual((await old.answer()).informational, []);
});

test("informational answers do not wait for a client that does not read", async (t) => {
  const COUNT = 20_000;
  const hint = `HTTP/1.1 103 Early Hints\r\nLink: ${"x".repeat(2000)}\r\n\r\n`;
  const gateway = await startProxy(t);
  let asked = 0;
  let isDone = false;
  const upstream = await startRawUpstream(t, (socket) => {
    socket.on("data", () => {
      asked += 1;
      socket.write(hint.repeat(COUNT));
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", () => (isDone = true));
    });
  });
  const path = await gateway.mount(upstream.url);
  for (const door of http1Of(gateway)) {
    isDone = false;
    const wire = await open(t, door);
    wire.socket.pause();
    wire.ask({ path });
    await until(() => isDone, door.name, 20_000);
    wire.socket.resume();
    const answer = await wire.answer();
    assert.equal(answer.body, "ok", door.name);
    const { length } = answer.informational;
    assert.ok(length > 0 && length < COUNT / 2, `${door.name}: ${length}`);
  }

  const before = asked;
  isDone = false;
  const { host, port } = doorsOf(gateway)[2]!;
  const relay = await startTcpProxy(t, port);
  const session = openHttp2(t, { host, port: relay.port });
  await once(session, "connect");
  const stream = session.request({ ":path": path, ":authority": "h" });
  let hints = 0;
  stream.on("headers", () => (hints += 1));
  const answered = once(stream, "response");
  await until(() => asked > before);
  relay.block();
  await until(() => isDone, "h2", 20_000);
  relay.open();
  assert.equal((await answered)[0][":status"], 200);
  assert.ok(hints > 0 && hints < COUNT / 2, `h2: ${hints}`);
});

test("trailers travel both ways, without what may not stand in the head either", async (t) => {
  const gateway = await startProxy(t);
  const url = await echoUrl(t);
  const path = await gateway.mount(url);
  for (const door of http1Of(gateway)) {
    const wire = await open(t, door);
    wire.send(
      `POST ${path}?__trailer=1 HTTP/1.1\r\nHost: h\r\nTE: trailers\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n` +
        "2\r\nhi\r\n0\r\nX-Sum: 42\r\nX-Consumer-ID: admin\r\n\r\n",
    );
    const answer = await wire.answer();
    assert.deepEqual(answer.picture().trailers, [["X-Sum", "42"]], door.name);
    assert.equal(answer.field("trailer"), "X-Echo-Trailer");
    assert.deepEqual(answer.trailers, { "x-echo-trailer": "end" });
    wire.ask({ path: `${path}?__trailer=1` });
    const unasked = await wire.answer();
    assert.equal(unasked.field("trailer"), undefined);
    assert.deepEqual(unasked.trailers, {}, "only for those who ask for them");
  }
  const stream = openHttp2(t, doorsOf(gateway)[2]!).request(
    { ":method": "POST", ":path": `${path}?__trailer=1`, ":authority": "h", te: "trailers" },
    { waitForTrailers: true },
  );
  stream.on("wantTrailers", () => stream.sendTrailers({ "x-sum": "42", "x-consumer-id": "admin" }));
  stream.end("hi");
  let text = "";
  stream.on("data", (chunk) => (text += chunk));
  const [trailers] = await once(stream, "trailers");
  assert.equal(trailers["x-echo-trailer"], "end");
  assert.deepEqual(JSON.parse(text).trailers, [["x-sum", "42"]]);
});

test("an old client gets a body of unknown length until the connection ends, and sees when it is cut", async (t) => {
  const gateway = await startProxy(t);
  let broken: ServerResponse | undefined;
  const upstream = await startUpstream(t, (request, response) => {
    response.write("begun");
    if (request.url === "/cut") broken = response;
    else response.end(", done");
  });
  const path = await gateway.mount(upstream.url);
  for (const door of http1Of(gateway)) {
    const wire = await open(t, door);
    wire.send(`GET ${path} HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n`);
    const answer = await wire.answer();
    assert.equal(answer.body, "begun, done", door.name);
    assert.equal(answer.field("connection"), "close");
    assert.equal(answer.field("transfer-encoding"), undefined);

    const sized = await open(t, door);
    sized.send(`HEAD ${path} HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n`);
    assert.equal((await sized.answer("HEAD")).field("connection"), "keep-alive", door.name);
    sized.send(`HEAD ${path} HTTP/1.0\r\nHost: h\r\n\r\n`);
    assert.equal((await sized.answer("HEAD")).field("connection"), "close", door.name);
    await sized.closed;

    for (const version of ["1.0", "1.1"]) {
      broken = undefined;
      const cut = await open(t, door);
      let failure: Error | undefined;
      cut.socket.on("error", (error) => (failure = error));
      cut.send(`GET ${path}/cut HTTP/${version}\r\nHost: h\r\n\r\n`);
      await cut.head();
      await until(() => broken !== undefined);
      broken!.destroy();
      if (version === "1.1") await assert.rejects(cut.answer(), door.name);
      await cut.closed;
      if (version === "1.0" && door.name === "plain") assert.match(String(failure), /ECONNRESET/);
    }
  }
});
