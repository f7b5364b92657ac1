import { timingSafeEqual } from "node:crypto";
import { type Context, createAuthentication, definePlugin, fieldValue, identityOf } from "../../gateway/index.ts";
import { type Awaitable, andThen, type Fields } from "../../schema/index.ts";
import { parseBasic } from "./authorization.ts";
import { type BasicauthCredential, basicauthCredential, hashPassword } from "./entities.ts";

const config = {
  anonymous: {
    type: "string",
    description:
      "The id or username of the consumer that stands for clients without a valid password. Without it such clients are refused.",
  },
  hide_credentials: {
    type: "boolean",
    required: true,
    default: false,
    description: "Whether the user name and the password are taken out of the request before it goes to the upstream.",
  },
  realm: {
    type: "string",
    required: true,
    default: "service",
    description: "The realm that the `WWW-Authenticate` header of a refusal names.",
  },
} as const satisfies Fields;

/** A credential that exists, and the password that the client says belongs to it. */
interface Claim {
  readonly credential: BasicauthCredential;
  readonly password: string;
}

/** Recognises consumers by user name and password (RFC 7617). Source: SPEC-auth-plugins §2. */
export const basicAuth = definePlugin({
  name: "basic-auth",
  priority: 1100,
  noConsumer: true,
  config,
  entities: [basicauthCredential],
  create({ anonymous, hide_credentials, realm }, services) {
    const { lookups } = services;
    const challenge = { "WWW-Authenticate": `Basic realm="${fieldValue(realm)}"` };

    function claimIn(ctx: Context, field: string): Awaitable<Claim | undefined> {
      const value = ctx.request.headers.get(field);
      if (value === undefined) return undefined;
      if (hide_credentials) ctx.service.request.clearHeader(field);
      const pair = parseBasic(value);
      if (!pair) return undefined;
      const { password } = pair;
      return andThen(
        lookups.find(basicauthCredential, "username", pair.username),
        (credential) => credential && { credential, password },
      );
    }

    const authenticate = createAuthentication(
      {
        anonymous,
        identify: (ctx) =>
          andThen(claimIn(ctx, "proxy-authorization"), (first) =>
            andThen(first ?? claimIn(ctx, "authorization"), (claim) =>
              claim && isPassword(claim) ? identityOf(lookups, claim.credential, claim.credential.username) : undefined,
            ),
          ),
        refuse: (ctx, reason) => ctx.response.error(401, reason, challenge),
      },
      services,
    );
    return { access: authenticate };
  },
});

function isPassword({ credential, password }: Claim): boolean {
  const given = Buffer.from(hashPassword(password, credential.consumer.id));
  const stored = Buffer.from(credential.password);
  return given.length === stored.length && timingSafeEqual(given, stored);
}
