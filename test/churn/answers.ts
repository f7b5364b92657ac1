import { isMarked, type Kind } from "./marks.ts";

export interface Asked {
  readonly kind: Kind;
  readonly id: string;
  readonly method: string;
  readonly version: "1.0" | "1.1";
  readonly length: number;
}

/**
 * What is wrong with the bytes that a client got on a connection for these requests; undefined when every one of them belongs to
 * the request whose turn it was. Unless `whole`, the last answer may be cut anywhere, and others may be missing.
 */
export function faultOf(bytes: Buffer, requests: readonly Asked[], whole: boolean): string | undefined {
  let rest = bytes;
  for (const [index, asked] of requests.entries()) {
    let head = readHead(rest);
    while (head !== undefined && head.status > 101 && head.status < 200) {
      if (head.id !== asked.id) return `${asked.id} got the hints of ${head.id}`;
      rest = head.rest;
      head = readHead(rest);
    }
    if (head === undefined) {
      const text = rest.toString("latin1");
      if (whole) return `${asked.id} (${asked.kind}) got no whole head: ${text}`;
      return "HTTP/1.1 ".startsWith(text.slice(0, 9)) ? undefined : `${asked.id} got ${text}`;
    }
    const body = readBody(head, asked);
    if (typeof body === "string") return `${asked.id} (${asked.kind}, ${head.status}): ${body}`;
    if (!body.isComplete)
      return whole && asked.kind !== "abort" ? `${asked.id} (${asked.kind}) was cut: ${body.bytes.length}` : undefined;
    rest = body.rest;
    if (head.closes) return rest.length === 0 ? undefined : `${rest.length} bytes behind the last answer`;
    if (whole && index === requests.length - 1) return "the last answer does not say close";
  }
  return rest.length === 0 ? undefined : `${rest.length} bytes too many: ${rest.toString("latin1", 0, 200)}`;
}

interface Head {
  readonly status: number;
  readonly id: string | undefined;
  readonly length: number | undefined;
  readonly isChunked: boolean;
  readonly closes: boolean;
  readonly rest: Buffer;
}

function readHead(bytes: Buffer): Head | undefined {
  const end = bytes.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const text = bytes.toString("latin1", 0, end + 2);
  const field = (name: string) => new RegExp(`\r\n${name}: ([^\r]*)\r\n`, "i").exec(text)?.[1];
  const length = field("content-length");
  return {
    status: Number(/^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1]),
    id: field("x-id"),
    length: length === undefined ? undefined : Number(length),
    isChunked: field("transfer-encoding") === "chunked",
    closes: field("connection") === "close",
    rest: bytes.subarray(end + 4),
  };
}

type Body = { readonly bytes: Buffer; readonly isComplete: boolean; readonly rest: Buffer };

/** The body, or what is wrong with it. */
function readBody(head: Head, asked: Asked): Body | string {
  const body = split(head, asked);
  if (typeof body === "string") return body;
  if (head.status >= 400) {
    if (head.id !== undefined) return "an error with the mark of an upstream";
    if (head.status !== 502 || (asked.kind !== "abort" && asked.kind !== "reset")) return `${body.bytes}`;
    return body;
  }
  if (head.id !== asked.id) return `the answer to ${head.id}`;
  if (head.status === 101) return isMarked(body.bytes, `u${asked.id}`) ? body : "the bytes of another socket";
  if (!isMarked(body.bytes, asked.id)) return "bytes of another answer";
  const expected = asked.method === "HEAD" || asked.kind === "empty" ? 0 : asked.length;
  return body.isComplete && body.bytes.length !== expected ? `${body.bytes.length} bytes, not ${expected}` : body;
}

function split({ status, length, isChunked, rest }: Head, { method, length: sent, kind }: Asked): Body | string {
  if (method === "HEAD" || status === 204) return { bytes: rest.subarray(0, 0), isComplete: true, rest };
  if (isChunked) return splitChunks(rest);
  // A body that ends with the connection; its mark says how much there is.
  const size = length ?? (status === 101 ? sent : kind === "abort" ? sent + 1 : Math.max(sent, rest.length));
  return { bytes: rest.subarray(0, size), isComplete: rest.length >= size, rest: rest.subarray(size) };
}

function splitChunks(bytes: Buffer): Body | string {
  const pieces: Buffer[] = [];
  let at = 0;
  for (;;) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd < 0) break;
    const line = bytes.toString("latin1", at, lineEnd);
    if (!/^[0-9a-f]+$/.test(line)) return `no size of a chunk: ${line.slice(0, 100)}`;
    const size = Number.parseInt(line, 16);
    const end = lineEnd + 2 + size;
    pieces.push(bytes.subarray(lineEnd + 2, end));
    if (bytes.length < end + 2) break;
    if (bytes.toString("latin1", end, end + 2) !== "\r\n") return "no line end behind a chunk";
    at = end + 2;
    if (size === 0) return { bytes: Buffer.concat(pieces), isComplete: true, rest: bytes.subarray(at) };
  }
  return { bytes: Buffer.concat(pieces), isComplete: false, rest: bytes.subarray(bytes.length) };
}
