import type { Socket } from "node:net";
import { writeChunk } from "../http1/index.ts";

/** Longer pieces are not worth copying: they are written as they are. */
const SMALL = 8192;

/**
 * Joins what is written to a socket within one turn, so that it leaves in one system call: text and small pieces become one
 * Latin-1 string, which Node writes without a buffer. Memory is bounded by `SMALL` and the text of one head.
 */
export class TurnWriter {
  readonly #socket: Socket;
  #text = "";
  #isScheduled = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Write Latin-1 text: a head, or the marks of chunks. */
  text(text: string): void {
    this.#text += text;
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    process.nextTick(flush, this);
  }

  /** Write a piece of a body, as a chunk or as it is; false means wait for `drain`. */
  piece(bytes: Uint8Array, chunked: boolean): boolean {
    const socket = this.#socket;
    if (bytes.length === 0) return !socket.writableNeedDrain;
    if (bytes.length <= SMALL) {
      const text = latin1(bytes);
      this.text(chunked ? `${bytes.length.toString(16)}\r\n${text}\r\n` : text);
      return this.#text.length <= SMALL ? !socket.writableNeedDrain : this.flush();
    }
    socket.cork();
    this.flush();
    const more = chunked ? writeChunk(socket, bytes) : socket.write(bytes);
    socket.uncork();
    return more;
  }

  /** Write now what has been joined; false means wait for `drain`. */
  flush(): boolean {
    const text = this.#text;
    if (text === "") return !this.#socket.writableNeedDrain;
    this.#text = "";
    return this.#socket.write(text, "latin1");
  }

  /** The nextTick has come. */
  flushTurn(): void {
    this.#isScheduled = false;
    this.flush();
  }
}

function flush(writer: TurnWriter): void {
  writer.flushTurn();
}

function latin1(bytes: Uint8Array): string {
  const buffer = bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return buffer.toString("latin1");
}
