import { HttpMessageError } from "./errors.ts";
import { fields, isToken, maskOf } from "./field-name.ts";
import type { RequestHead, ResponseHead } from "./head.ts";
import type { Headers } from "./headers.ts";

/** How the body of a message is delimited; `close` (responses only) means by the end of the connection. */
export type Framing =
  | { readonly kind: "none" }
  | { readonly kind: "length"; readonly length: number }
  | { readonly kind: "chunked" }
  | { readonly kind: "close" };

const NONE: Framing = { kind: "none" };
const CHUNKED: Framing = { kind: "chunked" };
const CLOSE: Framing = { kind: "close" };

const FRAMING = maskOf("content-length", "transfer-encoding");

/** The one Content-Length. Throws ERR_HTTP_CONTENT_LENGTH when it is no decimal number, or not the only one. */
function lengthIn(headers: Headers): number {
  const index = headers.onlyIndexOf(fields["content-length"]);
  const length = index < 0 ? -1 : headers.numberAt(index);
  if (length < 0) throw new HttpMessageError("ERR_HTTP_CONTENT_LENGTH");
  return length;
}

/**
 * What the framing fields say, undefined without any. Where RFC 9112 §6.3 lets a recipient repair a message, it is refused:
 * both fields at once, Content-Length repeated or a list, any coding beside `chunked`, Transfer-Encoding in HTTP/1.0.
 */
function declaredFraming(head: RequestHead | ResponseHead): Framing | undefined {
  const { headers, version } = head;
  if (!headers.mayHave(FRAMING)) return undefined;
  const hasLength = headers.indexOf(fields["content-length"]) >= 0;
  if (headers.indexOf(fields["transfer-encoding"]) >= 0) {
    if (hasLength) throw new HttpMessageError("ERR_HTTP_FRAMING");
    if (version === "1.0") throw new HttpMessageError("ERR_HTTP_TRANSFER_ENCODING");
    checkTransferEncoding(headers.getAll("transfer-encoding"));
    return CHUNKED;
  }
  if (!hasLength) return undefined;
  return { kind: "length", length: lengthIn(headers) };
}

/** The items of a comma-separated list, in lower case. The white space of HTTP is blank and tab, not what `trim` takes for it. */
function listItems(values: readonly string[]): string[] {
  const items = values.join(",").toLowerCase().split(",");
  return items.map(withoutBlanks);
}

/** In one pass: a regular expression for the end would begin anew at each blank in the middle. */
function withoutBlanks(text: string): string {
  let [start, end] = [0, text.length];
  while (start < end && isBlank(text.charCodeAt(start))) start += 1;
  while (start < end && isBlank(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

const isBlank = (code: number): boolean => code === 0x20 || code === 0x09;

/** Passes `chunked` alone. A list of other codings is not understood (RFC 9112 §6.1 asks for 501), all else is malformed. */
function checkTransferEncoding(values: readonly string[]): void {
  if (values.length === 1 && values[0]!.toLowerCase() === "chunked") return;
  const codings = listItems(values);
  const known = codings.every((coding, i) => isToken(coding) && (coding !== "chunked" || i === codings.length - 1));
  throw new HttpMessageError(known ? "ERR_HTTP_TRANSFER_CODING" : "ERR_HTTP_TRANSFER_ENCODING");
}

/** How the body of a request is delimited (RFC 9112 §6.3); throws HttpMessageError where there is any doubt. */
export function requestFraming(head: RequestHead): Framing {
  const framing = declaredFraming(head);
  return framing === undefined || (framing.kind === "length" && framing.length === 0) ? NONE : framing;
}

/**
 * How the body of the response to a request of this method is delimited; throws HttpMessageError where there is any doubt, also
 * when there is no body: the fields travel on.
 */
export function responseFraming(method: string, head: ResponseHead): Framing {
  const { status } = head;
  const declared = declaredFraming(head);
  if (method === "HEAD" || status < 200 || status === 204 || status === 304) return NONE;
  if (method === "CONNECT" && status < 300) return NONE;
  return declared ?? CLOSE;
}

/** Whether the sender of this head keeps its connection open afterwards (RFC 9112 §9.3). */
export function keepsAlive(version: "1.0" | "1.1", headers: Headers): boolean {
  if (!headers.mayHave(fields.connection.bit)) return version === "1.1";
  if (version === "1.1" && headers.only(fields.connection) === "keep-alive") return true;
  const values = headers.getAll("connection");
  if (values.length === 0) return version === "1.1";
  const options = listItems(values);
  return !options.includes("close") && (version === "1.1" || options.includes("keep-alive"));
}
