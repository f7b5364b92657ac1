import { HttpMessageError } from "./errors.ts";
import { type Headers, isFieldValue, isToken } from "./headers.ts";

const TARGET = /^[\x21-\x7e\x80-\xff]+$/;

/** Fields as they stand on the wire, and the empty line. They were checked when they came into `headers`. */
export function formatFields(headers: Headers): string {
  const list = headers.list;
  let text = "";
  for (let i = 0; i < list.length; i += 2) text += `${list[i]}: ${list[i + 1]}\r\n`;
  return `${text}\r\n`;
}

/** The head of an HTTP/1.1 request, to be written as Latin-1. Throws ERR_HTTP_METHOD or ERR_HTTP_TARGET. */
export function formatRequestHead(method: string, target: string, headers: Headers): string {
  if (!isToken(method)) throw new HttpMessageError("ERR_HTTP_METHOD");
  if (!TARGET.test(target)) throw new HttpMessageError("ERR_HTTP_TARGET");
  return `${method} ${target} HTTP/1.1\r\n${formatFields(headers)}`;
}

/** The head of an HTTP/1.1 response, to be written as Latin-1. Throws ERR_HTTP_STATUS_LINE or ERR_HTTP_REASON. */
export function formatResponseHead(status: number, reason: string, headers: Headers): string {
  if (!Number.isInteger(status) || status < 100 || status > 999) throw new HttpMessageError("ERR_HTTP_STATUS_LINE");
  if (!isFieldValue(reason)) throw new HttpMessageError("ERR_HTTP_REASON");
  return `HTTP/1.1 ${status} ${reason}\r\n${formatFields(headers)}`;
}
