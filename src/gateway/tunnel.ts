import type { Socket } from "node:net";
import type { Duplex } from "node:stream";

/**
 * Join two connections until both have ended or one is silent for `idleMs`. What one side wrote before it closed still
 * arrives. `done` is called once, when both are closed.
 */
export function tunnel(client: Duplex, upstream: Duplex, idleMs: number, done: () => void): void {
  let open = 2;
  const join = (socket: Socket, other: Socket) => {
    const closed = () => {
      other.destroySoon();
      open -= 1;
      if (open === 0) done();
    };
    // Also one that has closed already may still have its error to tell.
    socket.on("error", () => socket.destroy());
    if (socket.closed) return closed();
    socket.on("close", closed);
    socket.setTimeout(idleMs, () => socket.destroy());
    socket.pipe(other);
  };
  join(client as Socket, upstream as Socket);
  join(upstream as Socket, client as Socket);
}
