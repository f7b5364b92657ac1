import { headerName } from "../../entities/index.ts";
import { definePlugin, type Exit, exit, fieldNames, fieldValue } from "../../gateway/index.ts";
import type { Fields, Infer } from "../../schema/index.ts";
import { createEcho } from "./echo.ts";

const config = {
  status_code: {
    type: "integer",
    required: true,
    default: 503,
    between: [100, 599],
    description: "The status of the answer.",
  },
  message: {
    type: "string",
    description: "The message in the JSON body of the answer; for some statuses there is one by default.",
  },
  content_type: { type: "string", description: "The `Content-Type` of `body`." },
  body: { type: "string", description: "The body of the answer, sent as it is, in the place of a `message`." },
  echo: {
    type: "boolean",
    required: true,
    default: false,
    description:
      "Whether the answer shows the request as the gateway sees it, as JSON; for finding faults. With a `trigger` it does not disturb other requests.",
  },
  trigger: {
    ...headerName,
    description: "Only requests with a header or a query argument of this name are answered; all others pass.",
  },
} as const satisfies Fields;

/** The message where none is configured; a status that is not here has none. Source: SPEC-auth-plugins §4.2. */
const MESSAGES: Readonly<Record<number, string>> = {
  401: "Unauthorized",
  404: "Not found",
  405: "Method not allowed",
  500: "An unexpected error occurred",
  502: "Bad Gateway",
  503: "Service unavailable",
};

/** Answers in the place of the upstream. Source: SPEC-auth-plugins §4. */
export const requestTermination = definePlugin({
  name: "request-termination",
  priority: 2,
  config,
  check({ message, content_type, body, echo }) {
    if (message && (content_type || body)) return "message cannot be used with content_type or body";
    if (content_type && !body) return "content_type requires a body";
    if (echo && (content_type || body)) return "echo cannot be used with content_type and body";
    return undefined;
  },
  create(config, { node }) {
    const message = config.message ?? MESSAGES[config.status_code];
    const echo = config.echo ? createEcho(config.status_code, message, node) : undefined;
    const answer = createAnswer(config, message);
    const { trigger } = config;
    const fields = trigger === null ? [] : fieldNames(trigger);
    return {
      access(ctx) {
        if (trigger !== null) {
          const { headers, rawQuery, query } = ctx.request;
          const isTriggered =
            fields.some((field) => headers.has(field)) || (rawQuery !== undefined && query.has(trigger));
          if (!isTriggered) return undefined;
        }
        return echo ? echo(ctx) : answer;
      },
    };
  },
});

/** The answer to every request, made once. */
function createAnswer({ status_code, body, content_type }: Infer<typeof config>, message: string | undefined): Exit {
  if (body === null) return exit(status_code, message === undefined ? undefined : { message });
  return { ...exit(status_code, body), contentType: content_type === null ? undefined : fieldValue(content_type) };
}
