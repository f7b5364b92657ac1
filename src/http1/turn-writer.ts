import type { Wire } from "./wire.ts";

/** Longer pieces are not worth copying: they are written as they are. */
const SMALL = 8192;

/** Writers with something to write, of all connections; after so many they do not wait for the end of the turn. */
let waiting: TurnWriter[] = [];
const MOST_WAITING = 64;

function depart(): void {
  const writers = waiting;
  waiting = [];
  for (const writer of writers) writer.flush();
}

/**
 * Joins what is written to a connection in one turn of the event loop, so that it leaves in one system call: text and small pieces
 * become one Latin-1 string. All connections that were written to in a turn leave together at its end, one write behind the other:
 * the code of the system, and ours, is then found in the processor's caches, which measured saves a tenth of a request's CPU.
 * Memory is bounded by `SMALL` and the text of one head.
 */
export class TurnWriter {
  readonly #wire: Wire;
  readonly #blocked: () => void;
  #text = "";
  #isWaiting = false;

  /** `blocked` is called when something was written that the system does not take yet: the socket will tell by `drain` when it did. */
  constructor(wire: Wire, blocked: () => void) {
    this.#wire = wire;
    this.#blocked = blocked;
  }

  /** Write Latin-1 text: a head, or the marks of chunks. */
  text(text: string): void {
    this.#text = this.#text === "" ? text : this.#text + text;
    if (this.#text.length > SMALL) this.flush();
    else if (!this.#isWaiting) this.#wait();
  }

  #wait(): void {
    this.#isWaiting = true;
    if (waiting.push(this) === 1) setImmediate(depart);
    else if (waiting.length >= MOST_WAITING) depart();
  }

  /** Write a piece of a body, as a chunk or as it is; false means wait for `drain`. The bytes may be overwritten afterwards. */
  piece(bytes: Uint8Array, chunked: boolean): boolean {
    return bytes.length > SMALL ? this.#long(bytes, chunked) : this.textPiece(latin1(bytes), chunked);
  }

  /** The same for Latin-1 text. */
  textPiece(text: string, chunked: boolean): boolean {
    if (text !== "") this.text(chunked ? `${text.length.toString(16)}\r\n${text}\r\n` : text);
    return !this.#wire.isBlocked;
  }

  #long(bytes: Uint8Array, chunked: boolean): boolean {
    const head = chunked ? `${this.#text}${bytes.length.toString(16)}\r\n` : this.#text;
    this.#text = "";
    if (head === "") return this.#written(this.#wire.write(bytes));
    if (!chunked) return this.#written(this.#wire.writeBehind(head, bytes));
    return this.#written(this.#wire.writeAll([Buffer.from(head, "latin1"), bytes, LINE_END]));
  }

  /** Write now what has been joined, as before the end of the connection. */
  flush(): void {
    this.#isWaiting = false;
    const text = this.#text;
    if (text === "") return;
    this.#text = "";
    this.#written(this.#wire.write(text));
  }

  #written(more: boolean): boolean {
    if (!more) this.#blocked();
    return more;
  }
}

const LINE_END = Buffer.from("\r\n");

function latin1(bytes: Uint8Array): string {
  const buffer = bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return buffer.toString("latin1");
}
