import http2 from "node:http2";
import type { Socket } from "node:net";
import type { TLSSocket, Server as TlsServer } from "node:tls";
import type { EngineOptions, ListenAddress } from "./engine.ts";
import { Http2Inbound } from "./inbound-http2.ts";
import type { Listeners } from "./listeners.ts";

/** HTTP/2 over `node:http2`, for connections that a TLS listener has accepted. */
export interface Http2Front {
  accept(socket: TLSSocket): void;
  /** Let every session end with its current streams. */
  close(): void;
}

/** Even without keep-alive a session gets this long for its first stream. */
const SHORTEST_IDLE_MS = 1000;

export function createHttp2Front({ limits, handle }: EngineOptions): Http2Front {
  const sessions = new Set<http2.ServerHttp2Session>();
  const server = http2.createServer({
    // Room for heads beyond the limits, which are refused for what is wrong with them: see Http2Inbound.
    settings: { maxHeaderListSize: 2 * limits.head, maxConcurrentStreams: 128 },
    maxHeaderListPairs: 2 * limits.fields,
    strictSingleValueFields: false,
  });
  server.on("session", (session) => {
    sessions.add(session);
    session.on("close", () => sessions.delete(session));
    session.setTimeout(Math.max(limits.keepAliveTimeoutMs, SHORTEST_IDLE_MS), () => session.close());
  });
  server.on("stream", (stream, _headers, _flags, rawHeaders) => {
    handle(new Http2Inbound(stream, rawHeaders as unknown as string[], limits));
  });
  server.on("sessionError", () => {});
  return {
    accept: (socket) => void server.emit("connection", socket),
    close() {
      for (const session of sessions) session.close();
    },
  };
}

/** What a TLS listener offers by ALPN. */
export function alpnProtocols(address: ListenAddress): string[] {
  return address.http2 ? ["h2", "http/1.1"] : ["http/1.1"];
}

/** Hand the connections of a TLS server to HTTP/2 or to `serveHttp1`, as ALPN has settled. */
export function serveByAlpn(
  server: TlsServer,
  listeners: Listeners,
  front: Http2Front,
  serveHttp1: (socket: Socket) => void,
): void {
  server.on("connection", (socket) => listeners.admits(socket) && listeners.track(socket));
  server.on("secureConnection", (socket: TLSSocket) => {
    listeners.watch(socket);
    if (socket.alpnProtocol === "h2") front.accept(socket);
    else serveHttp1(socket);
  });
  server.on("tlsClientError", (_error, socket) => socket.destroy());
}
