import { writeSync, writevSync } from "node:fs";
import { connect, Socket, type TcpNetConnectOpts } from "node:net";
import { arrivals, arrived, memory } from "./arrivals.ts";
import { type Handle, handleOf, type Receiver, restoreReading, shortenReading, writeText } from "./handle.ts";

/**
 * A socket with a shorter way for what nearly always happens: bytes are read into one buffer that all connections share, and
 * what is written goes to the system at once, text by the handle (handle.ts), bytes by the descriptor. What the system does not take
 * is the socket's to write, or to wait for, so that backpressure, order and errors are those of the socket. Measured on a bare
 * proxy, this saves a sixth of its CPU.
 *
 * The way is short on plain TCP where the system has file descriptors; all other sockets are read and written as usual. Reading
 * so is an option of outgoing sockets only (`onread`); an accepted one gives its handle to a second socket that has it.
 */
export class Wire {
  readonly socket: Socket;
  /** Absent where the way is the usual one. */
  readonly #reading: Reading | undefined;
  /** The socket is not open, or was given something to write that may not have left. */
  #mayHold = true;
  #isPaused = false;
  /** What is written to, once the socket is open; who writes to one that is closed is told so. */
  #handle: Handle | undefined;
  #fd = -1;

  private constructor(socket: Socket, reading?: Reading) {
    this.socket = socket;
    this.#reading = reading;
    reading?.begin(socket);
  }

  /** Over a socket that a server of plain TCP has accepted; nothing may have been read of it. */
  static accept(accepted: Socket, receiver: Receiver): Wire {
    const handle = handleOf(accepted);
    if (handle?.fd === undefined || handle.fd < 0) return Wire.over(accepted, receiver);
    (accepted as { _handle?: unknown })._handle = null;
    const reading = new Reading(receiver);
    const socket = new Socket({ handle, allowHalfOpen: true, onread: reading.options } as object);
    // Its server counts it until it is closed.
    socket.on("close", () => accepted.destroy());
    return new Wire(socket, reading);
  }

  /** A new connection over plain TCP. */
  static connect(options: TcpNetConnectOpts, receiver: Receiver): Wire {
    const reading = new Reading(receiver);
    return new Wire(connect({ ...options, onread: reading.options }), reading);
  }

  /** Over any socket, as for TLS. */
  static over(socket: Socket, receiver: Receiver): Wire {
    socket.on("data", (bytes: Buffer) => receiver.received(bytes));
    return new Wire(socket);
  }

  /** Something that was written waits in the socket. */
  get isWriting(): boolean {
    return this.#mayHold && this.socket.writableLength > 0;
  }

  /** So much waits that a write would answer false. */
  get isBlocked(): boolean {
    return this.#mayHold && this.socket.writableNeedDrain;
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

  /** Have the socket tell by `timeout` when nothing was read or written for so long; 0 is never. */
  setTimeout(ms: number): void {
    if (ms > 0) this.#reading?.end();
    else this.#reading?.begin(this.socket);
    this.socket.setTimeout(ms);
  }

  /** Write bytes, or Latin-1 text; false means wait for `drain`. The bytes may be overwritten afterwards. */
  write(data: string | Uint8Array): boolean {
    const handle = this.#openHandle();
    if (typeof data === "string") {
      if (handle === undefined) return this.socket.write(data, "latin1");
      const answer = writeText(this.socket, handle, data);
      if (answer === undefined) return true;
      this.#mayHold = true;
      return answer;
    }
    const written = handle === undefined ? 0 : this.#writeNow(handle, data);
    return written === data.length || this.#hold(Buffer.from(data.subarray(written)));
  }

  /** Write bytes behind Latin-1 text; else as `write`. Where the bytes have arrived, the text takes the place of what came before them. */
  writeBehind(text: string, bytes: Uint8Array): boolean {
    const start = bytes.byteOffset - text.length;
    if (bytes.buffer !== memory.buffer || start < 0) return this.writeAll([Buffer.from(text, "latin1"), bytes]);
    memory.write(text, start, "latin1");
    return this.write(memory.subarray(start, bytes.byteOffset + bytes.length));
  }

  /** Write several pieces one behind the other; else as `write`. */
  writeAll(pieces: readonly Uint8Array[]): boolean {
    const handle = this.#openHandle();
    const written = handle === undefined ? 0 : this.#writeNow(handle, pieces);
    if (written === pieces.reduce((sum, { length }) => sum + length, 0)) return true;
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
    if (this.#handle === undefined && this.#reading && !socket.connecting) {
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
  #writeNow(handle: Handle, data: Uint8Array | readonly Uint8Array[]): number {
    if (this.#fd < 0 || handle !== handleOf(this.socket)) return 0;
    try {
      return data instanceof Uint8Array ? writeSync(this.#fd, data) : writevSync(this.#fd, data);
    } catch {
      // It takes nothing now; or the connection is broken, which the socket finds out when it writes.
      return 0;
    }
  }

  /** Give up the socket, paused: what comes from now on is for whoever reads it as a stream. */
  release(): Socket {
    const { socket } = this;
    if (this.#reading) this.#reading.release();
    else socket.removeAllListeners("data");
    socket.pause();
    return socket;
  }
}

/** How a socket is read into the shared buffer. */
class Reading {
  readonly options;
  readonly #receiver: Receiver;
  #socket!: Socket;
  #isReleased = false;

  constructor(receiver: Receiver) {
    this.#receiver = receiver;
    this.options = { buffer: arrivals, callback: (length: number) => this.#take(arrived(length)) };
  }

  /** The way of `net`. */
  #take(bytes: Buffer): boolean {
    if (this.#isReleased) return this.#socket.push(Buffer.from(bytes));
    this.#receiver.received(bytes);
    return true;
  }

  begin(socket: Socket): void {
    this.#socket = socket;
    const handle = handleOf(socket);
    if (handle && !this.#isReleased) shortenReading(handle, this.#receiver);
  }

  /** Leave reading to `net`. */
  end(): void {
    const handle = handleOf(this.#socket);
    if (handle) restoreReading(handle);
  }

  release(): void {
    this.#isReleased = true;
    this.end();
  }
}
