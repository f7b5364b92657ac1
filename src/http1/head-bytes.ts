import { HttpMessageError, type HttpMessageErrorCode } from "./errors.ts";

export const HTAB = 9;
export const LF = 10;
export const CR = 13;
export const SP = 32;
const HASH = 35;
export const DOT = 46;
export const SLASH = 47;
export const ZERO = 48;
export const ONE = 49;
export const COLON = 58;

/**
 * What a byte may be part of: a token, a field value or reason, a request target, and one whose path needs no care. A target has no
 * fragment (RFC 9112 §3.2): some servers would cut it off, and see another path than we do.
 */
export const IN_TOKEN = 1;
export const IN_VALUE = 2;
export const IN_TARGET = 4;
export const IN_PLAIN_TARGET = 8;

/** These bits of each byte. */
export const classes = new Uint8Array(256);
for (let byte = 0x20; byte < 0x100; byte += 1) {
  if (byte === 0x7f) continue;
  const character = String.fromCharCode(byte);
  classes[byte]! |= IN_VALUE;
  if (byte !== SP && byte !== HASH && byte < 0x80) classes[byte]! |= IN_TARGET;
  if (/[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(character)) classes[byte]! |= IN_TOKEN;
  if (/[!$&'()*+,\-./:;=?@_~0-9A-Za-z]/.test(character)) classes[byte]! |= IN_PLAIN_TARGET;
}
classes[HTAB]! |= IN_VALUE;

export function refuse(code: HttpMessageErrorCode): never {
  throw new HttpMessageError(code);
}

/** The error for a byte that its place does not allow: line ends have their own. */
export function refuseByte(byte: number | undefined, otherwise: HttpMessageErrorCode): never {
  refuse(byte === CR || byte === LF ? "ERR_HTTP_LINE_END" : otherwise);
}

/** Latin-1 text; faster than `toString` by what that takes to find out. */
export function textOf(bytes: Buffer, start: number, end: number): string {
  return (bytes as Buffer & { latin1Slice(start: number, end: number): string }).latin1Slice(start, end);
}
