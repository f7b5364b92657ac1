import { Headers } from "../http1/index.ts";
import type { Context } from "./context.ts";
import { acceptsTrailers } from "./hop-by-hop.ts";
import type { Inbound } from "./inbound.ts";
import type { Target } from "./target.ts";

/** Whether the client asks for a WebSocket on a connection that can be handed over. */
export function isWebSocket(inbound: Inbound): boolean {
  return inbound.canUpgrade && inbound.headers.get("upgrade")?.toLowerCase() === "websocket";
}

/**
 * The head that goes to the upstream: the gateway's own fields first, then those that the client and the plugins have left in
 * `ctx.service.request`. Order of fields: SPEC-proxy §4.
 */
export function upstreamHeaders(ctx: Context, target: Target, product: string, websocket: boolean): Headers {
  const { headers: received, inbound, forwarded } = ctx.request;
  const list: string[] = [];
  if (acceptsTrailers(received)) list.push("TE", "trailers");
  const via = `${inbound.httpVersion === "2" ? "2" : "1.1"} ${product}`;
  const theirs = received.getAll("via");
  list.push("Via", theirs.length > 0 ? `${theirs.join(", ")}, ${via}` : via);
  const clientHost = ctx.match!.route.row.preserve_host ? received.get("host") : undefined;
  list.push("Host", clientHost || target.hostHeader);
  list.push("Connection", websocket ? "keep-alive, Upgrade" : "keep-alive");
  if (websocket) list.push("Upgrade", "websocket");
  forwarded.append(list, ctx.request.path, ctx.match!.prefix);
  list.push("X-Kong-Request-Id", ctx.request.id);
  const { length } = ctx.request.body;
  if (length !== undefined && (length > 0 || received.has("content-length")))
    list.push("Content-Length", String(length));
  for (const text of ctx.service.request.headers.list) list.push(text);
  return Headers.trusted(list);
}
