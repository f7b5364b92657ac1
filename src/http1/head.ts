import { HttpMessageError, type HttpMessageErrorCode } from "./errors.ts";
import { type FieldName, fieldName, fieldNameAt, fields, leads, UsualValue } from "./field-name.ts";
import { flat } from "./flat.ts";
import { Headers } from "./headers.ts";

/** Bytes of a whole head, bytes of one line without its end, number of fields. */
export interface HeadLimits {
  readonly head: number;
  readonly line: number;
  readonly fields: number;
}

/** Room for a session in nine cookies. */
export const defaultLimits: HeadLimits = { head: 65536, line: 49152, fields: 200 };

export interface RequestHead {
  readonly method: string;
  /** As received, all visible ASCII: a path with its query, an absolute URL, `*`, or for CONNECT an authority. */
  readonly target: string;
  /**
   * The target begins with a slash and has nothing that a path needs care for: no escape, nothing that should be one, no dot or slash
   * behind a slash. Absent, or false, that is not known.
   */
  readonly isPlain?: boolean;
  readonly version: "1.0" | "1.1";
  readonly headers: Headers;
}

export interface ResponseHead {
  readonly version: "1.0" | "1.1";
  readonly status: number;
  readonly reason: string;
  readonly headers: Headers;
}

/** Where a head was read from: `bytes` from `start` on, and what follows it begins at `end`. */
export interface Source {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  /** What was looked at, from `start` on, as Latin-1 text. */
  readonly text: string;
}

export type Read<Head> = Head & Source;

/** What was read behind a head. */
export function restOf({ bytes, end }: Source): Buffer {
  return end === bytes.length ? NOTHING : bytes.subarray(end);
}

/** The same as Latin-1 text, if it has this length and costs nothing to have. */
export function restTextOf({ text, start, end }: Source, length: number): string | undefined {
  return text.length - (end - start) === length ? text.slice(end - start) : undefined;
}

const NOTHING: Buffer = Buffer.alloc(0);

const HTAB = 9;
const LF = 10;
const CR = 13;
const SP = 32;
const HASH = 35;
const DOT = 46;
const SLASH = 47;
const ZERO = 48;
const ONE = 49;
const COLON = 58;

/**
 * What a byte may be part of: bit 1 a token, bit 2 a field value or reason, bit 4 a request target, bit 8 a plain one. A target has no
 * fragment (RFC 9112 §3.2): some servers would cut it off, and see another path than we do.
 */
const classes = new Uint8Array(256);
for (let byte = 0x20; byte < 0x100; byte += 1) {
  if (byte === 0x7f) continue;
  classes[byte]! |= byte === SP || byte === HASH || byte > 0x7f ? 2 : 2 | 4;
  if (/[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(String.fromCharCode(byte))) classes[byte]! |= 1;
  if (/[!$&'()*+,\-./:;=?@_~0-9A-Za-z]/.test(String.fromCharCode(byte))) classes[byte]! |= 8;
}
classes[HTAB]! |= 2;

function refuse(code: HttpMessageErrorCode): never {
  throw new HttpMessageError(code);
}

/** The error for a byte that its place does not allow: line ends have their own. */
function refuseByte(byte: number | undefined, otherwise: HttpMessageErrorCode): never {
  refuse(byte === CR || byte === LF ? "ERR_HTTP_LINE_END" : otherwise);
}

/** Latin-1 text; faster than `toString` by what that takes to find out. */
function textOf(bytes: Buffer, start: number, end: number): string {
  return (bytes as Buffer & { latin1Slice(start: number, end: number): string }).latin1Slice(start, end);
}

/** Where the last field section that was read ends, behind its empty line. */
let fieldsEnd = 0;

/**
 * Field lines from `at` to the empty line, which may lie before `end`: see `fieldsEnd`. Strict by RFC 9112 §5: no white space
 * before the colon, no folding, no control character but HTAB. A tab behind a value stays part of it, as in nginx and, for
 * framing fields, llhttp: what others would not read as `chunked` must not be `chunked` here. The loops need no bounds: behind
 * the bytes there is nothing that could be part of a line.
 */
function parseFields(
  bytes: Buffer,
  text: string,
  origin: number,
  at: number,
  end: number,
  limits: HeadLimits,
  first: FieldName,
  cookie?: string,
): Headers {
  const headers = Headers.of(text);
  let last = first;
  let count = 0;
  while (bytes[at] !== CR || bytes[at + 1] !== LF) {
    const line = at;
    let name = last.next;
    if (name !== undefined && leads(name, bytes, line)) {
      at += name.length;
    } else {
      while ((classes[bytes[at]!]! & 1) !== 0) at += 1;
      if (bytes[at] !== COLON || at === line) {
        if (at >= end) refuse("ERR_HTTP_LINE_END");
        if (at === line && (bytes[at] === SP || bytes[at] === HTAB)) refuse("ERR_HTTP_FIELD_FOLDED");
        refuseByte(bytes[at], "ERR_HTTP_FIELD_NAME");
      }
      name = fieldNameAt(bytes, line, at);
      if (name.isKept) last.next = name;
    }
    last = name;
    const blank = (at += 1);
    while (bytes[at] === SP || bytes[at] === HTAB) at += 1;
    const valueStart = at;
    const isPlain = at === blank + 1 && bytes[blank] === SP;
    const again = name.usual?.isAt(bytes, at)
      ? name.usual.text
      : cookie !== undefined && name.bit === fields.cookie.bit && stands(cookie, text, valueStart - origin)
        ? cookie
        : undefined;
    if (again !== undefined) at += again.length;
    else while ((classes[bytes[at]!]! & 2) !== 0) at += 1;
    if (bytes[at] !== CR || bytes[at + 1] !== LF) refuseByte(bytes[at], "ERR_HTTP_FIELD_VALUE");
    if (at - line > limits.line) refuse("ERR_HTTP_LINE_TOO_LONG");
    if ((count += 1) > limits.fields) refuse("ERR_HTTP_TOO_MANY_FIELDS");
    let valueEnd = at;
    while (valueEnd > valueStart && bytes[valueEnd - 1] === SP) valueEnd -= 1;
    headers.addRead(name, valueStart - origin, valueEnd - origin, isPlain, again);
    at += 2;
  }
  fieldsEnd = at + 2;
  if (fieldsEnd - origin > limits.head) refuse("ERR_HTTP_HEAD_TOO_LONG");
  return headers;
}

for (const wire of ["Connection", "connection"]) {
  const name = fieldName(wire);
  name.usual = new UsualValue();
  name.usual.become("keep-alive");
}

/** Before the first field of each kind of section; no name of a field, so that nothing else stands before it. */
const [REQUEST, RESPONSE, TRAILERS] = [":request", ":response", ":trailers"].map(startOf) as [
  FieldName,
  FieldName,
  FieldName,
];

function startOf(wire: string): FieldName {
  return {
    wire,
    lower: wire,
    lead: "",
    bit: 0,
    length: 0,
    at: 0,
    next: undefined,
    usual: undefined,
    isKept: true,
  };
}

/** Whether this is the whole value that the text has there. */
function stands(value: string, text: string, at: number): boolean {
  const end = at + value.length;
  return text.charCodeAt(end) === CR && text.slice(at, end) === value;
}

/** Whether these bytes stand there; faster than to ask the text. */
function areAt(expected: Uint8Array, bytes: Buffer, at: number): boolean {
  for (let i = 0; i < expected.length; i += 1) if (bytes[at + i] !== expected[i]) return false;
  return true;
}

const GET = Buffer.from("GET ");
const HTTP_1 = Buffer.from("HTTP/1.");

function parseVersion(bytes: Buffer, at: number, malformed: HttpMessageErrorCode): "1.0" | "1.1" {
  if (areAt(HTTP_1, bytes, at)) {
    if (bytes[at + 7] === ONE) return "1.1";
    if (bytes[at + 7] === ZERO) return "1.0";
  }
  refuse(/^HTTP\/\d\.\d$/.test(bytes.toString("latin1", at, at + 8)) ? "ERR_HTTP_VERSION" : malformed);
}

/** No user information: RFC 9110 §4.2.4 asks to refuse it in a URL from outside. */
const ABSOLUTE = /^https?:\/\/[A-Za-z0-9\-._~!$&'()*+,;=%:[\]]+([/?]|$)/i;
const AUTHORITY = /^[A-Za-z0-9\-._~!$&'()*+,;=%:[\]]+:\d+$/;

function isTarget(method: string, target: string): boolean {
  if (method === "CONNECT") return AUTHORITY.test(target);
  return target.charCodeAt(0) === 0x2f || (target === "*" && method === "OPTIONS") || ABSOLUTE.test(target);
}

const HOST = /^[A-Za-z0-9\-._~!$&'()*+,;=%:[\]]*$/;

/** Valid hosts, each as the string that it is everywhere: that it is the same as another is then seen at once. */
const knownHosts = new Map<string, string>();
const MOST_HOSTS = 1000;
const LONGEST_HOST = 255;

/** That string; undefined when it is no host. */
function knownHost(host: string): string | undefined {
  const known = knownHosts.get(host);
  if (known !== undefined) return known;
  if (!HOST.test(host)) return undefined;
  if (host.length > LONGEST_HOST) return host;
  if (knownHosts.size >= MOST_HOSTS) knownHosts.clear();
  const kept = flat(host);
  knownHosts.set(kept, kept);
  return kept;
}

/** Most requests name the host that the one before did. */
function hasValidHost(version: "1.0" | "1.1", headers: Headers): boolean {
  let hosts = 0;
  for (let i = 0; i < headers.size; i += 1) {
    const name = headers.nameAt(i);
    if (name.bit !== fields.host.bit) continue;
    const host = headers.valueAt(i);
    if (name.isKept) name.usual ??= new UsualValue();
    if (host !== name.usual?.text) {
      const known = knownHost(host);
      if (known === undefined) return false;
      headers.replaceMade(i, known);
      name.usual?.become(known);
    }
    hosts += 1;
  }
  return hosts === 1 || (hosts === 0 && version === "1.0");
}

/**
 * The head of a request in `bytes` from `start` to the first empty line, which must lie before `end`. Strict by RFC 9112:
 * everything it does not allow throws HttpMessageError, as does a limit. Framing is looked at by `requestFraming`.
 *
 * `cookie` is the Cookie that the same client sent last: when it comes again, it is neither looked at nor made again, so that it is
 * the same string, with whatever the engine remembers of that.
 */
export function parseRequestHead(
  bytes: Buffer,
  start: number,
  end: number,
  limits: HeadLimits,
  cookie?: string,
): Read<RequestHead> {
  const text = textOf(bytes, start, end);
  let at = start;
  while ((classes[bytes[at]!]! & 1) !== 0) at += 1;
  if (bytes[at] !== SP || at === start) refuseByte(bytes[at], "ERR_HTTP_METHOD");
  const method = areAt(GET, bytes, start) ? "GET" : text.slice(0, at - start);
  const targetStart = (at += 1);
  let plain = bytes[at] === SLASH ? 8 : 0;
  let before = 0;
  for (let byte: number, kinds: number; ((kinds = classes[(byte = bytes[at]!)]!) & 4) !== 0; at += 1) {
    if (before === SLASH && (byte === SLASH || byte === DOT)) plain = 0;
    plain &= kinds;
    before = byte;
  }
  if (at - start > limits.line) refuse("ERR_HTTP_TARGET_TOO_LONG");
  if (bytes[at] !== SP || at === targetStart) refuseByte(bytes[at], "ERR_HTTP_REQUEST_LINE");
  const target = text.slice(targetStart - start, at - start);
  const version = parseVersion(bytes, at + 1, "ERR_HTTP_REQUEST_LINE");
  at += 9;
  if (bytes[at] !== CR || bytes[at + 1] !== LF) refuseByte(bytes[at], "ERR_HTTP_REQUEST_LINE");
  if ((method !== "GET" || bytes[targetStart] !== SLASH) && !isTarget(method, target)) refuse("ERR_HTTP_TARGET");
  const headers = parseFields(bytes, text, start, at + 2, end, limits, REQUEST, cookie);
  if (!hasValidHost(version, headers)) refuse("ERR_HTTP_HOST");
  return { method, target, isPlain: plain !== 0, version, headers, bytes, start, end: fieldsEnd, text };
}

/** In more bytes the end of the head is looked for, so that not all of them are made text. */
const SHORT = 4096;

const EMPTY_LINE = Buffer.from("\r\n\r\n");

/** Where what is to be looked at ends; 0 where no head ends. */
function endIn(bytes: Buffer): number {
  if (bytes.length <= SHORT) return bytes.length;
  const found = bytes.indexOf(EMPTY_LINE);
  return found < 0 ? 0 : found + EMPTY_LINE.length;
}

/**
 * The head of a request, when `bytes` begin with it and nothing is wrong with it, as nearly always; undefined when it is to be
 * looked at with care.
 */
export function wholeRequestHead(bytes: Buffer, limits: HeadLimits, cookie?: string): Read<RequestHead> | undefined {
  const end = endIn(bytes);
  if (end === 0) return undefined;
  try {
    return parseRequestHead(bytes, 0, end, limits, cookie);
  } catch (error) {
    return withCare(error);
  }
}

function withCare(error: unknown): undefined {
  if (!(error instanceof HttpMessageError)) throw error;
}

/** The status behind its blank: three digits, the first of which is not 0. */
function statusAt(bytes: Buffer, at: number): number {
  const [a, b, c] = [bytes[at + 1]! - ZERO, bytes[at + 2]! - ZERO, bytes[at + 3]! - ZERO];
  const isStatus = bytes[at] === SP && a >= 1 && a <= 9 && b >= 0 && b <= 9 && c >= 0 && c <= 9;
  return isStatus ? 100 * a + 10 * b + c : refuse("ERR_HTTP_STATUS_LINE");
}

/** The head of a response, as `parseRequestHead`. The reason phrase and the blank before it may be absent. */
export function parseResponseHead(bytes: Buffer, start: number, end: number, limits: HeadLimits): Read<ResponseHead> {
  const text = textOf(bytes, start, end);
  const version = parseVersion(bytes, start, "ERR_HTTP_STATUS_LINE");
  const status = statusAt(bytes, start + 8);
  let at = start + 12;
  if (bytes[at] === SP) at += 1;
  else if (bytes[at] !== CR) refuseByte(bytes[at], "ERR_HTTP_STATUS_LINE");
  const reasonStart = at;
  while ((classes[bytes[at]!]! & 2) !== 0) at += 1;
  if (bytes[at] !== CR || bytes[at + 1] !== LF) refuseByte(bytes[at], "ERR_HTTP_REASON");
  if (at - start > limits.line) refuse("ERR_HTTP_LINE_TOO_LONG");
  const reason = text.slice(reasonStart - start, at - start);
  const headers = parseFields(bytes, text, start, at + 2, end, limits, RESPONSE);
  return { version, status, reason, headers, bytes, start, end: fieldsEnd, text };
}

/** As `wholeRequestHead`. */
export function wholeResponseHead(bytes: Buffer, limits: HeadLimits): Read<ResponseHead> | undefined {
  const end = endIn(bytes);
  if (end === 0) return undefined;
  try {
    return parseResponseHead(bytes, 0, end, limits);
  } catch (error) {
    return withCare(error);
  }
}

/** Fields that would change what the message is; they are refused in a trailer section (RFC 9110 §6.5.1). */
const neverTrailers = ["transfer-encoding", "content-length", "host", "connection", "te", "trailer", "upgrade"];

/** The trailer section, from the line end before its first field to the empty line. Throws HttpMessageError. */
export function parseTrailers(bytes: Buffer, start: number, end: number, limits: HeadLimits): Headers {
  if (bytes[start] !== CR || bytes[start + 1] !== LF) refuse("ERR_HTTP_LINE_END");
  const trailers = parseFields(bytes, textOf(bytes, start, end), start, start + 2, end, limits, TRAILERS);
  if (fieldsEnd !== end) refuse("ERR_HTTP_LINE_END");
  if (neverTrailers.some((name) => trailers.has(name))) refuse("ERR_HTTP_TRAILERS");
  return trailers;
}
