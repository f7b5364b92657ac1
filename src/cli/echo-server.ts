import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { serveWebSocket } from "./echo-websocket.ts";

/** A running echo upstream. */
export interface Echo {
  readonly host: string;
  readonly port: number;
  /** `http://host:port` */
  readonly url: string;
  /** Stop listening and break what is open. */
  close(): Promise<void>;
}

/** Bodies up to this size are shown, larger ones are summed up. */
const SHOWN_BYTES = 1024 * 1024;
const LONGEST_DELAY_MS = 600_000;

/**
 * Start an upstream that answers any request with a JSON picture of it, and any WebSocket message with itself. Port 0 is
 * any free one. Rejects with what listening fails with.
 */
export async function startEcho({ port = 0, host = "127.0.0.1" } = {}): Promise<Echo> {
  // Heads may be twice as large as the gateway lets through; a connection outlives the gateway's pool of them.
  const server = createServer({ maxHeaderSize: 131_072, keepAliveTimeout: 180_000, requestTimeout: 0 }, answer);
  // The HTTP server forgets a connection once it is upgraded.
  const upgraded = new Set<Duplex>();
  server.on("upgrade", (request, socket, firstBytes) => {
    upgraded.add(socket);
    socket.on("close", () => upgraded.delete(socket));
    serveWebSocket(request, socket, firstBytes);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
  const address = server.address() as AddressInfo;
  const name = host.includes(":") ? `[${host}]` : host;
  return {
    host,
    port: address.port,
    url: `http://${name}:${address.port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
        for (const socket of upgraded) socket.destroy();
      }),
  };
}

function answer(request: IncomingMessage, response: ServerResponse): void {
  const hash = createHash("sha256");
  const shown: Buffer[] = [];
  let length = 0;
  request.on("data", (chunk: Buffer) => {
    length += chunk.length;
    hash.update(chunk);
    if (length <= SHOWN_BYTES) shown.push(chunk);
    else shown.length = 0;
  });
  request.on("end", () => {
    const body =
      length > SHOWN_BYTES ? { body: null, bodyLength: length, bodySha256: hash.digest("hex") } : show(shown);
    const steering = new URLSearchParams(request.url!.split("?").slice(1).join("?"));
    const delay = Math.min(Number(steering.get("__delay")) || 0, LONGEST_DELAY_MS);
    if (delay <= 0) return respond(request, response, steering, body);
    const timer = setTimeout(respond, delay, request, response, steering, body);
    response.on("close", () => clearTimeout(timer));
  });
}

/** A body as JSON can show it: text when it is UTF-8, else base64. */
function show(chunks: readonly Buffer[]): { body: string; bodyEncoding?: "base64" } {
  const bytes = Buffer.concat(chunks);
  try {
    return { body: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch {
    return { body: bytes.toString("base64"), bodyEncoding: "base64" };
  }
}

function respond(request: IncomingMessage, response: ServerResponse, steering: URLSearchParams, body: object): void {
  const { method, url, httpVersion } = request;
  const trailers = request.rawTrailers.length > 0 ? { trailers: pairs(request.rawTrailers) } : {};
  const picture = JSON.stringify({
    method,
    url,
    httpVersion,
    headers: pairs(request.rawHeaders),
    ...body,
    ...trailers,
  });
  const headers: Record<string, string | number | string[]> = {
    "Content-Type": "application/json",
    "X-Upstream": "echo",
  };
  if (steering.has("__cookie")) headers["Set-Cookie"] = ["up1=a; Path=/", "up2=b"];
  if (steering.has("__server")) Object.assign(headers, { Server: "echo/1.0", Via: "1.1 up", "X-Powered-By": "me" });
  const withTrailer = steering.has("__trailer");
  if (withTrailer) headers.Trailer = "X-Echo-Trailer";
  if (!withTrailer && !steering.has("__chunked")) headers["Content-Length"] = Buffer.byteLength(picture);
  response.writeHead(statusOf(steering), headers);
  if (withTrailer) response.addTrailers({ "X-Echo-Trailer": "end" });
  response.end(picture);
}

function statusOf(steering: URLSearchParams): number {
  const text = steering.get("__status") ?? "";
  return /^[2-5]\d\d$/.test(text) ? Number(text) : 200;
}

function pairs(list: readonly string[]): string[][] {
  return Array.from({ length: list.length / 2 }, (_, index) => list.slice(2 * index, 2 * index + 2));
}
