import type { Server, Socket } from "node:net";
import type { ListenAddress } from "./engine.ts";

/** The servers that an engine has opened, and the connections they accepted. */
export class Listeners {
  accepted = 0;
  readonly #servers = new Set<Server>();
  readonly #sockets = new Set<Socket>();

  get connections(): number {
    return this.#sockets.size;
  }

  /** Count a connection until it is closed. */
  track(socket: Socket): void {
    this.accepted++;
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
  }

  /** Listen; resolves with the port. Rejects with the system's error. */
  open(server: Server, address: ListenAddress): Promise<number> {
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen({ host: address.host, port: address.port }, () => {
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
    await Promise.all(closed);
    clearTimeout(cut);
    this.#servers.clear();
  }
}
