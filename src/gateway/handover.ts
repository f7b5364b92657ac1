import type { Socket } from "node:net";

/** Bytes that a client may send before its upgrade is answered. */
const MOST = 65_536;

/**
 * A connection that Node's parser has let go, since its client asks for another protocol. It is read on until it is taken
 * over, in order to hear when the client goes away; what comes meanwhile is kept.
 */
export class Handover {
  readonly socket: Socket;
  readonly #chunks: Uint8Array[];
  #size: number;
  readonly #listeners = {
    data: (chunk: Buffer) => this.#keep(chunk),
    end: () => this.socket.destroy(),
    error: () => this.socket.destroy(),
  };

  constructor(socket: Socket, firstBytes: Uint8Array) {
    this.socket = socket;
    this.#chunks = [firstBytes];
    this.#size = firstBytes.length;
    for (const [name, listener] of Object.entries(this.#listeners)) socket.on(name, listener);
  }

  #keep(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    if (this.#size > MOST) this.socket.pause();
  }

  /** Give up the socket, paused, and what was read from it. */
  take(): { socket: Socket; firstBytes: Uint8Array } {
    for (const [name, listener] of Object.entries(this.#listeners)) this.socket.off(name, listener);
    this.socket.pause();
    return { socket: this.socket, firstBytes: Buffer.concat(this.#chunks) };
  }
}
