import http from "node:http";
import https from "node:https";
import type { Server, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { closeGently } from "./closing.ts";
import type { Engine, EngineOptions, ListenAddress } from "./engine.ts";
import { Handover } from "./handover.ts";
import { alpnProtocols, createHttp2Front, serveByAlpn } from "./http2-front.ts";
import { type EngineState, type Http1Extras, Http1Inbound } from "./inbound-http1.ts";
import { Listeners } from "./listeners.ts";

/** While the engine closes, connections that have become idle are looked for this often. */
const SWEEP_MS = 50;
/** How often connections are looked for that have kept their head waiting too long. */
const CHECK_MS = 1000;

/** The engine over Node's own HTTP modules: `http_engine = node`. */
export function createNodeEngine(options: EngineOptions): Engine {
  const { limits } = options;
  const listeners = new Listeners(options);
  const http2 = createHttp2Front(options);
  const servers = new Set<http.Server>();
  const state: EngineState = { closing: false, limits };

  const http1Options = {
    // Room for heads beyond the limits, which are refused for what is wrong with them: see Http1Inbound.
    maxHeaderSize: 2 * limits.head,
    headersTimeout: limits.headerTimeoutMs,
    // The time between two pieces of a body counts, not the whole: see Http1Inbound.
    requestTimeout: 0,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    connectionsCheckingInterval: Math.min(CHECK_MS, limits.headerTimeoutMs || CHECK_MS),
    requireHostHeader: false,
    shouldUpgradeCallback: isWebSocket,
  };

  /** The latest request of each connection. */
  const requests = new WeakMap<Duplex, Http1Inbound>();
  /** Connections whose bytes are no HTTP any more; Node reports each further piece of them. */
  const refused = new WeakSet<Duplex>();

  function serve(req: http.IncomingMessage, res: http.ServerResponse, extras: Http1Extras): void {
    const { socket } = req;
    const inbound = new Http1Inbound(req, res, state, extras);
    const previous = requests.get(socket);
    requests.set(socket, inbound);
    if (previous?.isOpen) {
      // A client that does not wait for its answers: one after the other, and none behind the answer that ends the connection.
      socket.pause();
      previous.onAnswered(() => {
        socket.resume();
        options.handle(inbound);
      });
    } else {
      options.handle(inbound);
    }
  }

  function serveHandover(req: http.IncomingMessage, socket: Duplex, firstBytes: Buffer): void {
    // Behind a request that is not answered yet, Node cannot give the answer a place; no real client offers an upgrade there.
    if (requests.get(socket)?.isOpen) {
      socket.destroy();
      return;
    }
    const handover = new Handover(socket as Socket, firstBytes);
    const res = new http.ServerResponse(req);
    res.assignSocket(handover.socket);
    serve(req, res, { handover });
  }

  function refuse(error: ParseError, socket: Socket): void {
    if (!socket.writable || error.code === "ECONNRESET" || error.code === "HPE_INVALID_EOF_STATE") {
      socket.destroy();
      return;
    }
    if (refused.has(socket)) return;
    refused.add(socket);
    const lastWords = options.badRequest(statusOf(error));
    const inbound = requests.get(socket);
    if (inbound?.isOpen) inbound.spoil(lastWords);
    else closeGently(socket, lastWords);
  }

  function attach(server: http.Server): void {
    servers.add(server);
    server.maxHeadersCount = 0;
    server.on("request", (req, res) => serve(req, res, {}));
    server.on("checkContinue", (req, res) => serve(req, res, { expectsContinue: true }));
    server.on("checkExpectation", (req, res) => serve(req, res, {}));
    server.on("upgrade", serveHandover);
    server.on("connect", serveHandover);
    server.on("clientError", (error, socket) => refuse(error, socket as Socket));
  }

  function createServer(address: ListenAddress): Server {
    if (!address.tls) {
      const server = http.createServer(http1Options);
      attach(server);
      server.on("connection", (socket) => listeners.admits(socket) && listeners.track(socket));
      return server;
    }
    const server = https.createServer({
      ...http1Options,
      ...options.tls,
      ALPNProtocols: alpnProtocols(address),
      ...(limits.headerTimeoutMs > 0 && { handshakeTimeout: limits.headerTimeoutMs }),
    });
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
      http2.close();
      // Answers that were begun before have promised a next request, and leave their connection open when they end.
      const sweep = setInterval(() => {
        for (const server of servers) server.closeIdleConnections();
      }, SWEEP_MS);
      await closed;
      clearInterval(sweep);
    },
    get statistics() {
      const { connections, accepted, refused } = listeners;
      return { connections, accepted, refused };
    },
  };
}

/** What Node says of bytes that its parser refuses. */
interface ParseError extends Error {
  readonly code?: string | undefined;
  readonly reason?: string;
}

/** A WebSocket's request has no body; any other offer to upgrade is passed over, as RFC 9110 §7.8 allows. */
function isWebSocket({ method, headers }: http.IncomingMessage): boolean {
  const hasBody = headers["content-length"] !== undefined || headers["transfer-encoding"] !== undefined;
  return method === "GET" && headers.upgrade?.toLowerCase() === "websocket" && !hasBody;
}

function statusOf({ code, reason }: ParseError): number {
  if (code === "HPE_HEADER_OVERFLOW") return 494;
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return 408;
  if (code === "HPE_PAUSED_H2_UPGRADE" || reason === "Invalid HTTP version") return 505;
  return 400;
}
