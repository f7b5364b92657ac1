import { HttpMessageError } from "./errors.ts";
import { flat } from "./flat.ts";

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** Whether the text is a token, as methods and field names must be (RFC 9110 §5.6.2). */
export function isToken(text: string): boolean {
  return TOKEN.test(text);
}

/** The name of a header field in one spelling; of each there is one record, as long as there are not too many. */
export interface FieldName {
  readonly wire: string;
  readonly lower: string;
  /** The beginning of its line, with the end of the line before: `CR LF name: blank`. */
  readonly lead: string;
  /** The one bit of a field in `fields` or of a group, whatever its spelling; 0 for all others. */
  readonly bit: number;
  readonly bytes: Uint8Array;
  /** The one that stood behind it last, and most likely will again: for the parser, which alone writes it; only of those that are kept. */
  next: FieldName | undefined;
  /** The value that it most likely has, for a name that is looked at in every message: for the parser. */
  usual: UsualValue | undefined;
  /** Whether it is the one record of its spelling. */
  isKept: boolean;
}

/** A valid value, which is the same string each time. */
export class UsualValue {
  text = "";
  readonly #bytes = new Uint8Array(LONGEST_USUAL);

  /** Whether this is the whole value at that place. */
  isAt(bytes: Buffer, start: number): boolean {
    const { length } = this.text;
    for (let i = 0; i < length; i += 1) if (this.#bytes[i] !== bytes[start + i]) return false;
    return bytes[start + length] === CR;
  }

  /** Longer texts are not kept. */
  become(text: string): void {
    if (text.length > LONGEST_USUAL) return;
    this.text = text;
    for (let i = 0; i < text.length; i += 1) this.#bytes[i] = text.charCodeAt(i);
  }
}

const LONGEST_USUAL = 64;
const CR = 13;

/** Spellings that are kept, of those that come from outside; further ones are made anew each time. */
const MOST_NAMES = 1000;
const LONGEST_NAME = 64;
/** Spellings that share a place, so that nobody can make a search long. */
const MOST_AT_A_PLACE = 8;

const byWire = new Map<string, FieldName>();
const places: FieldName[][] = Array.from({ length: 512 }, () => []);
const bits = new Map<string, number>();
let bitsGiven = 0;

function placeOf(length: number, first: number, last: number): FieldName[] {
  return places[(length * 37 + first * 5 + last) & 511]!;
}

function create(wire: string): FieldName {
  const lower = wire.toLowerCase();
  return {
    wire,
    lower,
    lead: flat(`\r\n${wire}: `),
    bit: bits.get(lower) ?? 0,
    bytes: Buffer.from(wire, "latin1"),
    next: undefined,
    usual: undefined,
    isKept: false,
  };
}

function keep(name: FieldName): FieldName {
  const { wire } = name;
  const place = placeOf(wire.length, wire.charCodeAt(0), wire.charCodeAt(wire.length - 1));
  if (byWire.size < MOST_NAMES && wire.length <= LONGEST_NAME && place.length < MOST_AT_A_PLACE) {
    name.isKept = true;
    byWire.set(wire, name);
    place.push(name);
  }
  return name;
}

/** The record of a name. Throws ERR_HTTP_FIELD_NAME when it is no token. */
export function fieldName(wire: string): FieldName {
  const known = byWire.get(wire);
  if (known !== undefined) return known;
  if (!TOKEN.test(wire)) throw new HttpMessageError("ERR_HTTP_FIELD_NAME");
  return keep(create(wire));
}

/** The record of the name in `bytes` from `start` to `end`, which is a token. */
export function fieldNameAt(bytes: Buffer, start: number, end: number): FieldName {
  const length = end - start;
  const place = placeOf(length, bytes[start]!, bytes[end - 1]!);
  for (let i = 0; i < place.length; i += 1) {
    const name = place[i]!;
    if (name.bytes.length === length && isAt(name.bytes, bytes, start)) return name;
  }
  return keep(create(bytes.toString("latin1", start, end)));
}

/** Whether a line begins with this name and its colon. */
export function leads({ bytes: name }: FieldName, bytes: Buffer, start: number): boolean {
  return bytes[start + name.length] === COLON && isAt(name, bytes, start);
}

const COLON = 58;

function isAt(name: Uint8Array, bytes: Buffer, start: number): boolean {
  for (let i = 0; i < name.length; i += 1) if (name[i] !== bytes[start + i]) return false;
  return true;
}

/** A field of `fields`. */
function known(wire: string): FieldName {
  const lower = wire.toLowerCase();
  bits.set(lower, 1 << bitsGiven++);
  if (lower !== wire) keep(create(lower));
  return keep(create(wire));
}

/**
 * The fields that are looked for in every message, with a bit each: who has none of it need not be searched. A literal, so that
 * the engine takes its members for constants.
 */
export const fields = {
  host: known("Host"),
  connection: known("Connection"),
  "content-length": known("Content-Length"),
  "transfer-encoding": known("Transfer-Encoding"),
  te: known("TE"),
  trailer: known("Trailer"),
  upgrade: known("Upgrade"),
  expect: known("Expect"),
  via: known("Via"),
  "keep-alive": known("Keep-Alive"),
  proxy: known("Proxy"),
  "proxy-connection": known("Proxy-Connection"),
  "http2-settings": known("HTTP2-Settings"),
  "x-forwarded-for": known("X-Forwarded-For"),
  "x-forwarded-proto": known("X-Forwarded-Proto"),
  "x-forwarded-host": known("X-Forwarded-Host"),
  "x-forwarded-port": known("X-Forwarded-Port"),
  "x-forwarded-path": known("X-Forwarded-Path"),
  "x-forwarded-prefix": known("X-Forwarded-Prefix"),
  "x-real-ip": known("X-Real-IP"),
  "x-kong-request-id": known("X-Kong-Request-Id"),
  "content-type": known("Content-Type"),
  date: known("Date"),
  server: known("Server"),
  cookie: known("Cookie"),
  "set-cookie": known("Set-Cookie"),
  accept: known("Accept"),
  "x-kong-upstream-latency": known("X-Kong-Upstream-Latency"),
  "x-kong-proxy-latency": known("X-Kong-Proxy-Latency"),
};

/** Fields that are looked for together: one bit for all of them, which is the answer. For modules as they are loaded. */
export function fieldGroup(...names: readonly string[]): number {
  const bit = 1 << bitsGiven++;
  if (bit <= 0) throw new Error("there are no bits left for a group of fields");
  for (const name of names) {
    bits.set(name.toLowerCase(), bit);
    for (const record of byWire.values())
      if (record.lower === name.toLowerCase()) (record as { bit: number }).bit = bit;
  }
  return bit;
}

/** The bits of these fields together. */
export function maskOf(...names: readonly (keyof typeof fields)[]): number {
  return names.reduce((mask, name) => mask | fields[name].bit, 0);
}
