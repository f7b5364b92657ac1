export interface MemcachedAnswer {
  /** The first line, without its end. */
  readonly line: string;
  /** The value that a `VALUE` line announces. */
  readonly value: string | undefined;
}

const LONGEST_LINE = 2_048;
/** Bytes of the largest value that is read: more than any session, and than memcached takes unless told to. */
const LARGEST_VALUE = 2 ** 26;
const END = "\r\nEND\r\n";

/**
 * Splits what comes from a memcached server into answers:
 *
 *   VALUE <key> <flags> <bytes> [<cas>] CRLF <data> CRLF END CRLF
 *   <any other line> CRLF
 *
 * Throws for what is neither.
 */
export class MemcachedReader {
  readonly #answered: (answer: MemcachedAnswer) => void;
  #parts: Buffer[] = [];
  #length = 0;
  /** How many bytes there must be before it is worth looking again. */
  #needed = 1;

  constructor(answered: (answer: MemcachedAnswer) => void) {
    this.#answered = answered;
  }

  push(bytes: Buffer): void {
    this.#parts.push(bytes);
    this.#length += bytes.length;
    if (this.#length < this.#needed) return;
    let rest = this.#parts.length === 1 ? bytes : Buffer.concat(this.#parts);
    for (let end = this.#read(rest); end > 0; end = this.#read(rest)) rest = rest.subarray(end);
    this.#parts = rest.length > 0 ? [rest] : [];
    this.#length = rest.length;
  }

  /** Read one answer; where it ends, or 0 when it is not complete. */
  #read(bytes: Buffer): number {
    const lineEnd = bytes.indexOf("\r\n");
    if (lineEnd < 0) {
      if (bytes.length > LONGEST_LINE) throw new Error("memcached sent a line without an end");
      this.#needed = bytes.length + 1;
      return 0;
    }
    const line = bytes.toString("latin1", 0, lineEnd);
    if (!line.startsWith("VALUE ")) {
      this.#answered({ line, value: undefined });
      return lineEnd + 2;
    }
    const size = Number(line.split(" ")[3]);
    if (!(size >= 0 && size <= LARGEST_VALUE)) throw new Error("memcached sent a value of impossible size");
    const start = lineEnd + 2;
    const end = start + size + END.length;
    this.#needed = end;
    if (bytes.length < end) return 0;
    if (bytes.toString("latin1", start + size, end) !== END) throw new Error("memcached sent a value without an end");
    this.#answered({ line, value: bytes.toString("utf8", start, start + size) });
    this.#needed = 1;
    return end;
  }
}
