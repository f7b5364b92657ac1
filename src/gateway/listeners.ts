import type { Server, Socket } from "node:net";
import type { EngineOptions, ListenAddress } from "./engine.ts";

/** Once its server is closing, a connection waits this long for a first byte that may be on its way. */
const UNUSED_MS = 100;

/** That connections are refused is told once in this time. */
const TELL_MS = 1000;

/** The servers that an engine has opened, and the connections they accepted. */
export class Listeners {
  /** Connections that were accepted, those of them that were refused for want of room, and those that are open. */
  accepted = 0;
  refused = 0;
  connections = 0;
  readonly #options: EngineOptions;
  #toldAt = Number.NEGATIVE_INFINITY;
  readonly #servers = new Set<Server>();
  readonly #sockets = new Set<Socket>();

  constructor(options: EngineOptions) {
    this.#options = options;
  }

  /** Whether there is room for a new connection; if not, it is closed before anything is read. */
  admits(socket: Socket): boolean {
    this.accepted++;
    if (this.connections < this.#options.limits.connections) return true;
    this.refused++;
    socket.destroy();
    const now = performance.now();
    if (now - this.#toldAt >= TELL_MS) {
      this.#toldAt = now;
      this.#options.onRefused(this.refused);
    }
    return false;
  }

  /** Count a connection that was admitted until it is closed. */
  track(socket: Socket): void {
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
