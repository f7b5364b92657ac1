import http from "node:http";
import http2 from "node:http2";
import https from "node:https";
import type { Server, Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import type { Engine, EngineOptions, ListenAddress } from "./engine.ts";
import { type EngineState, Http1Inbound } from "./inbound-http1.ts";
import { Http2Inbound } from "./inbound-http2.ts";

/** The engine over Node's own HTTP modules: `http_engine = node`. */
export function createNodeEngine(options: EngineOptions): Engine {
  const { limits } = options;
  const servers = new Set<Server>();
  const sockets = new Set<Socket>();
  const sessions = new Set<http2.ServerHttp2Session>();
  const state: EngineState = { closing: false, limits };
  let accepted = 0;

  const http1Options = {
    maxHeaderSize: limits.head,
    headersTimeout: limits.headerTimeoutMs,
    // The time between two pieces of a body counts, not the whole: see Http1Inbound.
    requestTimeout: 0,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    connectionsCheckingInterval: Math.min(1000, limits.headerTimeoutMs),
    requireHostHeader: false,
    shouldUpgradeCallback: (req: http.IncomingMessage) => req.headers.upgrade?.toLowerCase() === "websocket",
  };

  function serve(inbound: Http1Inbound): void {
    const status = inbound.fault();
    if (status) inbound.reject(options.badRequest(status));
    else options.handle(inbound);
  }

  function attach(server: http.Server): void {
    server.maxHeadersCount = 0;
    server.on("request", (req, res) => serve(new Http1Inbound(req, res, state, {})));
    server.on("checkContinue", (req, res) => serve(new Http1Inbound(req, res, state, { expectsContinue: true })));
    server.on("checkExpectation", (_req, res) => res.destroyed || res.socket?.end(options.badRequest(417)));
    server.on("upgrade", (req: http.IncomingMessage, socket: Duplex, firstBytes: Buffer) => {
      const res = new http.ServerResponse(req);
      res.assignSocket(socket as Socket);
      serve(new Http1Inbound(req, res, state, { upgrade: { socket, firstBytes } }));
    });
    server.on("clientError", (error: NodeJS.ErrnoException, socket: Duplex) => {
      if (!socket.writable || error.code === "ECONNRESET") return socket.destroy();
      socket.end(options.badRequest(statusOf(error.code)));
    });
  }

  function track(socket: Socket): void {
    accepted++;
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  }

  function createHttp2(): http2.Http2Server {
    const server = http2.createServer({
      settings: { maxHeaderListSize: limits.head, maxConcurrentStreams: 128 },
      maxHeaderListPairs: limits.fields,
    });
    server.on("session", (session) => {
      sessions.add(session);
      session.on("close", () => sessions.delete(session));
      session.setTimeout(limits.keepAliveTimeoutMs, () => session.close());
    });
    server.on("stream", (stream, _headers, _flags, rawHeaders) => {
      const inbound = new Http2Inbound(stream, rawHeaders as unknown as string[], limits);
      const status = inbound.fault();
      if (status) inbound.reject(status);
      else options.handle(inbound);
    });
    server.on("sessionError", () => {});
    return server;
  }

  function createServer(address: ListenAddress): Server {
    if (!address.tls) {
      const server = http.createServer(http1Options);
      attach(server);
      server.on("connection", track);
      return server;
    }
    const server = https.createServer({
      ...http1Options,
      ...options.tls,
      ALPNProtocols: address.http2 ? ["h2", "http/1.1"] : ["http/1.1"],
    });
    attach(server);
    const h2 = createHttp2();
    const [serveHttp1] = server.listeners("secureConnection");
    server.removeAllListeners("secureConnection");
    server.on("secureConnection", (socket: TLSSocket) => {
      track(socket);
      if (socket.alpnProtocol === "h2") h2.emit("connection", socket);
      else serveHttp1?.call(server, socket);
    });
    server.on("tlsClientError", (_error, socket) => socket.destroy());
    return server;
  }

  return {
    listen(address) {
      const server = createServer(address);
      return new Promise((resolve, reject) => {
        server.once("error", reject);
        server.listen({ host: address.host, port: address.port }, () => {
          server.off("error", reject);
          servers.add(server);
          const bound = server.address();
          resolve(typeof bound === "object" && bound ? bound.port : address.port);
        });
      });
    },
    async close(graceMs) {
      state.closing = true;
      const closed = [...servers].map((server) => new Promise((resolve) => server.close(resolve)));
      for (const server of servers) if ("closeIdleConnections" in server) (server as http.Server).closeIdleConnections();
      for (const session of sessions) session.close();
      const cut = setTimeout(() => {
        for (const socket of sockets) socket.destroy();
      }, graceMs);
      await Promise.all(closed);
      clearTimeout(cut);
      servers.clear();
    },
    get statistics() {
      return { connections: sockets.size, accepted };
    },
  };
}

function statusOf(code: string | undefined): number {
  if (code === "HPE_HEADER_OVERFLOW") return 494;
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return 408;
  if (code === "HPE_INVALID_VERSION") return 505;
  return 400;
}
