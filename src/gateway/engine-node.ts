import http from "node:http";
import https from "node:https";
import type { Server, Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Engine, EngineOptions, ListenAddress } from "./engine.ts";
import { alpnProtocols, createHttp2Front, serveByAlpn } from "./http2-front.ts";
import { type EngineState, Http1Inbound } from "./inbound-http1.ts";
import { Listeners } from "./listeners.ts";

/** The engine over Node's own HTTP modules: `http_engine = node`. */
export function createNodeEngine(options: EngineOptions): Engine {
  const { limits } = options;
  const listeners = new Listeners();
  const http2 = createHttp2Front(options);
  const servers = new Set<http.Server>();
  const state: EngineState = { closing: false, limits };

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
    servers.add(server);
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

  function createServer(address: ListenAddress): Server {
    if (!address.tls) {
      const server = http.createServer(http1Options);
      attach(server);
      server.on("connection", (socket) => listeners.track(socket));
      return server;
    }
    const server = https.createServer({ ...http1Options, ...options.tls, ALPNProtocols: alpnProtocols(address) });
    attach(server);
    const [serveHttp1] = server.listeners("secureConnection");
    server.removeAllListeners("secureConnection");
    serveByAlpn(server, listeners, http2, (socket) => serveHttp1?.call(server, socket));
    return server;
  }

  return {
    listen: (address) => listeners.open(createServer(address), address),
    async close(graceMs) {
      state.closing = true;
      const closed = listeners.close(graceMs);
      for (const server of servers) server.closeIdleConnections();
      http2.close();
      await closed;
    },
    get statistics() {
      return { connections: listeners.connections, accepted: listeners.accepted };
    },
  };
}

function statusOf(code: string | undefined): number {
  if (code === "HPE_HEADER_OVERFLOW") return 494;
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return 408;
  if (code === "HPE_INVALID_VERSION") return 505;
  return 400;
}
