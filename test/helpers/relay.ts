import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/** A link to a server that can be broken without either end hearing of it. */
export interface Relay {
  readonly port: number;
  /** From now on nothing arrives on the connections there are; new ones are as good as before. */
  swallow(): void;
  close(): Promise<void>;
}

export async function startRelay(to: number): Promise<Relay> {
  const open = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(to, "127.0.0.1");
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(socket);
      socket.on("error", () => other.destroy());
      socket.on("close", () => open.delete(socket));
      socket.pipe(other);
    }
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as { port: number }).port,
    swallow() {
      for (const socket of open) socket.unpipe().removeAllListeners("end").resume();
    },
    async close() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
