import { headerName } from "../../entities/index.ts";
import { createAuthentication, definePlugin, fieldValue, identityOf } from "../../gateway/index.ts";
import { andThen, type Fields } from "../../schema/index.ts";
import { keyauthCredential } from "./entities.ts";
import { createKeySearch, REPEATED } from "./search.ts";

const config = {
  key_names: {
    type: "array",
    required: true,
    default: ["apikey"],
    elements: headerName,
    description:
      "The names under which a key is looked for, the first one first; a name is that of a header, a query argument and a member of the body. Letters, digits, `_` and `-` only.",
  },
  hide_credentials: {
    type: "boolean",
    required: true,
    default: false,
    description: "Whether the key is taken out of the request before it goes to the upstream.",
  },
  anonymous: {
    type: "string",
    description:
      "The id or username of the consumer that stands for clients without a valid key. Without it such clients are refused.",
  },
  key_in_header: {
    type: "boolean",
    required: true,
    default: true,
    description: "Whether the key is looked for among the headers.",
  },
  key_in_query: {
    type: "boolean",
    required: true,
    default: true,
    description: "Whether the key is looked for among the query arguments.",
  },
  key_in_body: {
    type: "boolean",
    required: true,
    default: false,
    description: "Whether the key is looked for in the body: a form, a JSON object or `multipart/form-data`.",
  },
  run_on_preflight: {
    type: "boolean",
    required: true,
    default: true,
    description: "Whether `OPTIONS` requests need a key, too. If `false`, they always pass.",
  },
  realm: {
    type: "string",
    required: false,
    description: "The realm that the `WWW-Authenticate` header of a refusal names.",
  },
} as const satisfies Fields;

/** Recognises consumers by a key. Source: SPEC-auth-plugins §1. */
export const keyAuth = definePlugin({
  name: "key-auth",
  priority: 1250,
  noConsumer: true,
  config,
  entities: [keyauthCredential],
  create(config, services) {
    const { lookups } = services;
    const { realm, run_on_preflight } = config;
    const challenge = { "WWW-Authenticate": realm === null ? "Key" : `Key realm="${fieldValue(realm)}"` };
    const search = createKeySearch(config);
    const authenticate = createAuthentication(
      {
        anonymous: config.anonymous,
        identify: (ctx) =>
          andThen(search(ctx), (key) => {
            if (key === REPEATED) return "Duplicate API key found";
            if (!key) return "No API key found in request";
            return andThen(
              lookups.find(keyauthCredential, "key", key),
              // In its last second a key counts as expired, as in Kong.
              (credential) => (credential && credential.ttl !== 0 ? identityOf(lookups, credential) : undefined),
            );
          }),
        refuse: (ctx, reason) => ctx.response.error(401, reason, challenge),
      },
      services,
    );
    return {
      access: (ctx) => (ctx.request.method === "OPTIONS" && !run_on_preflight ? undefined : authenticate(ctx)),
    };
  },
});
