import { Headers, type ResponseBody } from "../http1/index.ts";
import type { Context } from "./context.ts";
import { acceptsTrailers, connectionOptions } from "./hop-by-hop.ts";
import { createRequestId } from "./request-id.ts";
import { type Exit, reasonOf, serverError } from "./response.ts";
import type { GatewaySettings } from "./settings.ts";

/** Which fields of its own the gateway adds to answers; made once from the settings. */
export interface AnswerFields {
  readonly product: string;
  readonly server: boolean;
  readonly latency: boolean;
  readonly requestId: boolean;
  readonly upstreamStatus: boolean;
}

export function answerFields({ product, headers }: GatewaySettings): AnswerFields {
  const has = (...names: string[]) => names.some((name) => headers.includes(name));
  return {
    product,
    server: has("server_tokens", "server"),
    latency: has("latency_tokens", "x-kong-proxy-latency", "x-kong-response-latency", "x-kong-upstream-latency"),
    requestId: has("x-kong-request-id"),
    upstreamStatus: has("x-kong-upstream-status"),
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

function appendAll(list: string[], fields: readonly string[]): void {
  for (const text of fields) list.push(text);
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
  const list = ["Date", date(nowMs)];
  if (exit.contentType !== undefined) list.push("Content-Type", exit.contentType);
  list.push("Connection", exit.close || !ctx.request.inbound.keepAlive ? "close" : "keep-alive");
  appendAll(list, ctx.response.headers.list);
  const headers = new Headers(list);
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

const HOP_BY_HOP = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "content-length",
  "te",
  "upgrade",
  "trailer",
]);

export interface UpstreamHead {
  readonly status: number;
  readonly headers: Headers;
  readonly body: ResponseBody;
}

/** The head of an upstream's answer as the client gets it, before the header filters. Order of fields: SPEC-proxy §5. */
export function proxiedHeaders(ctx: Context, head: UpstreamHead, fields: AnswerFields): Headers {
  const received = head.headers;
  const list: string[] = [];
  const contentType = received.get("content-type");
  if (contentType !== undefined) list.push("Content-Type", contentType);
  const { inbound } = ctx.request;
  const chunked = appendFraming(list, head, inbound.httpVersion);
  const endsByClose = inbound.httpVersion === "1.0" && head.body.kind !== "none" && head.body.kind !== "length";
  list.push("Connection", inbound.keepAlive && !endsByClose ? "keep-alive" : "close");
  appendAll(list, ctx.response.headers.list);
  const named = connectionOptions(received);
  const announcesTrailers = chunked && acceptsTrailers(ctx.request.headers);
  const theirs = received.list;
  for (let i = 0; i < theirs.length; i += 2) {
    const name = theirs[i]!.toLowerCase();
    if (name === "content-type" && theirs[i + 1] === contentType) continue;
    if (name === "trailer" && announcesTrailers) list.push(theirs[i]!, theirs[i + 1]!);
    if (HOP_BY_HOP.has(name) || name === "x-kong-request-id" || named?.has(name)) continue;
    list.push(theirs[i]!, theirs[i + 1]!);
  }
  if (!received.has("date")) list.push("Date", date(Date.now()));
  if (fields.server && !received.has("server")) list.push("Server", fields.product);
  return Headers.trusted(list);
}

/** Answers whether trailers can follow the body: behind chunks, and in HTTP/2 behind what came in chunks. */
function appendFraming(list: string[], { body, headers }: UpstreamHead, version: string): boolean {
  if (body.kind === "length") list.push("Content-Length", String(body.length));
  else if (body.kind === "none") {
    const length = headers.get("content-length");
    if (length !== undefined) list.push("Content-Length", length);
  } else if (version === "1.1") list.push("Transfer-Encoding", "chunked");
  return body.kind === "chunked" && version !== "1.0";
}

/** The fields of an informational answer that are for the client, in the order they came. */
export function informationalHeaders(received: Headers): Headers {
  const kept: string[] = [];
  const named = connectionOptions(received);
  for (let i = 0; i < received.list.length; i += 2) {
    const name = received.list[i]!.toLowerCase();
    if (!HOP_BY_HOP.has(name) && !named?.has(name)) kept.push(received.list[i]!, received.list[i + 1]!);
  }
  return Headers.trusted(kept);
}

export interface Latencies {
  /** Milliseconds until the upstream answered. */
  readonly upstreamMs: number;
  /** Milliseconds spent in the gateway before. */
  readonly proxyMs: number;
}

/** What the gateway adds to an upstream's answer after the header filters. */
export function finishProxied(ctx: Context, fields: AnswerFields, { upstreamMs, proxyMs }: Latencies): void {
  const { headers } = ctx.response;
  if (fields.latency) {
    headers.set("X-Kong-Upstream-Latency", String(upstreamMs));
    headers.set("X-Kong-Proxy-Latency", String(proxyMs));
  }
  if (fields.upstreamStatus) headers.set("X-Kong-Upstream-Status", String(ctx.response.status));
  const via = `${ctx.request.inbound.httpVersion === "2" ? "2" : "1.1"} ${fields.product}`;
  const theirs = headers.getAll("via");
  if (fields.server) headers.set("Via", theirs.length > 0 ? `${theirs.join(", ")}, ${via}` : via);
  if (fields.server && !headers.has("server")) headers.append("Server", fields.product);
  if (fields.requestId) headers.append("X-Kong-Request-Id", ctx.request.id);
}

/**
 * A whole HTTP/1.1 answer to bytes that are no request; the connection closes after it. Errors of the server level:
 * SPEC-proxy §6.
 */
export function badRequest(status: number, settings: GatewaySettings): string {
  const requestId = createRequestId();
  const exit = serverError(status, undefined, requestId, settings.error_default_type);
  const fields = answerFields(settings);
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
