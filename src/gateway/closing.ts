import type { Socket } from "node:net";

/** How long a client may be silent while it is read and dropped what it sends behind its last answer, and of a body that nobody wants. */
export const DROP_MS = 5_000;
/** How long that is done in all, as in nginx: it costs no memory. */
export const LINGER_MS = 30_000;

/**
 * Say that nothing more will be sent, and drop what the client still sends until it closes, too: a socket that is closed with
 * bytes unread is reset, and the client may never see the answer. Source: RFC 9112 §9.6.
 */
export function closeGently(socket: Socket, lastWords?: string): void {
  socket.setTimeout(0);
  const cut = setTimeout(() => socket.destroy(), DROP_MS);
  socket.on("close", () => clearTimeout(cut));
  socket.on("error", () => socket.destroy());
  socket.on("end", () => socket.destroySoon());
  if (lastWords === undefined) socket.end();
  else socket.end(lastWords, "latin1");
  socket.resume();
}
