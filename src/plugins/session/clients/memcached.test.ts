import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { openMemcached } from "./memcached.ts";

/** Give this answer to every command. */
const always = (answer: string) => (socket: Socket) =>
  socket.on("data", (bytes: Buffer) => {
    for (const _ of bytes.toString().matchAll(/\r\n/g)) socket.write(answer);
  });

/** A client of a server that does this with every connection. */
async function clientOf(t: TestContext, serve: (socket: Socket) => void) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on("error", () => undefined));
    serve(socket);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const client = openMemcached({ port, connect_timeout: 50, read_timeout: 50 });
  t.after(async () => {
    await client.close();
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { client, sockets };
}

const rows: readonly (readonly [what: string, serve: (socket: Socket) => void, message: RegExp])[] = [
  ["is silent", () => undefined, /took longer than 100 ms/],
  ["closes at once", (socket) => socket.destroy(), /closed the connection|ECONNRESET|EPIPE/],
  ["closes in the middle", (socket) => socket.end("VALUE k 0 100 1\r\nabc"), /closed the connection/],
  [
    "speaks another protocol",
    (socket) => socket.write("HTTP/1.1 400 Bad Request\r\n\r\n"),
    /answered "HTTP\/1.1 400|nobody asked|closed/,
  ],
  ["answers something else", always("TOUCHED\r\n"), /answered "TOUCHED"/],
  ["answers with another key", always("VALUE x 0 1 1\r\n1\r\nEND\r\n"), /another key/],
  ["is out of order", always("SERVER_ERROR busy\r\n"), /answered "SERVER_ERROR busy"/],
];
for (const [what, serve, message] of rows) {
  test(`a server that ${what} is an error for all who wait`, async (t) => {
    const { client } = await clientOf(t, serve);
    const waiting = [client.get("a"), client.get("b"), client.get("c")];
    for (const each of waiting) await assert.rejects(each, message);
  });
}

test("after an answer out of place the next command has a connection of its own", async (t) => {
  let connections = 0;
  const { client, sockets } = await clientOf(t, (socket) => {
    const answer = ++connections === 1 ? "ERROR\r\n" : "END\r\n";
    socket.on("data", () => socket.write(answer));
  });
  await assert.rejects(client.get("a"), /answered "ERROR"/);
  assert.equal(await client.get("a"), undefined);
  assert.equal(sockets.size, 2);
});

test("a server that cannot tell a lifetime keeps its connection", async (t) => {
  const { client, sockets } = await clientOf(t, (socket) => {
    socket.on("data", (bytes) => socket.write(String(bytes).startsWith("mg") ? "ERROR\r\n" : "TOUCHED\r\n"));
  });
  assert.equal(await client.life("a"), Number.POSITIVE_INFINITY);
  await client.touch("a", 10);
  assert.equal(sockets.size, 1);
});

test("a client that was closed connects no more", async (t) => {
  const { client, sockets } = await clientOf(t, (socket) => socket.on("data", () => socket.write("END\r\n")));
  await client.get("a");
  await client.close();
  await assert.rejects(client.get("a"), /was closed/);
  assert.equal(sockets.size, 1);
});
