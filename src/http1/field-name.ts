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
  readonly length: number;
  /** Where its letters are in `letters`, if it is kept. */
  at: number;
  /** The one that stood behind it last, and most likely will again: for the parser, which alone writes it; only of those that are kept. */
  next: FieldName | undefined;
  /** The value that it most likely has, for a name that is looked at in every message: for the parser. */
  usual: UsualValue | undefined;
  /** Whether it is the one record of its spelling. */
  isKept: boolean;
}

/** Spellings that are kept, of those that come from outside; further ones are made anew each time. */
const MOST_NAMES = 1000;
const LONGEST_NAME = 64;

/** The letters of all names that are kept, and of their usual values: in one place, so that to compare them finds it in the caches. */
const letters = new Uint8Array(2 * MOST_NAMES * LONGEST_NAME);
let lettersUsed = 0;

/** Room for so many letters. */
function roomFor(length: number): number {
  lettersUsed += length;
  return lettersUsed - length;
}

function write(text: string, at: number): void {
  for (let i = 0; i < text.length; i += 1) letters[at + i] = text.charCodeAt(i);
}

/** Whether these letters are what stands in the bytes. */
function isAt(at: number, length: number, bytes: Buffer, start: number): boolean {
  for (let i = 0; i < length; i += 1) if (letters[at + i] !== bytes[start + i]) return false;
  return true;
}

/** A valid value, which is the same string each time. */
export class UsualValue {
  text = "";
  #length = 0;
  readonly #at = roomFor(LONGEST_NAME);

  /** Whether this is the whole value at that place. */
  isAt(bytes: Buffer, start: number): boolean {
    return bytes[start + this.#length] === CR && isAt(this.#at, this.#length, bytes, start);
  }

  /** Longer texts are not kept. */
  become(text: string): void {
    if (text.length > LONGEST_NAME) return;
    this.text = text;
    this.#length = text.length;
    write(text, this.#at);
  }
}

const CR = 13;

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
    length: wire.length,
    at: 0,
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
    name.at = roomFor(wire.length);
    write(wire, name.at);
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
    if (name.length === length && isAt(name.at, length, bytes, start)) return name;
  }
  return keep(create(bytes.toString("latin1", start, end)));
}

/** Whether a line begins with this name and its colon. */
export function leads({ at, length }: FieldName, bytes: Buffer, start: number): boolean {
  return bytes[start + length] === COLON && isAt(at, length, bytes, start);
}

const COLON = 58;

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
