import { createServer as createTcpServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import type { Engine, EngineOptions, ListenAddress } from "./engine.ts";
import { FastConnection, type FastOwner } from "./fast-connection.ts";
import { alpnProtocols, createHttp2Front, serveByAlpn } from "./http2-front.ts";
import { Listeners } from "./listeners.ts";

/** The engine over sockets and our own HTTP/1.1: `http_engine = fast`. HTTP/2 is Node's here, too. */
export function createFastEngine(options: EngineOptions): Engine {
  const listeners = new Listeners(options);
  const http2 = createHttp2Front(options);
  const connections = new Set<FastConnection>();
  const owner: FastOwner = {
    options,
    closing: false,
    closed: (connection) => void connections.delete(connection),
  };

  function serve(socket: Socket): FastConnection {
    const connection = new FastConnection(socket, owner);
    connections.add(connection);
    return connection;
  }

  function createServer(address: ListenAddress): Server {
    const socketOptions = { noDelay: true, allowHalfOpen: true };
    if (!address.tls) {
      return createTcpServer({ ...socketOptions, pauseOnConnect: true }, (accepted) => {
        if (listeners.admits(accepted)) listeners.track(serve(accepted).socket);
      });
    }
    const server = createTlsServer({
      ...socketOptions,
      ...options.tls,
      ALPNProtocols: alpnProtocols(address),
      ...(options.limits.headerTimeoutMs > 0 && { handshakeTimeout: options.limits.headerTimeoutMs }),
    });
    serveByAlpn(server, listeners, http2, serve);
    return server;
  }

  return {
    listen: (address) => listeners.open(createServer(address), address),
    async close(graceMs) {
      owner.closing = true;
      const closed = listeners.close(graceMs);
      for (const connection of connections) connection.shutdown();
      http2.close();
      await closed;
    },
    get statistics() {
      const { accepted, refused } = listeners;
      return { connections: listeners.connections, accepted, refused };
    },
  };
}
