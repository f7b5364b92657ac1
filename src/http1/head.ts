import { HttpMessageError, type HttpMessageErrorCode } from "./errors.ts";
import { fields, UsualValue } from "./field-name.ts";
import { fieldsEndedAt, parseFields, REQUEST, RESPONSE } from "./field-section.ts";
import { flat } from "./flat.ts";
import {
  CR,
  classes,
  DOT,
  IN_PLAIN_TARGET,
  IN_TARGET,
  IN_TOKEN,
  IN_VALUE,
  LF,
  ONE,
  refuse,
  refuseByte,
  SLASH,
  SP,
  textOf,
  ZERO,
} from "./head-bytes.ts";
import type { Headers } from "./headers.ts";
import type { HeadLimits } from "./limits.ts";

export interface RequestHead {
  readonly method: string;
  /** As received, all visible ASCII: a path with its query, an absolute URL, `*`, or for CONNECT an authority. */
  readonly target: string;
  /**
   * The target is a path, perhaps with a query, and has nothing that a path needs care for: no escape, nothing that should be one, no dot or slash
   * behind a slash. Absent, or false, that is not known.
   */
  readonly hasPlainPath?: boolean;
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
  while ((classes[bytes[at]!]! & IN_TOKEN) !== 0) at += 1;
  if (bytes[at] !== SP || at === start) refuseByte(bytes[at], "ERR_HTTP_METHOD");
  const method = areAt(GET, bytes, start) ? "GET" : text.slice(0, at - start);
  const targetStart = (at += 1);
  let plain = bytes[at] === SLASH ? IN_PLAIN_TARGET : 0;
  for (let kinds = classes[bytes[at]!]!; (kinds & IN_TARGET) !== 0; kinds = classes[bytes[at]!]!) {
    plain &= kinds;
    if (bytes[at - 1] === SLASH && (bytes[at] === SLASH || bytes[at] === DOT)) plain = 0;
    at += 1;
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
  return { method, target, hasPlainPath: plain !== 0, version, headers, bytes, start, end: fieldsEndedAt(), text };
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
  while ((classes[bytes[at]!]! & IN_VALUE) !== 0) at += 1;
  if (bytes[at] !== CR || bytes[at + 1] !== LF) refuseByte(bytes[at], "ERR_HTTP_REASON");
  if (at - start > limits.line) refuse("ERR_HTTP_LINE_TOO_LONG");
  const reason = text.slice(reasonStart - start, at - start);
  const headers = parseFields(bytes, text, start, at + 2, end, limits, RESPONSE);
  return { version, status, reason, headers, bytes, start, end: fieldsEndedAt(), text };
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
