import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { Transform } from "node:stream";
import { type TestContext, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { arrivals } from "./arrivals.ts";
import { TestWire } from "./testing.ts";

/** A server whose connections are wires, and a way to have a new one: the wire and the client's end of it. */
async function listen(t: TestContext) {
  const server: Server = createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  t.after(() => server.close());
  return {
    server,
    port,
    async open(received: (bytes: Buffer) => void = () => {}) {
      const accepted = once(server, "connection");
      const client = connect({ port, host: "127.0.0.1", noDelay: true, allowHalfOpen: true });
      const [socket] = (await accepted) as [Socket];
      const wire = new TestWire({ socket: socket, isPlain: true }, received);
      client.on("error", () => {});
      t.after(() => {
        client.destroy();
        wire.socket.destroy();
      });
      return { wire, client };
    },
  };
}

const descriptorOf = (socket: Socket): number => (socket as unknown as { _handle: { fd: number } })._handle.fd;

/** All that comes until the other side ends. */
async function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Numbers, so that a piece that is lost, repeated or out of place is seen. */
function numbers(from: number, count: number): string {
  let text = "";
  for (let i = from; i < from + count; i += 1) text += `${i}\n`;
  return text;
}

test("bytes lie in one buffer that all connections share, until the receiver returns", async (t) => {
  const { open } = await listen(t);
  const kept: Buffer[] = [];
  const texts: string[] = [];
  const receive = (bytes: Buffer) => {
    kept.push(bytes);
    texts.push(bytes.toString());
  };
  for (const text of ["first", "other"]) {
    const { client, wire } = await open(receive);
    client.write(text);
    while (texts.at(-1) !== text) await new Promise((resolve) => setTimeout(resolve, 2));
    assert.equal(wire.socket.bytesRead, 5);
  }
  assert.deepEqual(texts, ["first", "other"]);
  assert.deepEqual(kept.map(String), ["other", "other"]);
});

test("what the system does not take at once follows in its order, and drain tells when it has", async (t) => {
  const { open } = await listen(t);
  const { wire, client } = await open();
  let expected = "";
  let refused = 0;
  for (let i = 0; i < 60; i += 1) {
    const text = numbers(i * 20_000, 20_000);
    expected += text;
    if (!wire.write(i % 2 === 0 ? text : Buffer.from(text))) refused += 1;
  }
  assert.ok(refused > 0 && wire.socket.writableNeedDrain, "the client reads nothing and still all was taken");
  wire.socket.once("drain", () => wire.socket.end());
  const read = await readAll(client);
  assert.ok(read.equals(Buffer.from(expected)));
  assert.equal(wire.drains, 1);
});

/** Write text until the client, who reads nothing, has the system take no more; the socket must know. */
function fill(wire: TestWire): void {
  const text = "x".repeat(8000);
  while (wire.write(text));
  assert.ok(wire.socket.writableLength > 0 && wire.socket.writableNeedDrain);
}

test("text that waits for a client who breaks off is an error of the socket", async (t) => {
  const { open } = await listen(t);
  const { wire, client } = await open();
  fill(wire);
  client.resetAndDestroy();
  await new Promise((resolve) => wire.socket.on("close", resolve));
  assert.match(wire.errors.map(({ code }) => code).join(), /^(ECONNRESET|EPIPE)$/);
});

test("text that waits is given up with its socket", async (t) => {
  const { open } = await listen(t);
  const { wire, client } = await open();
  fill(wire);
  wire.socket.destroy();
  await once(wire.socket, "close");
  assert.deepEqual(wire.errors, []);
  const next = await open();
  next.wire.write("all is well");
  next.wire.socket.end();
  assert.equal((await readAll(next.client)).toString(), "all is well");
  client.destroy();
});

test("where Node does not give its module for streams away, text takes the socket's way", async (t) => {
  const { open } = await listen(t);
  t.mock.method(process as unknown as { binding(): void }, "binding", () => {
    throw new Error("not allowed");
  });
  const anew = "./handle.ts?without-its-module";
  const { handleOf, writeText } = (await import(anew)) as typeof import("./handle.ts");
  const { wire, client } = await open();
  assert.ok(writeText(wire.socket, handleOf(wire.socket)!, "as usual"));
  wire.socket.end();
  assert.equal((await readAll(client)).toString(), "as usual");
  assert.equal(wire.socket.bytesWritten, 8);
});

test("bytes that were written may be overwritten at once", async (t) => {
  const { open } = await listen(t);
  const { wire, client } = await open();
  const bytes = Buffer.alloc(100_000);
  for (let i = 0; i < 100; i += 1) {
    bytes.fill(i);
    wire.write(bytes);
  }
  bytes.fill(0xff);
  wire.socket.end();
  const read = await readAll(client);
  assert.equal(read.length, 10_000_000);
  for (let i = 0; i < 100; i += 1)
    assert.ok(read.subarray(i * 100_000, (i + 1) * 100_000).equals(Buffer.alloc(100_000, i)));
});

test("pieces of any size come in their order, as they are or as chunks", async (t) => {
  const { open } = await listen(t);
  for (const chunked of [false, true]) {
    const { wire, client } = await open();
    wire.text("head\r\n\r\n");
    let expected = "head\r\n\r\n";
    for (const size of [1, 8192, 8193, 0, 100, 65_536, 3, 500_000, 7000, 7000, 7000]) {
      const bytes = Buffer.alloc(size, `${size};`);
      wire.piece(bytes, chunked);
      expected += !chunked ? bytes.toString() : size === 0 ? "" : `${size.toString(16)}\r\n${bytes}\r\n`;
      bytes.fill(0);
    }
    wire.flush();
    wire.socket.end();
    assert.equal((await readAll(client)).toString(), expected);
  }
});

test("what has arrived goes on behind a text of any length", async (t) => {
  const { open } = await listen(t);
  for (const length of [0, 4, 5, 8000, 8192, 8193, 20_000]) {
    const to = await open();
    const before = "x".repeat(length);
    const from = await open((bytes) => {
      to.wire.text(before);
      to.wire.piece(bytes.subarray(4), false);
      from.wire.socket.end();
      to.wire.socket.end();
    });
    from.client.end(`head${numbers(length, 3000)}`);
    assert.equal((await readAll(to.client)).toString(), before + numbers(length, 3000), `a text of ${length}`);
  }
});

test("a wire whose connection is closed writes nowhere, though its descriptor is another's now", async (t) => {
  const { open } = await listen(t);
  let met = 0;
  for (let i = 0; i < 20; i += 1) {
    const { wire, client } = await open();
    const descriptor = descriptorOf(wire.socket);
    if (i % 2 === 0) wire.socket.destroy();
    else wire.socket.resetAndDestroy();
    wire.write("to nobody");
    await once(wire.socket, "close");
    const next = await open();
    const read: string[] = [];
    next.client.on("data", (bytes) => read.push(String(bytes)));
    // The client's end may have got the number.
    if ([descriptorOf(next.wire.socket), descriptorOf(next.client)].includes(descriptor)) met += 1;
    next.wire.socket.on("data", (bytes) => read.push(String(bytes)));
    assert.equal(wire.write("of the one before"), false);
    assert.equal(wire.write(Buffer.from("of the one before")), false);
    next.wire.write("own");
    next.wire.socket.end();
    await once(next.client, "end");
    assert.equal(read.join(""), "own");
    client.destroy();
    next.client.destroy();
  }
  assert.ok(met > 0, "no descriptor was used again");
});

test("a connection that the client has reset is closed by the next write, without a throw", async (t) => {
  const { open } = await listen(t);
  const { wire, client } = await open();
  wire.socket.pause();
  const closed = new Promise((resolve) => wire.socket.on("close", resolve));
  client.resetAndDestroy();
  for (const end = Date.now() + 5000; !wire.socket.destroyed && Date.now() < end; ) {
    wire.write("x");
    await new Promise(setImmediate);
  }
  await closed;
  assert.equal(wire.write("x"), false);
});

test("a server counts a connection until its wire is closed", async (t) => {
  const { server, open } = await listen(t);
  const count = () => new Promise((resolve) => server.getConnections((_error, number) => resolve(number)));
  const { wire } = await open();
  const other = await open();
  assert.equal(await count(), 2);
  const closed = once(wire.socket, "close");
  wire.socket.destroy();
  await closed;
  await new Promise(setImmediate);
  assert.equal(await count(), 1);
  const ended = new Promise((resolve) => server.close(resolve));
  other.wire.socket.destroy();
  await ended;
});

test("nothing is received while paused, also when that is said in the receiver", async (t) => {
  const { open } = await listen(t);
  let received = 0;
  const { wire, client } = await open((bytes) => {
    received += bytes.length;
    wire.socket.pause();
  });
  client.write(Buffer.alloc(300_000));
  let before = -1;
  for (let reads = 0; received < 300_000; reads += 1) {
    assert.ok(reads < 300_000);
    await new Promise((resolve) => setTimeout(resolve, 20));
    if (received === 0) continue;
    assert.notEqual(received, before);
    before = received;
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(received, before, "more came while paused");
    wire.socket.resume();
  }
});

test("a wire that was released is read as a stream, from the byte after what was received", async (t) => {
  const { open } = await listen(t);
  let received = "";
  const { wire, client } = await open((bytes) => {
    received += bytes;
    wire.release();
  });
  client.write("head");
  while (received === "") await new Promise(setImmediate);
  const text = numbers(0, 200_000);
  client.end(text);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(received, "head");
  const read = await readAll(wire.socket);
  assert.ok(read.equals(Buffer.from(text)));
});

test("what has come when a wire is released, but was not taken yet, is read as a stream", async (t) => {
  const { open } = await listen(t);
  const received: string[] = [];
  const [one, other] = [await open(), await open()];
  // Both have come before any is taken; then the first one's has the other released.
  one.wire.take = () => other.wire.release() !== undefined;
  other.wire.take = (bytes) => {
    received.push(String(bytes));
    return TestWire.prototype.take.call(other.wire, bytes);
  };
  one.wire.pause();
  other.wire.pause();
  one.client.write("x");
  other.client.end("all of it");
  await new Promise((resolve) => setTimeout(resolve, 20));
  one.wire.resume();
  other.wire.resume();
  assert.equal((await readAll(other.wire.socket)).toString(), "all of it");
  assert.deepEqual(received, ["all of it"], "it was read anew");
});

test("the end of a connection comes behind its last bytes", async (t) => {
  const { open } = await listen(t);
  const heard: string[] = [];
  const { wire, client } = await open((bytes) => heard.push(String(bytes)));
  wire.socket.on("end", () => heard.push("end"));
  // Then the system tells of the client's end in one event with its bytes.
  wire.socket.end();
  await once(client.resume(), "end");
  wire.pause();
  client.end("bytes");
  await once(client, "finish");
  await new Promise((resolve) => setTimeout(resolve, 20));
  wire.resume();
  await once(wire.socket, "close");
  assert.deepEqual(heard, ["bytes", "end"]);
});

/** What libuv does when the system tells of a connection: with text that has come, or its end; both may be in one turn. */
function tell(socket: Socket, what: string | "end"): void {
  const { binding } = process as unknown as { binding(name: string): StreamModule };
  const { streamBaseState, kReadBytesOrError } = binding("stream_wrap");
  if (what !== "end") arrivals.write(what, "latin1");
  streamBaseState[kReadBytesOrError] = what === "end" ? UV_EOF : what.length;
  (socket as unknown as { _handle: { onread(bytes?: unknown): void } })._handle.onread();
}

interface StreamModule {
  readonly streamBaseState: Int32Array;
  readonly kReadBytesOrError: number;
}

const UV_EOF = -4095;

test("what the system tells in one turn is taken in its order: the end behind the last bytes", async (t) => {
  const { open } = await listen(t);
  const heard: string[] = [];
  const { wire } = await open((bytes) => heard.push(String(bytes)));
  wire.socket.on("end", () => heard.push("end"));
  tell(wire.socket, "bytes");
  assert.deepEqual(heard, []);
  tell(wire.socket, "end");
  assert.deepEqual(heard, ["bytes"]);
  await once(wire.socket, "end");
  await turn();
  assert.deepEqual(heard, ["bytes", "end"]);
});

test("what the system tells in one turn is taken in its order: also when the socket has got a timeout meanwhile", async (t) => {
  const { open } = await listen(t);
  const heard: string[] = [];
  const { wire } = await open((bytes) => heard.push(String(bytes)));
  wire.socket.on("end", () => heard.push("end"));
  tell(wire.socket, "one");
  wire.setTimeout(1000);
  assert.deepEqual(heard, []);
  tell(wire.socket, "two");
  assert.deepEqual(heard, ["one", "two"]);
  wire.setTimeout(0);
  tell(wire.socket, "three");
  assert.deepEqual(heard, ["one", "two"]);
  wire.setTimeout(1000);
  tell(wire.socket, "end");
  assert.deepEqual(heard, ["one", "two", "three"]);
  await once(wire.socket, "end");
  await turn();
  assert.deepEqual(heard, ["one", "two", "three", "end"]);
});

test("reading on begins a socket's timeout anew", async (t) => {
  const { open } = await listen(t);
  const received: string[] = [];
  const { wire, client } = await open((bytes) => received.push(String(bytes)));
  let stalled = 0;
  wire.socket.on("timeout", () => (stalled += 1));
  wire.setTimeout(300);
  for (let i = 0; i < 8; i += 1) {
    client.write(`${i}`);
    await new Promise((resolve) => setTimeout(resolve, 60));
  }
  assert.equal(received.join(""), "01234567");
  assert.equal(stalled, 0);
  await once(wire.socket, "timeout");
});

test("a connection of our own reads into the shared buffer, and what is written before it is open waits", async (t) => {
  const server = createServer((socket) => socket.pipe(socket)).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const { port } = server.address() as { port: number };
  let received = "";
  const wire = new TestWire({ to: { port, host: "127.0.0.1" } }, (bytes) => void (received += bytes));
  t.after(() => wire.socket.destroy());
  wire.write("one ");
  await once(wire.socket, "connect");
  wire.write("two");
  while (received.length < 7) await new Promise((resolve) => setTimeout(resolve, 2));
  assert.equal(received, "one two");
});

// ----- what is written in one turn

/** A stream that takes its time, and the pieces that were written to it. */
function slowStream(highWaterMark: number): { stream: Socket; left: string[] } {
  const stream = new Transform({
    highWaterMark,
    transform: (_data, _encoding, done) => void setTimeout(done, 10),
  });
  const left: string[] = [];
  const write = stream.write.bind(stream);
  stream.write = ((data: string | Uint8Array, ...rest: never[]) => {
    left.push(typeof data === "string" ? data : Buffer.from(data).toString("latin1"));
    return write(data, ...rest);
  }) as never;
  return { stream: stream as never, left };
}

/** A wire over a slow stream, and the pieces that have left it. */
function slow(highWaterMark = 65_536) {
  const { stream, left } = slowStream(highWaterMark);
  return { wire: new TestWire({ socket: stream, isPlain: false }), left };
}

test("what is written in a turn leaves at its end, as one piece for each connection", async () => {
  const [a, b] = [slow(), slow()];
  a.wire.text("head;");
  b.wire.text("other;");
  assert.equal(a.wire.piece(Buffer.from("body;"), false), true);
  a.wire.textPiece("text", true);
  assert.deepEqual([a.left, b.left], [[], []]);
  await turn();
  assert.deepEqual([a.left, b.left], [["head;body;4\r\ntext\r\n"], ["other;"]]);
  a.wire.text("next");
  await turn();
  assert.deepEqual(a.left, ["head;body;4\r\ntext\r\n", "next"]);
});

test("what is flushed leaves at once, and nothing of it again", async () => {
  const { left, wire } = slow();
  wire.text("now");
  wire.flush();
  assert.deepEqual(left, ["now"]);
  wire.flush();
  await turn();
  assert.deepEqual(left, ["now"]);
});

test("many connections do not wait for each other to the end of a turn, nor does a long text", () => {
  const wires = Array.from({ length: 200 }, () => slow());
  for (const { wire } of wires) wire.text("x");
  assert.ok(wires.slice(0, 128).every(({ left }) => left.length === 1));
  const { left, wire } = slow();
  wire.text("y".repeat(10_000));
  assert.equal(left.length, 1);
});

test("who writes is told when no more is taken, also at the end of the turn", async () => {
  const { wire } = slow(10);
  wire.text("x".repeat(100));
  assert.equal(wire.blocks, 0);
  await turn();
  assert.equal(wire.blocks, 1);
  assert.equal(wire.piece(Buffer.from("y"), false), false);
});

test("what is written while others leave, leaves with them", async () => {
  const others = Array.from({ length: 150 }, () => slow());
  const { stream, left } = slowStream(10);
  class Eager extends TestWire {
    protected override blocked(): void {
      for (const { wire } of others) wire.text("y");
    }
  }
  others[149]!.wire.text("x");
  new Eager({ socket: stream, isPlain: false }).text("x".repeat(100));
  others[0]!.wire.text("x");
  await turn();
  assert.equal(left.length, 1);
  const expected = others.map((_, i) => (i === 0 ? "xy" : i === 149 ? "x|y" : "y"));
  assert.deepEqual(
    others.map(({ left }) => left.join("|")),
    expected,
  );
  for (const { wire } of others) wire.text("z");
  await turn();
  assert.deepEqual(
    others.map(({ left }) => left.join("|")),
    expected.map((text) => `${text}|z`),
  );
});
