import type { Context } from "./context.ts";
import { type Exit, exit } from "./response.ts";
import type { CompiledRoute } from "./router-rules.ts";

/**
 * The answer to a request whose protocol the route does not allow; undefined when it does. Decided after routing and before
 * any plugin. Source: SPEC-proxy §2.
 */
export function protocolRefusal(ctx: Context, route: CompiledRoute): Exit | undefined {
  if (route.grpc) return grpcRefusal(ctx);
  if (!route.secureOnly || ctx.request.forwarded.scheme === "https") return undefined;
  const status = route.row.https_redirect_status_code;
  if (status === 426) {
    const headers = { Connection: "Upgrade", Upgrade: "TLS/1.2, HTTP/1.1" };
    return ctx.response.error(426, "Please use HTTPS protocol", headers);
  }
  return exit(status, undefined, { Location: `https://${ctx.request.forwarded.host}${ctx.request.inbound.target}` });
}

/** gRPC is stored and matched as on Kong, and refused by name: this gateway does not proxy it. */
function grpcRefusal(ctx: Context): Exit {
  const { headers, inbound } = ctx.request;
  if (!headers.get("content-type")?.startsWith("application/grpc")) {
    return ctx.response.error(415, "Non-gRPC request matched gRPC route");
  }
  if (inbound.httpVersion !== "2") {
    return ctx.response.error(426, "Please use HTTP2 protocol", { Connection: "Upgrade", Upgrade: "HTTP/2" });
  }
  return ctx.response.error(501, "proxying gRPC is not supported");
}
