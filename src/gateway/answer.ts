import { fieldName, flat, Headers, fields as known, Lines, maskOf, type ResponseBody, turnMs } from "../http1/index.ts";
import type { Context } from "./context.ts";
import { acceptsTrailers, connectionOptions } from "./hop-by-hop.ts";
import { createRequestId } from "./request-id.ts";
import { type Exit, reasonOf, serverError } from "./response.ts";
import type { GatewaySettings } from "./settings.ts";

/** Which fields of its own the gateway adds to answers; made once from the settings. */
export interface AnswerFields {
  readonly product: string;
  /** How this gateway names itself in `Via`, by what the client speaks: HTTP/1, HTTP/2. */
  readonly via: string;
  readonly via2: string;
  readonly server: boolean;
  readonly latency: boolean;
  readonly requestId: boolean;
  readonly upstreamStatus: boolean;
  /** What it adds, by milliseconds of the upstream and of the proxy: kept by `ownLines` for itself. */
  readonly own: readonly (string | undefined)[][];
}

export function answerFields({ product, headers }: GatewaySettings): AnswerFields {
  const has = (...names: string[]) => names.some((name) => headers.includes(name));
  return {
    product,
    via: flat(`1.1 ${product}`),
    via2: flat(`2 ${product}`),
    server: has("server_tokens", "server"),
    latency: has("latency_tokens", "x-kong-proxy-latency", "x-kong-response-latency", "x-kong-upstream-latency"),
    requestId: has("x-kong-request-id"),
    upstreamStatus: has("x-kong-upstream-status"),
    own: Array.from({ length: MOST_UPSTREAM_MS }, () => Array.from({ length: MOST_PROXY_MS })),
  };
}

let dateText = "";
let dateSecond = 0;

function date(nowMs: number): string {
  const second = Math.floor(nowMs / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    dateText = new Date(second * 1000).toUTCString();
  }
  return dateText;
}

/** Tell the client which route and which service its request met. Source: SPEC-proxy §1.4. */
export function nameMatch({ match, response }: Context): void {
  const { entity, service } = match!.route.row;
  response.setHeader("Kong-Route-Id", entity.id);
  if (entity.name != null) response.setHeader("Kong-Route-Name", entity.name);
  if (!service) return;
  response.setHeader("Kong-Service-Id", service.id);
  if (service.name != null) response.setHeader("Kong-Service-Name", service.name);
}

/** The head of an answer that the gateway made, before the header filters. Order of fields: SPEC-proxy §5. */
export function exitHeaders(ctx: Context, exit: Exit, nowMs: number): Headers {
  const headers = new Headers();
  headers.add(known.date, date(nowMs));
  if (exit.contentType !== undefined) headers.add(known["content-type"], exit.contentType);
  headers.add(known.connection, exit.close || !ctx.request.inbound.keepAlive ? "close" : "keep-alive");
  headers.addAll(ctx.response.headers);
  // Two lines with one name only where both are meant: `Connection: Upgrade` stands beside `keep-alive`.
  for (let i = 0; i < exit.headers.length; i += 2) headers.append(exit.headers[i]!, exit.headers[i + 1]!);
  if (exit.status !== 204 && exit.status !== 304)
    headers.append("Content-Length", String(Buffer.byteLength(exit.body)));
  return headers;
}

/** What the gateway adds to its own answers after the header filters. */
export function finishExit(ctx: Context, fields: AnswerFields, nowMs: number): void {
  const { headers } = ctx.response;
  if (fields.latency) headers.append("X-Kong-Response-Latency", String(nowMs - ctx.startMs));
  if (fields.server) headers.append("Server", fields.product);
  if (fields.requestId) headers.append("X-Kong-Request-Id", ctx.request.id);
}

/** What belongs to the upstream's connection only. */
const HOP_BY_HOP = maskOf(
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "content-length",
  "te",
  "upgrade",
  "trailer",
);

const NOT_THEIRS = HOP_BY_HOP | known["x-kong-request-id"].bit;

export interface UpstreamHead {
  readonly headers: Headers;
  readonly body: ResponseBody;
}

/** Where fields go: among others, or as lines into the text that goes on the wire. */
type FieldSink = Headers | Lines;

/** What upstreams seldom send, and the gateway's own fields depend on. */
const SELDOM = maskOf("via", "trailer", "x-kong-upstream-latency", "x-kong-proxy-latency");

/**
 * The whole head of an upstream's answer as lines, when nobody has asked for its fields and nothing in it needs care: what
 * `proxiedHeaders` and `finishProxied` make, without the fields in between. Undefined when there is something.
 */
export function proxiedLines(
  ctx: Context,
  head: UpstreamHead,
  fields: AnswerFields,
  took: Latencies,
): string | undefined {
  if (!ctx.response.isBare || fields.upstreamStatus) return undefined;
  if (head.headers.mayHave(SELDOM) || connectionOptions(head.headers) !== undefined) return undefined;
  const lines = new Lines("");
  writeProxied(lines, ctx, head, fields, undefined);
  const text = lines.text + ownLines(fields, took);
  return fields.requestId ? text + ctx.request.id : text;
}

/** The head of an upstream's answer as the client gets it, before the header filters. Order of fields: SPEC-proxy §5. */
export function proxiedHeaders(ctx: Context, head: UpstreamHead, fields: AnswerFields): Headers {
  const headers = new Headers();
  writeProxied(headers, ctx, head, fields, connectionOptions(head.headers));
  return headers;
}

/** `named`: what the upstream's `Connection` keeps back. */
function writeProxied(
  headers: FieldSink,
  ctx: Context,
  head: UpstreamHead,
  fields: AnswerFields,
  named: ReadonlySet<string> | undefined,
): void {
  const received = head.headers;
  const typeAt = received.indexOf(known["content-type"]);
  if (typeAt >= 0) headers.addFrom(received, typeAt);
  const { inbound } = ctx.request;
  const chunked = writeFraming(headers, head, inbound.httpVersion);
  const endsByClose = inbound.httpVersion === "1.0" && head.body.kind !== "none" && head.body.kind !== "length";
  headers.addAll(inbound.keepAlive && !endsByClose ? KEEP_ALIVE : CLOSE);
  if (!ctx.response.isBare) headers.addAll(ctx.response.headers);
  const announcesTrailers = chunked && acceptsTrailers(ctx.request.headers);
  for (let i = 0; i < received.size; i++) {
    const name = received.nameAt(i);
    const isType = name.bit === known["content-type"].bit;
    if (isType && (i === typeAt || received.valueAt(i) === received.valueAt(typeAt))) continue;
    if (name.bit === known.trailer.bit && announcesTrailers) headers.addFrom(received, i);
    if ((name.bit & NOT_THEIRS) !== 0 || named?.has(name.lower)) continue;
    headers.addFrom(received, i);
  }
  if (!received.mayHave(known.date.bit)) headers.add(known.date, date(turnMs()));
  if (fields.server && !received.mayHave(known.server.bit)) headers.add(known.server, fields.product);
}

const KEEP_ALIVE = Headers.constant(["Connection", "keep-alive"]);
const CLOSE = Headers.constant(["Connection", "close"]);

/** Answers whether trailers can follow the body: behind chunks, and in HTTP/2 behind what came in chunks. */
function writeFraming(headers: FieldSink, { body, headers: received }: UpstreamHead, version: string): boolean {
  if (body.kind === "length") writeLength(headers, received, body.length);
  else if (body.kind === "none") {
    const at = received.indexOf(known["content-length"]);
    if (at >= 0) headers.addFrom(received, at);
  } else if (version === "1.1") headers.add(known["transfer-encoding"], "chunked");
  return body.kind === "chunked" && version !== "1.0";
}

/** As the upstream has written it, but without zeros before the number. */
function writeLength(headers: FieldSink, received: Headers, length: number): void {
  const at = received.indexOf(known["content-length"]);
  if (at >= 0 && !received.beginsWith(at, ZERO)) headers.addFrom(received, at);
  else headers.add(known["content-length"], String(length));
}

const ZERO = 0x30;

/** The fields of an informational answer that are for the client, in the order they came. */
export function informationalHeaders(received: Headers): Headers {
  const kept = new Headers();
  const named = connectionOptions(received);
  for (let i = 0; i < received.size; i++) {
    const name = received.nameAt(i);
    if ((name.bit & HOP_BY_HOP) === 0 && !named?.has(name.lower)) kept.addFrom(received, i);
  }
  return kept;
}

const UPSTREAM_STATUS = fieldName("X-Kong-Upstream-Status");

export interface Latencies {
  /** Milliseconds until the upstream answered. */
  readonly upstreamMs: number;
  /** Milliseconds spent in the gateway before. */
  readonly proxyMs: number;
}

/** What the gateway adds to an upstream's answer after the header filters. */
export function finishProxied(ctx: Context, fields: AnswerFields, took: Latencies): void {
  const { headers, status } = ctx.response;
  const via = withVia(headers, ctx.request.inbound.httpVersion === "2" ? fields.via2 : fields.via);
  writeOwn(headers, fields, took, { status, via, hasServer: headers.mayHave(known.server.bit) });
  if (fields.requestId) headers.add(known["x-kong-request-id"], ctx.request.id);
}

/** All of it but the request's id. */
function writeOwn(
  headers: Headers,
  fields: AnswerFields,
  { upstreamMs, proxyMs }: Latencies,
  { status, via, hasServer }: { readonly status: number; readonly via: string; readonly hasServer: boolean },
): void {
  if (fields.latency) {
    headers.put(known["x-kong-upstream-latency"], String(upstreamMs));
    headers.put(known["x-kong-proxy-latency"], String(proxyMs));
  }
  if (fields.upstreamStatus) headers.put(UPSTREAM_STATUS, String(status));
  if (fields.server) {
    headers.put(known.via, via);
    if (!hasServer) headers.add(known.server, fields.product);
  }
}

/** Below these times what is added is kept. */
const MOST_UPSTREAM_MS = 128;
const MOST_PROXY_MS = 8;

/** What `writeOwn` makes for an answer to an HTTP/1 client that has a `Server`, and the name of the request's id if that is sent. */
function ownLines(fields: AnswerFields, took: Latencies): string {
  const row = fields.own[took.upstreamMs];
  const kept = row?.[took.proxyMs];
  if (kept !== undefined) return kept;
  const own = new Headers();
  writeOwn(own, fields, took, { status: 0, via: fields.via, hasServer: true });
  const lines = new Lines("");
  lines.addAll(own);
  const text = flat(lines.text + (fields.requestId ? known["x-kong-request-id"].lead : ""));
  if (row && took.proxyMs in row) row[took.proxyMs] = text;
  return text;
}

/** The gateways that a message has passed, with this one as the last. */
export function withVia(received: Headers, own: string): string {
  return received.mayHave(known.via.bit) ? [...received.getAll("via"), own].join(", ") : own;
}

/**
 * What makes a whole HTTP/1.1 answer to bytes that are no request, by its status; the connection closes after it. Errors of the
 * server level: SPEC-proxy §6.
 */
export function createBadRequest(settings: GatewaySettings): (status: number) => string {
  const fields = answerFields(settings);
  return (status) => badRequest(status, fields, settings.error_default_type);
}

function badRequest(status: number, fields: AnswerFields, defaultType: string): string {
  const requestId = createRequestId();
  const exit = serverError(status, undefined, requestId, defaultType);
  const lines = [
    `HTTP/1.1 ${exit.status} ${reasonOf(exit.status)}`,
    `Date: ${date(Date.now())}`,
    `Content-Type: ${exit.contentType}`,
    "Connection: close",
    `Content-Length: ${Buffer.byteLength(exit.body)}`,
    ...(fields.latency ? ["X-Kong-Response-Latency: 0"] : []),
    ...(fields.server ? [`Server: ${fields.product}`] : []),
    ...(fields.requestId ? [`X-Kong-Request-Id: ${requestId}`] : []),
  ];
  return `${lines.join("\r\n")}\r\n\r\n${exit.body}`;
}
