import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { setTimeout as wait } from "node:timers/promises";
import { parentPort } from "node:worker_threads";
import { isMarked, type Kind, marked } from "./marks.ts";

/**
 * An upstream for a worker thread, whose every byte tells for which request it is. A thread of its own, as it would come to
 * accept too few connections; its descriptors are still those of the process.
 */

const PIECE = 7001;

/** Tells what is wrong with a request; the first message is the port. */
const fault = (what: string): void => parentPort!.postMessage(what);

const server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
  answer(request, response).catch(() => response.destroy());
});
server.on("upgrade", serveSocket);
server.on("connection", (socket) => socket.on("error", () => {}));
server.listen(0, "127.0.0.1", () => parentPort!.postMessage((server.address() as AddressInfo).port));

function read(request: IncomingMessage) {
  const [, kind = "", connection = "", id = "", length = ""] = request.url!.split("/");
  return { kind: kind as Kind, connection, id: `${connection}/${id}`, length: Number(length) };
}

async function answer(request: IncomingMessage, response: ServerResponse) {
  const { kind, connection, id, length } = read(request);
  const { cookie } = request.headers;
  if (cookie === undefined || !isMarked(Buffer.from(cookie), connection)) fault(`${id} came with the cookie ${cookie}`);
  request.on("error", () => {});
  let size = 0;
  for await (const chunk of request) {
    if (!isMarked(chunk, id, size)) fault(`${id} came with a body of another`);
    size += chunk.length;
  }
  if (Number(request.headers["x-length"]) !== size)
    fault(`${id} came with ${size} bytes, not ${request.headers["x-length"]}`);
  response.setHeader("X-Id", id);
  const body = marked(id, length);
  if (kind === "early") response.writeEarlyHints({ link: "</style.css>; rel=preload", "x-id": id });
  if (kind === "empty") response.writeHead(204).end();
  else if (kind === "reset") response.socket!.resetAndDestroy();
  else if (kind === "length" || kind === "early") response.setHeader("Content-Length", length).end(body);
  else if (kind === "abort") {
    response.setHeader("Content-Length", length + 1);
    response.write(body, () => response.destroy());
  } else {
    if (kind === "close") response.setHeader("Connection", "close").removeHeader("Transfer-Encoding");
    if (kind === "close") response.useChunkedEncodingByDefault = false;
    for (let at = 0; at < length; at += PIECE) {
      response.write(body.subarray(at, at + PIECE));
      if (kind === "slow") await wait(2);
    }
    response.end();
  }
}

/** Its bytes are the mark with `u` before it, the client's the mark with `c`; it sends `length` and closes. */
function serveSocket(request: IncomingMessage, socket: Duplex, first: Buffer): void {
  const { id, length } = read(request);
  let size = 0;
  const check = (chunk: Buffer) => {
    if (!isMarked(chunk, `c${id}`, size)) fault(`the socket of ${id} was sent bytes of another`);
    size += chunk.length;
  };
  socket.on("error", () => socket.destroy());
  check(first);
  socket.on("data", check);
  const body = marked(`u${id}`, length);
  const half = length >> 1;
  const head = `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Id: ${id}\r\n\r\n`;
  socket.write(Buffer.concat([Buffer.from(head), body.subarray(0, half)]));
  setTimeout(() => socket.end(body.subarray(half)), 5);
}
