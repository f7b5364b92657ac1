import { writeSync, writevSync } from "node:fs";
import { connect, Socket, type TcpNetConnectOpts } from "node:net";
import { arrivals, arrived, deliverTo, memory, type Receiver } from "./arrivals.ts";
import { type Handle, handleOf, restoreReading, shortenReading, timeReading, writeText } from "./handle.ts";
import { Timed } from "./timed.ts";
import { atTurnEnd, awaitTurnEnd } from "./turn.ts";

/** A new connection over plain TCP, or a socket; `isPlain` is one that a server of plain TCP has accepted and of which nothing was read. */
export type WireSource = { readonly to: TcpNetConnectOpts } | { readonly socket: Socket; readonly isPlain: boolean };

/** Longer pieces are not worth copying: they are written as they are. */
const SMALL = 8192;

/**
 * Wires with something to write, and what that is: what lives so short does not hang at what lives long. After so many they do not
 * wait for the end of the turn.
 */
let waiting: Wire[] = [];
let texts: string[] = [];
const MOST_WAITING = 64;

let areDeparting = false;

function depart(): void {
  areDeparting = true;
  // Some may come meanwhile.
  for (let i = 0; i < waiting.length; i += 1) waiting[i]!.flush();
  waiting = [];
  texts = [];
  areDeparting = false;
}

// What has come is taken before that (arrivals.ts): most of what leaves is due to it.
atTurnEnd(depart);

/**
 * What both sides of HTTP/1.1 are built on: a connection that calls methods of theirs with what comes and happens, has what is written
 * in one turn of the event loop leave in one system call, and has one deadline for whatever is waited for. All of it is one object, as
 * there are many connections: what belongs to one of them is not in the processor's caches, and each step to it costs.
 *
 * A socket of plain TCP has a shorter way for what nearly always happens: bytes are read into one buffer that all connections share, and
 * what is written goes to the system at once, text by the handle (handle.ts), bytes by the descriptor. What the system does not take
 * is the socket's to write, or to wait for, so that backpressure, order and errors are those of the socket. Measured on a bare
 * proxy, this saves a sixth of its CPU. Reading so is an option of outgoing sockets only (`onread`); an accepted one gives its handle to a
 * second socket that has it. All other sockets are read and written as usual.
 *
 * What all connections have read in a turn is taken together at its end (arrivals.ts).
 *
 * Text and small pieces become one Latin-1 string. All connections that were written to in a turn leave together at its end, one
 * write behind the other: the code of the system, and ours, is then found in the processor's caches, which measured saves a tenth
 * of a request's CPU. Memory is bounded by `SMALL` and the text of one head.
 */
export abstract class Wire extends Timed implements Receiver {
  readonly socket: Socket;
  /** The way is the shorter one. */
  readonly #isShort: boolean;
  /** The socket is not open, or was given something to write that may not have left. */
  #mayHold = true;
  #isPaused = false;
  #isReleased = false;
  /** Something has been written, or given to the socket for that, since this was last set to false. */
  protected hasWritten = false;
  /** What is written to, once the socket is open; who writes to one that is closed is told so. */
  #handle: Handle | undefined;
  #fd = -1;
  /** Where in `texts` is what leaves at the end of the turn; below 0 there is nothing. */
  #place = -1;
  readonly #listeners = {
    drain: () => this.drained(),
    end: () => this.ended(),
    timeout: () => this.stalled(),
    error: (error: Error) => this.failed(error),
    close: () => this.closed(),
  };

  constructor(source: WireSource) {
    super();
    const onread = { buffer: arrivals, callback: (length: number) => this.take(arrived(length)) };
    if ("to" in source) {
      this.socket = connect({ ...source.to, onread });
      this.#isShort = true;
    } else {
      const taken = source.isPlain ? takeOver(source.socket, onread) : undefined;
      this.socket = taken ?? source.socket;
      this.#isShort = taken !== undefined;
    }
    const handle = this.#shortHandle;
    if (handle) shortenReading(handle, this);
    if (!this.#isShort) this.socket.on("data", (bytes: Buffer) => this.received(bytes));
    for (const [name, listener] of Object.entries(this.#listeners)) this.socket.on(name, listener);
  }

  /** What comes are requests. */
  get isClient(): boolean {
    return false;
  }

  /**
   * Takes what has come. The bytes are overwritten once it returns, and those before a piece that is written on by that: who wants to
   * keep them copies them.
   */
  abstract received(bytes: Buffer): void;
  /** Something was written that the system does not take yet; `drained` will tell when it did. */
  protected abstract blocked(): void;
  protected abstract drained(): void;
  /** The other side sends nothing more. */
  protected abstract ended(): void;
  /** Nothing was read or written for the socket's timeout. */
  protected stalled(): void {}
  /** The socket is closed next. */
  protected abstract failed(error: Error): void;
  protected abstract closed(): void;

  // ----- reading

  take(bytes: Buffer): boolean {
    if (this.#isReleased) return this.socket.push(Buffer.from(bytes));
    this.received(bytes);
    return true;
  }

  /** What is read from, where the way is the shorter one and the socket not closed. */
  get #shortHandle(): Handle | undefined {
    return this.#isShort ? handleOf(this.socket) : undefined;
  }

  /** Read no more until `resume`. */
  pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.socket.pause();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.socket.resume();
  }

  /** Be told by `stalled` when nothing was read or written for so long; 0 is never. */
  setTimeout(ms: number): void {
    const handle = this.#shortHandle;
    if (handle) timeReading(handle, ms > 0);
    this.socket.setTimeout(ms);
  }

  /** Give up the socket, paused, after what was written: what comes from now on is for whoever reads it as a stream. */
  release(): Socket {
    const { socket } = this;
    this.flush();
    this.releaseTimer();
    this.setTimeout(0);
    this.#isReleased = true;
    deliverTo(this);
    const handle = this.#shortHandle;
    if (handle) restoreReading(handle);
    if (!this.#isShort) socket.removeAllListeners("data");
    for (const [name, listener] of Object.entries(this.#listeners)) socket.off(name, listener);
    socket.pause();
    return socket;
  }

  // ----- writing

  /** Something that was written waits in the socket. */
  get isWriting(): boolean {
    return this.#mayHold && this.socket.writableLength > 0;
  }

  /** So much waits that a write would answer false. */
  get isBlocked(): boolean {
    return this.#mayHold && this.socket.writableNeedDrain;
  }

  /** Write Latin-1 text: a head, or the marks of chunks. */
  text(text: string): void {
    if (this.#place < 0) this.#wait(text);
    else texts[this.#place] += text;
    if (texts[this.#place]!.length > SMALL) this.flush();
  }

  #wait(text: string): void {
    awaitTurnEnd();
    if (waiting.length >= MOST_WAITING && !areDeparting) depart();
    this.#place = waiting.push(this) - 1;
    texts.push(text);
  }

  /** What waits, which then does not any more. */
  #taken(): string {
    const place = this.#place;
    if (place < 0) return "";
    const text = texts[place]!;
    this.hasWritten = true;
    this.#place = -1;
    texts[place] = "";
    return text;
  }

  /** Write a piece of a body, as a chunk or as it is; false means wait for `drained`. The bytes may be overwritten afterwards. */
  piece(bytes: Uint8Array, chunked: boolean): boolean {
    return bytes.length > SMALL ? this.#long(bytes, chunked) : this.textPiece(latin1(bytes), chunked);
  }

  /** The same for Latin-1 text. */
  textPiece(text: string, chunked: boolean): boolean {
    if (text !== "") this.text(chunked ? `${text.length.toString(16)}\r\n${text}\r\n` : text);
    return !this.isBlocked;
  }

  #long(bytes: Uint8Array, chunked: boolean): boolean {
    const text = this.#taken();
    const head = chunked ? `${text}${bytes.length.toString(16)}\r\n` : text;
    if (head === "") return this.#written(this.#write(bytes));
    if (!chunked) return this.#written(this.#writeBehind(head, bytes));
    return this.#written(this.#writeAll([Buffer.from(head, "latin1"), bytes, LINE_END]));
  }

  /** Write now what has been joined, as before the end of the connection. */
  flush(): void {
    const text = this.#taken();
    if (text !== "") this.#written(this.#writeText(text));
  }

  #written(more: boolean): boolean {
    if (!more) this.blocked();
    return more;
  }

  // ----- writing now; false means wait for `drained`

  #writeText(text: string): boolean {
    const handle = this.#openHandle();
    if (handle === undefined) return this.socket.write(text, "latin1");
    const answer = writeText(this.socket, handle, text);
    if (answer === undefined) return true;
    this.#mayHold = true;
    return answer;
  }

  #write(bytes: Uint8Array, from = 0, to = bytes.length): boolean {
    const written = this.#writeNow(bytes, from, to - from);
    return written === to - from || this.#hold(Buffer.from(bytes.subarray(from + written, to)));
  }

  /** Where the bytes have arrived, the text takes the place of what came before them. */
  #writeBehind(text: string, bytes: Uint8Array): boolean {
    const start = bytes.byteOffset - text.length;
    if (bytes.buffer !== memory.buffer || start < 0) return this.#writeAll([Buffer.from(text, "latin1"), bytes]);
    memory.write(text, start, "latin1");
    return this.#write(memory, start, bytes.byteOffset + bytes.length);
  }

  #writeAll(pieces: readonly Uint8Array[]): boolean {
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
    const written = this.#writeNow(pieces, 0, length);
    if (written === length) return true;
    return this.#hold(Buffer.concat(pieces).subarray(written));
  }

  #hold(bytes: Buffer): boolean {
    this.#mayHold = true;
    return this.socket.write(bytes);
  }

  /** What can be written to without the socket; undefined when that may not be, as other writes wait in it. */
  #openHandle(): Handle | undefined {
    return this.#mayHold && this.#holds() ? undefined : this.#handle;
  }

  #holds(): boolean {
    const { socket } = this;
    if (this.#handle === undefined && this.#isShort && !socket.connecting) {
      this.#handle = handleOf(socket);
      this.#fd = this.#handle?.fd ?? -1;
    }
    this.#mayHold = this.#handle === undefined || socket.writableLength > 0;
    return this.#mayHold;
  }

  /**
   * Have the system take as much as it does without waiting; answers how much that was. A descriptor is used only while its
   * handle is the socket's: once that is closed, the number may be another connection's.
   */
  #writeNow(data: Uint8Array | readonly Uint8Array[], from: number, length: number): number {
    const handle = this.#openHandle();
    if (handle === undefined || this.#fd < 0 || handle !== handleOf(this.socket)) return 0;
    try {
      return data instanceof Uint8Array ? writeSync(this.#fd, data, from, length) : writevSync(this.#fd, data);
    } catch {
      // It takes nothing now; or the connection is broken, which the socket finds out when it writes.
      return 0;
    }
  }
}

/** A socket in place of the accepted one; undefined where that has no descriptor. */
function takeOver(accepted: Socket, onread: object): Socket | undefined {
  const handle = handleOf(accepted);
  if (handle?.fd === undefined || handle.fd < 0) return undefined;
  (accepted as { _handle?: unknown })._handle = null;
  const socket = new Socket({ handle, allowHalfOpen: true, onread } as object);
  // Its server counts it until it is closed.
  socket.on("close", () => accepted.destroy());
  return socket;
}

const LINE_END = Buffer.from("\r\n");

function latin1(bytes: Uint8Array): string {
  const buffer = bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return buffer.toString("latin1");
}
