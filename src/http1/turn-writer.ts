import type { Wire } from "./wire.ts";

/** Longer pieces are not worth copying: they are written as they are. */
const SMALL = 8192;

/**
 * Joins what is written to a connection until it is flushed, so that it leaves in one system call: text and small pieces become
 * one Latin-1 string. Memory is bounded by `SMALL` and the text of one head.
 */
export class TurnWriter {
  readonly #wire: Wire;
  #text = "";

  constructor(wire: Wire) {
    this.#wire = wire;
  }

  /** Write Latin-1 text with what is flushed next: a head, or the marks of chunks. */
  text(text: string): void {
    this.#text = this.#text === "" ? text : this.#text + text;
  }

  /** Write a piece of a body, as a chunk or as it is; false means wait for `drain`. The bytes may be overwritten afterwards. */
  piece(bytes: Uint8Array, chunked: boolean): boolean {
    const { length } = bytes;
    if (length === 0) return !this.#wire.socket.writableNeedDrain;
    if (length <= SMALL) {
      const text = latin1(bytes);
      this.text(chunked ? `${length.toString(16)}\r\n${text}\r\n` : text);
      return this.#text.length <= SMALL ? !this.#wire.socket.writableNeedDrain : this.flush();
    }
    const head = chunked ? `${this.#text}${length.toString(16)}\r\n` : this.#text;
    this.#text = "";
    if (head === "") return this.#wire.write(bytes);
    const start = Buffer.from(head, "latin1");
    return this.#wire.writeAll(chunked ? [start, bytes, LINE_END] : [start, bytes]);
  }

  /** Write now what has been joined; false means wait for `drain`. */
  flush(): boolean {
    const text = this.#text;
    if (text === "") return !this.#wire.socket.writableNeedDrain;
    this.#text = "";
    return this.#wire.write(text);
  }
}

const LINE_END = Buffer.from("\r\n");

function latin1(bytes: Uint8Array): string {
  const buffer = bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return buffer.toString("latin1");
}
