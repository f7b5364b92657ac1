import { HttpMessageError } from "./errors.ts";
import { isToken } from "./field-name.ts";
import { flat } from "./flat.ts";
import { type Headers, isFieldValue } from "./headers.ts";
import { Lines } from "./lines.ts";

const TARGET = /^[\x21-\x7e\x80-\xff]+$/;

/** What the line of a request ends with. */
export const REQUEST_VERSION = " HTTP/1.1";

/** Fields as they stand on the wire behind a line, with its end and the empty line. They were checked when they came into `headers`. */
export function formatFields(start: string, headers: Headers): string {
  if (headers.size === 0) return `${start}\r\n\r\n`;
  const lines = new Lines(start);
  lines.addAll(headers);
  return `${lines.text}\r\n\r\n`;
}

/** The line of a request as far as its version. Throws ERR_HTTP_METHOD or ERR_HTTP_TARGET. */
export function formatRequest(method: string, target: string): string {
  if (method !== "GET" && !isToken(method)) throw new HttpMessageError("ERR_HTTP_METHOD");
  if (!TARGET.test(target)) throw new HttpMessageError("ERR_HTTP_TARGET");
  return (method === "GET" ? "GET " : `${method} `) + target;
}

/** The head of an HTTP/1.1 request, to be written as Latin-1. Throws as `formatRequest`. */
export function formatRequestHead(method: string, target: string, headers: Headers): string {
  return formatFields(formatRequest(method, target) + REQUEST_VERSION, headers);
}

/** The head of an HTTP/1.1 response, to be written as Latin-1. Throws ERR_HTTP_STATUS_LINE or ERR_HTTP_REASON. */
export function formatResponseHead(status: number, reason: string, headers: Headers): string {
  return formatFields(formatStatusLine(status, reason), headers);
}

/** The last status line that was made, which is nearly always the next one. */
let last = { status: 200, reason: "OK", line: "HTTP/1.1 200 OK" };

/** The status line, without its end. Throws ERR_HTTP_STATUS_LINE or ERR_HTTP_REASON. */
export function formatStatusLine(status: number, reason: string): string {
  if (status === last.status && reason === last.reason) return last.line;
  if (!Number.isInteger(status) || status < 100 || status > 999) throw new HttpMessageError("ERR_HTTP_STATUS_LINE");
  if (!isFieldValue(reason)) throw new HttpMessageError("ERR_HTTP_REASON");
  last = { status, reason, line: flat(`HTTP/1.1 ${status} ${reason}`) };
  return last.line;
}
