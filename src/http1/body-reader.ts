import { HttpMessageError } from "./errors.ts";
import { parseTrailers } from "./field-section.ts";
import type { Framing } from "./framing.ts";
import { HeadReader } from "./head-reader.ts";
import type { Headers } from "./headers.ts";
import type { HeadLimits } from "./limits.ts";

const CR = 13;
const LF = 10;
const LINE_END = Buffer.from("\r\n");

/** Bytes of a line that gives a chunk's size, with its extensions. */
const SIZE_LINE_LIMIT = 1024;
/** Thirteen hexadecimal digits stay exact in a number. */
const SIZE_LINE =
  /^([0-9A-Fa-f]{1,13})(;[!#$%&'*+\-.^_`|~0-9A-Za-z]+(=([!#$%&'*+\-.^_`|~0-9A-Za-z]+|"([\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*"))?)*\r\n$/;

/** The value of every hexadecimal digit, 255 for all other bytes. */
const hexValues = new Uint8Array(256).fill(255);
for (let value = 0; value < 16; value += 1) {
  const digit = value.toString(16);
  hexValues[digit.charCodeAt(0)] = value;
  hexValues[digit.toUpperCase().charCodeAt(0)] = value;
}

/** Who takes the pieces of a body. */
export interface BodySink {
  onBodyBytes(bytes: Uint8Array): void;
}

/** Where the reader stands in a chunked body. */
type Place = "size" | "data" | "data-end" | "trailers";

/**
 * Takes a body from the chunks of a connection. A chunked body is either decoded, or passed on as valid chunks without extensions
 * (`raw`); the last chunk and the trailers are never passed on, `done` and `trailers` tell of them.
 */
export class BodyReader {
  /** The body is complete. */
  done: boolean;
  /** Of a complete chunked body, if it had any. */
  trailers: Headers | undefined;
  readonly #limits: HeadLimits;
  readonly #kind: Framing["kind"];
  readonly #raw: boolean;
  /** Bytes of the body, or of the chunk, that have not come yet. */
  #remaining: number;
  #place: Place = "size";
  /** The beginning of a size line, or a CR after data, whose rest has not come yet. */
  #held = "";
  #trailerReader: HeadReader | undefined;

  /** The limits are those of a trailer section. */
  constructor(limits: HeadLimits, framing: Framing, raw = false) {
    this.#limits = limits;
    this.#kind = framing.kind;
    this.#raw = raw;
    this.#remaining = framing.kind === "length" ? framing.length : 0;
    this.done = framing.kind === "none" || (framing.kind === "length" && framing.length === 0);
  }

  /** Pass on what `chunk` holds of the body; answers how many of its bytes belong to it. Throws HttpMessageError. */
  read(chunk: Buffer, sink: BodySink): number {
    if (this.done) return 0;
    if (this.#kind === "chunked") return this.#readChunked(chunk, sink);
    if (this.#kind === "close" || chunk.length < this.#remaining) {
      this.#remaining -= chunk.length;
      if (chunk.length > 0) sink.onBodyBytes(chunk);
      return chunk.length;
    }
    const last = this.#remaining;
    this.done = true;
    sink.onBodyBytes(last === chunk.length ? chunk : chunk.subarray(0, last));
    return last;
  }

  /** The peer has closed its side; answers whether that was a proper end. */
  close(): boolean {
    if (this.#kind === "close") this.done = true;
    return this.done;
  }

  #readChunked(chunk: Buffer, sink: BodySink): number {
    let at = 0;
    /** Where the bytes to be passed on in raw mode begin: one piece goes on over many chunks. */
    let from = 0;
    while (at < chunk.length && !this.done) {
      if (this.#place === "data") {
        const end = Math.min(chunk.length, at + this.#remaining);
        if (!this.#raw) sink.onBodyBytes(chunk.subarray(at, end));
        this.#remaining -= end - at;
        at = end;
        if (this.#remaining === 0) this.#place = "data-end";
      } else if (this.#place === "data-end") {
        at = this.#readDataEnd(chunk, at);
      } else if (this.#place === "trailers") {
        from = at = this.#readTrailers(chunk, at);
      } else {
        const line = at;
        at = this.#readPlainSize(chunk, at);
        if (at > line && this.#remaining > 0) continue;
        this.#pass(chunk, from, line, sink);
        if (at === line) at = this.#readAnySize(chunk, at, sink);
        from = at;
      }
    }
    this.#pass(chunk, from, at, sink);
    return at;
  }

  #pass(chunk: Buffer, from: number, to: number, sink: BodySink): void {
    if (this.#raw && to > from) sink.onBodyBytes(chunk.subarray(from, to));
  }

  #startChunk(size: number): void {
    this.#remaining = size;
    this.#place = size === 0 ? "trailers" : "data";
  }

  /** A size line in its usual form, whole and without extensions; answers where it ends, `at` if it is not of that form. */
  #readPlainSize(chunk: Buffer, at: number): number {
    let size = 0;
    let end = at;
    for (let value: number; end < at + 13 && (value = hexValues[chunk[end]!]!) < 16; end += 1) size = size * 16 + value;
    if (this.#held !== "" || end === at || chunk[end] !== CR || chunk[end + 1] !== LF) return at;
    this.#startChunk(size);
    return end + 2;
  }

  /** Any size line, or a part of one. In raw mode it is passed on without its extensions once it is complete. */
  #readAnySize(chunk: Buffer, at: number, sink: BodySink): number {
    const lineEnd = chunk.indexOf(LF, at);
    const end = lineEnd < 0 ? chunk.length : lineEnd + 1;
    if (this.#held.length + end - at > SIZE_LINE_LIMIT) throw new HttpMessageError("ERR_HTTP_CHUNK_EXTENSION");
    this.#held += chunk.toString("latin1", at, end);
    if (lineEnd < 0) return end;
    const digits = SIZE_LINE.exec(this.#held)?.[1];
    if (digits === undefined) {
      const extended = /^[0-9A-Fa-f]+;/.test(this.#held);
      throw new HttpMessageError(extended ? "ERR_HTTP_CHUNK_EXTENSION" : "ERR_HTTP_CHUNK");
    }
    this.#held = "";
    this.#startChunk(Number.parseInt(digits, 16));
    if (this.#raw && this.#remaining > 0)
      sink.onBodyBytes(Buffer.from(`${this.#remaining.toString(16)}\r\n`, "latin1"));
    return end;
  }

  /** The line end after a chunk's data, byte by byte since it may be split. */
  #readDataEnd(chunk: Buffer, at: number): number {
    if (chunk[at] !== (this.#held === "" ? CR : LF)) throw new HttpMessageError("ERR_HTTP_CHUNK");
    if (this.#held === "") {
      this.#held = "\r";
    } else {
      this.#held = "";
      this.#place = "size";
    }
    return at + 1;
  }

  #readTrailers(chunk: Buffer, at: number): number {
    if (this.#trailerReader === undefined) {
      if (chunk[at] === CR && chunk[at + 1] === LF) {
        this.done = true;
        return at + 2;
      }
      // With the line end before it, a trailer section ends like a head, also an empty one.
      this.#trailerReader = new HeadReader(this.#limits, false);
      this.#trailerReader.push(LINE_END);
    }
    const reader = this.#trailerReader;
    const held = reader.held;
    if (!reader.push(chunk.subarray(at))) return chunk.length;
    const trailers = parseTrailers(reader.bytes, reader.start, reader.end, this.#limits);
    if (trailers.size > 0) this.trailers = trailers;
    this.done = true;
    return at + reader.end - held;
  }
}
