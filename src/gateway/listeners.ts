import type { Server, Socket } from "node:net";
import type { ListenAddress } from "./engine.ts";

/** Once its server is closing, a connection waits this long for a first byte that may be on its way. */
const UNUSED_MS = 100;

/** The servers that an engine has opened, and the connections they accepted. */
export class Listeners {
  accepted = 0;
  connections = 0;
  readonly #servers = new Set<Server>();
  readonly #sockets = new Set<Socket>();

  /** Count a connection until it is closed. */
  track(socket: Socket): void {
    this.accepted++;
    this.connections++;
    socket.on("close", () => this.connections--);
    this.watch(socket);
  }

  /** Let go of a socket when the servers close: a connection, or what TLS has made of it. */
  watch(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
  }

  /** Listen; resolves with the port. Rejects with the system's error. */
  open(server: Server, address: ListenAddress): Promise<number> {
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen({ host: address.host, port: address.port, backlog: address.backlog }, () => {
        server.off("error", reject);
        this.#servers.add(server);
        const bound = server.address();
        resolve(typeof bound === "object" && bound ? bound.port : address.port);
      });
    });
  }

  /** Stop accepting, and resolve when all connections have ended; after `graceMs` the rest is cut off. */
  async close(graceMs: number): Promise<void> {
    const closed = [...this.#servers].map((server) => new Promise((resolve) => server.close(resolve)));
    const cut = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy();
    }, graceMs);
    const drop = setInterval(() => {
      for (const socket of this.#sockets) if (socket.bytesRead === 0) socket.destroy();
    }, UNUSED_MS);
    await Promise.all(closed);
    clearTimeout(cut);
    clearInterval(drop);
    this.#servers.clear();
  }
}
