import { type Context, readBodyArgs } from "../../gateway/index.ts";
import { type Awaitable, andThen } from "../../schema/index.ts";
import type { Config } from "./config.ts";

/** Methods whose bodies are read, as far as they are logout methods at all. */
const WITH_BODY: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH", "DELETE"]);

export type LogoutConfig = Pick<
  Config,
  "logout_methods" | "logout_query_arg" | "read_body_for_logout" | "logout_post_arg"
>;

/** How a request says that it is a logout; undefined when it does not. No promise where no body is read. */
export type LogoutTest = (ctx: Context) => Awaitable<"query" | "body" | undefined>;

/**
 * What decides whether a request ends the session: its method, then an argument in its query, then one in its body. Any value
 * counts, but for a `false` in JSON. SPEC-kong-session-plugin §3.1
 */
export function createLogoutTest(config: LogoutConfig): LogoutTest {
  const methods: ReadonlySet<string> = new Set(config.logout_methods);
  const queryArg = config.logout_query_arg;
  const bodyArg = config.read_body_for_logout ? config.logout_post_arg : null;
  return (ctx) => {
    const { method } = ctx.request;
    if (!methods.has(method)) return undefined;
    if (queryArg !== null && ctx.request.query.has(queryArg)) return "query";
    if (bodyArg === null || !WITH_BODY.has(method)) return undefined;
    return andThen(readBodyArgs(ctx), (args) => inBody(args, bodyArg));
  };
}

function inBody(args: ReadonlyMap<string, unknown> | undefined, name: string): "body" | undefined {
  return args?.has(name) && args.get(name) !== false ? "body" : undefined;
}
