import { flat, Headers, fields as known, Lines, maskOf, REQUEST_VERSION } from "../http1/index.ts";
import { type AnswerFields, withVia } from "./answer.ts";
import type { Context } from "./context.ts";
import type { CommonLines } from "./forwarded.ts";
import { acceptsTrailers } from "./hop-by-hop.ts";
import type { Inbound } from "./inbound.ts";
import { escapePath } from "./path.ts";
import type { Target } from "./target.ts";

/** Whether the client asks for a WebSocket on a connection that can be handed over. */
export function isWebSocket(inbound: Inbound): boolean {
  return inbound.canUpgrade && inbound.headers.find(known.upgrade)?.toLowerCase() === "websocket";
}

/**
 * What stands behind the target in the head that goes to the upstream: the version, and the gateway's own fields as lines; behind
 * them stand those that the client and the plugins have left in `ctx.service.request`. Order of fields: SPEC-proxy §4.
 */
export function upstreamLead(ctx: Context, target: Target, fields: AnswerFields, websocket: boolean): string {
  const { request } = ctx;
  const { headers, forwarded } = request;
  const { prefix } = ctx.match!;
  if (websocket || forwarded.trusted || headers.mayHave(UNUSUAL)) {
    const names = { path: request.path, prefix, id: request.id };
    return linesOf(ownHeaders(ctx, target, fields, websocket, names));
  }
  const { start, rest } = commonLines(ctx, target, fields);
  return start + request.path + prefixLine(prefix) + rest + request.id;
}

let lastPrefix: string | undefined;
let lastLine = "";

/** Most requests meet the route of the one before. */
function prefixLine(prefix: string | undefined): string {
  if (prefix === undefined || prefix === "" || prefix === "/") return "";
  if (prefix !== lastPrefix) {
    lastPrefix = prefix;
    lastLine = flat(known["x-forwarded-prefix"].lead + escapePath(prefix));
  }
  return lastLine;
}

/** What a client seldom sends and our own fields then depend on. */
const UNUSUAL = maskOf("te", "via", "x-forwarded-for");

/** No path, as a head cannot hold it. */
const ANY_PATH = "\0";

/** As many are kept of a peer; with more it begins anew. */
const MOST_KEPT = 32;

/** Most requests of a peer go to one of few upstreams. */
function commonLines(ctx: Context, target: Target, fields: AnswerFields): CommonLines {
  const { forwarded } = ctx.request;
  const upstreamHost = hostFor(ctx, target);
  const via = viaOf(ctx, fields);
  let kept = 0;
  for (let lines = forwarded.upstreamLines; lines !== undefined; lines = lines.next) {
    if (lines.upstreamHost === upstreamHost && lines.via === via) return lines;
    kept += 1;
  }
  const lines = linesOf(ownHeaders(ctx, target, fields, false, { path: ANY_PATH, prefix: undefined, id: "" }));
  const [start, rest] = lines.split(ANY_PATH).map(flat) as [string, string];
  const next = kept < MOST_KEPT ? forwarded.upstreamLines : undefined;
  forwarded.upstreamLines = { upstreamHost, via, start, rest, next };
  return forwarded.upstreamLines;
}

/** How this gateway names itself to the upstream, by what the client speaks. */
function viaOf({ request }: Context, fields: AnswerFields): string {
  return request.inbound.httpVersion === "2" ? fields.via2 : fields.via;
}

/** The Host that the upstream sees. */
function hostFor({ match, request }: Context, target: Target): string {
  return (match!.route.row.preserve_host && request.forwarded.hostField) || target.hostHeader;
}

function linesOf(headers: Headers): string {
  const lines = new Lines(REQUEST_VERSION);
  lines.addAll(headers);
  return lines.text;
}

/** What is another one in each request. */
interface Names {
  readonly path: string;
  readonly prefix: string | undefined;
  readonly id: string;
}

function ownHeaders(ctx: Context, target: Target, fields: AnswerFields, websocket: boolean, names: Names): Headers {
  const { headers: received, forwarded } = ctx.request;
  const headers = new Headers();
  if (acceptsTrailers(received)) headers.add(known.te, "trailers");
  headers.add(known.via, withVia(received, viaOf(ctx, fields)));
  headers.add(known.host, hostFor(ctx, target));
  headers.add(known.connection, websocket ? "keep-alive, Upgrade" : "keep-alive");
  if (websocket) headers.add(known.upgrade, "websocket");
  forwarded.addTo(headers, received, names.path, names.prefix);
  headers.add(known["x-kong-request-id"], names.id);
  return headers;
}
