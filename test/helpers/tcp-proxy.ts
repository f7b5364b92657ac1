import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import type { TestContext } from "node:test";

/** A way to a server of this machine that a test can block. Nothing is closed then: both ends only hear nothing more. */
export interface TcpProxy {
  readonly port: number;
  /** Bytes that come from now on, in either direction, and new connections are kept waiting, until `open`. */
  block(): void;
  open(): void;
  /** From the moment when a client has sent this text, nothing that the server says gets through. Resolves then. */
  muteAfter(text: string): Promise<void>;
  /** Statements that servers have finished on PostgreSQL connections which do not listen for notifications. */
  readonly statements: number;
}

export async function startTcpProxy(t: TestContext, target: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let isBlocked = false;
  let statements = 0;
  let trigger: { readonly text: string; readonly met: PromiseWithResolvers<void>; isMet: boolean } | undefined;

  function keep(socket: Socket): Socket {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    if (isBlocked) socket.pause();
    return socket;
  }

  const server = createServer((incoming) => {
    const client = keep(incoming);
    const upstream = keep(connect(target, "127.0.0.1"));
    let listens = false;
    client.on("data", (bytes) => {
      if (bytes.includes("LISTEN ")) listens = true;
      upstream.write(bytes);
      if (!trigger || trigger.isMet || !bytes.includes(trigger.text)) return;
      trigger.isMet = true;
      trigger.met.resolve();
    });
    upstream.on("data", (bytes) => {
      if (trigger?.isMet) return;
      if (!listens) statements += countReady(bytes);
      client.write(bytes);
    });
    client.on("close", () => upstream.destroy());
    upstream.on("close", () => client.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });

  return {
    port: (server.address() as AddressInfo).port,
    block() {
      isBlocked = true;
      for (const socket of sockets) socket.pause();
    },
    open() {
      isBlocked = false;
      for (const socket of sockets) socket.resume();
    },
    muteAfter(text) {
      trigger = { text, met: Promise.withResolvers(), isMet: false };
      return trigger.met.promise;
    },
    get statements() {
      return statements;
    },
  };
}

/** PostgreSQL ends its answer to each statement with ReadyForQuery: "Z", a length of 5, and the state of the transaction. */
function countReady(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf("Z\0\0\0\x05"); at >= 0; at = bytes.indexOf("Z\0\0\0\x05", at + 1)) count++;
  return count;
}
