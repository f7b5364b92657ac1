import { type FieldName, fieldName, fieldNameAt, fields, leads, UsualValue } from "./field-name.ts";
import { COLON, CR, classes, HTAB, IN_TOKEN, IN_VALUE, LF, refuse, refuseByte, SP, textOf } from "./head-bytes.ts";
import { Headers } from "./headers.ts";
import type { HeadLimits } from "./limits.ts";

let fieldsEnd = 0;

/** Where the section that `parseFields` has read last ends, behind its empty line. */
export function fieldsEndedAt(): number {
  return fieldsEnd;
}

/**
 * Field lines from `at` to the empty line, which may lie before `end`: see `fieldsEndedAt`. Strict by RFC 9112 §5: no white space
 * before the colon, no folding, no control character but HTAB. A tab behind a value stays part of it, as in nginx and, for
 * framing fields, llhttp: what others would not read as `chunked` must not be `chunked` here. The loops need no bounds: behind
 * the bytes there is nothing that could be part of a line.
 */
export function parseFields(
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
      while ((classes[bytes[at]!]! & IN_TOKEN) !== 0) at += 1;
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
    else while ((classes[bytes[at]!]! & IN_VALUE) !== 0) at += 1;
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
export const [REQUEST, RESPONSE, TRAILERS] = [":request", ":response", ":trailers"].map(startOf) as [
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
