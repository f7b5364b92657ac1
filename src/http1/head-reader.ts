import { HttpMessageError } from "./errors.ts";
import {
  parseRequestHead,
  parseResponseHead,
  type Read,
  type RequestHead,
  type ResponseHead,
  wholeRequestHead,
  wholeResponseHead,
} from "./head.ts";
import type { HeadLimits } from "./limits.ts";

const END = Buffer.from("\r\n\r\n");
const EMPTY: Buffer = Buffer.alloc(0);
const NUL = 0;
const LF = 10;
const CR = 13;

/**
 * Finds the end of a head in the chunks of a connection. A head that lies in one chunk is not copied. One reader can serve several
 * messages, one after the other.
 */
export class HeadReader {
  /** Once `push` has answered true: the head is `bytes` from `start` to `end`, and what follows it begins at `end`. */
  bytes = EMPTY;
  start = 0;
  end = 0;
  readonly #limits: HeadLimits;
  readonly #skipsEmptyLines: boolean;
  /** The beginning of a head whose end has not come yet: the first `#length` bytes of `#held`. */
  #held = EMPTY;
  #length = 0;

  /** `skipsEmptyLines`: line ends before the first line are ignored, as before a request (RFC 9112 §2.2). */
  constructor(limits: HeadLimits, skipsEmptyLines: boolean) {
    this.#limits = limits;
    this.#skipsEmptyLines = skipsEmptyLines;
  }

  /** Bytes of an incomplete head that are held. */
  get held(): number {
    return this.#length;
  }

  /** True when the head is complete. Throws HttpMessageError when it cannot become a valid head any more. */
  push(chunk: Buffer): boolean {
    if (this.#length === 0) return this.#pushFirst(chunk, 0);
    if (this.#skipsEmptyLines && this.#length === 1 && this.#held[0] === CR && chunk[0] === LF) {
      this.#length = 0;
      return this.#pushFirst(chunk, 1);
    }
    const searchFrom = Math.max(0, this.#length - 3);
    this.#hold(chunk);
    const held = this.#held.subarray(0, this.#length);
    const found = held.indexOf(END, searchFrom);
    if (found < 0) {
      this.#refuseHopeless(held, searchFrom);
      return false;
    }
    this.#held = EMPTY;
    this.#length = 0;
    return this.#found(held, 0, found + 4);
  }

  #pushFirst(chunk: Buffer, from: number): boolean {
    let start = from;
    if (this.#skipsEmptyLines) while (chunk[start] === CR && chunk[start + 1] === LF) start += 2;
    const found = chunk.indexOf(END, start);
    if (found >= 0) return this.#found(chunk, start, found + 4);
    const part = chunk.subarray(start);
    this.#hold(part);
    this.#refuseHopeless(part, 0);
    return false;
  }

  #found(bytes: Buffer, start: number, end: number): true {
    if (end - start > this.#limits.head) throw new HttpMessageError("ERR_HTTP_HEAD_TOO_LONG");
    this.bytes = bytes;
    this.start = start;
    this.end = end;
    return true;
  }

  /** The buffer doubles, so that a head sent byte by byte costs no more than its length. */
  #hold(part: Buffer): void {
    const length = this.#length + part.length;
    if (length > this.#held.length) {
      const larger = Buffer.allocUnsafe(Math.max(1024, length, this.#held.length * 2));
      this.#held.copy(larger, 0, 0, this.#length);
      this.#held = larger;
    }
    part.copy(this.#held, this.#length);
    this.#length = length;
  }

  /** Do not wait for the end of what is too long already, or no HTTP at all. `from` is where the unseen bytes begin. */
  #refuseHopeless(bytes: Buffer, from: number): void {
    if (bytes.length > this.#limits.line && bytes.indexOf(LF) < 0) {
      throw new HttpMessageError(this.#skipsEmptyLines ? "ERR_HTTP_TARGET_TOO_LONG" : "ERR_HTTP_LINE_TOO_LONG");
    }
    if (bytes.length > this.#limits.head) throw new HttpMessageError("ERR_HTTP_HEAD_TOO_LONG");
    if (bytes.indexOf(NUL, from) >= 0) throw new HttpMessageError("ERR_HTTP_FIELD_VALUE");
    for (let at = bytes.indexOf(LF, from); at >= 0; at = bytes.indexOf(LF, at + 1)) {
      if (bytes[at - 1] !== CR) throw new HttpMessageError("ERR_HTTP_LINE_END");
    }
  }
}

/** Whose heads are read, one after the other: a connection. */
export interface HeadHolder {
  /** Holds the beginning of a head whose end has not come yet. */
  heldHead: HeadReader | undefined;
}

/**
 * The head that is complete with this chunk; undefined while it is not. Nearly all come whole and are read in one pass, the others with
 * care. `cookie`: see `parseRequestHead`. Throws HttpMessageError.
 */
export function readHead<H>(
  kind: HeadKind<H>,
  limits: HeadLimits,
  holder: HeadHolder,
  chunk: Buffer,
  cookie?: string,
): Read<H> | undefined {
  if (holder.heldHead === undefined) {
    const whole = kind.whole(chunk, limits, cookie);
    if (whole !== undefined) return whole;
  }
  const reader = holder.heldHead ?? new HeadReader(limits, kind.skipsEmptyLines);
  const isComplete = reader.push(chunk);
  holder.heldHead = isComplete || reader.held === 0 ? undefined : reader;
  if (!isComplete) return undefined;
  return kind.parse(reader.bytes, reader.start, reader.end, limits);
}

interface HeadKind<H> {
  readonly skipsEmptyLines: boolean;
  whole(bytes: Buffer, limits: HeadLimits, cookie?: string): Read<H> | undefined;
  parse(bytes: Buffer, start: number, end: number, limits: HeadLimits): Read<H>;
}

export const requestHeads: HeadKind<RequestHead> = {
  skipsEmptyLines: true,
  whole: wholeRequestHead,
  parse: parseRequestHead,
};

export const responseHeads: HeadKind<ResponseHead> = {
  skipsEmptyLines: false,
  whole: wholeResponseHead,
  parse: parseResponseHead,
};
