import type { Duplex } from "node:stream";

/**
 * Join two connections until one of them ends or is silent for `idleMs`; what one side wrote before it closed still arrives.
 * `done` is called once.
 */
export function tunnel(client: Duplex, upstream: Duplex, idleMs: number, done: () => void): void {
  let open = true;
  const finish = () => {
    if (!open) return;
    open = false;
    client.destroy();
    upstream.destroy();
    done();
  };
  for (const socket of [client, upstream]) {
    socket.on("error", finish);
    socket.on("close", finish);
    if ("setTimeout" in socket && typeof socket.setTimeout === "function") socket.setTimeout(idleMs, finish);
  }
  client.pipe(upstream);
  upstream.pipe(client);
}
