import { consumer } from "../entities/index.ts";
import { type Awaitable, andThen, isUuid } from "../schema/index.ts";
import type { Consumer, Credential } from "./client.ts";
import type { Context } from "./context.ts";
import type { Lookups } from "./lookups.ts";
import type { Services } from "./plugin.ts";
import type { Exit } from "./response.ts";

/** Who a request comes from, by the credential it carries. */
export interface Identity {
  readonly consumer: Consumer;
  readonly credential: Credential;
  /** The value of `X-Credential-Identifier`; the credential's id when absent. */
  readonly identifier?: string;
}

/** One way to authenticate, as an auth plugin and its configuration make it. */
export interface AuthenticationMethod {
  /**
   * The id or username of the consumer that stands for everybody who cannot authenticate. Null: authenticating is mandatory
   * (AND); else one method of several is enough (OR).
   */
  readonly anonymous: string | null;
  /** Who sends this request; else the reason for the client, or undefined where `Unauthorized` says all. */
  identify(ctx: Context): Awaitable<Identity | string | undefined>;
  /** The answer where authenticating is mandatory; `reason` is what `identify` gave. */
  refuse(ctx: Context, reason: string | undefined): Exit;
}

/** The access phase of an auth plugin. Source: SPEC-auth-plugins §0.3. */
export function createAuthentication(
  method: AuthenticationMethod,
  { lookups, log }: Pick<Services, "lookups" | "log">,
): (ctx: Context) => Awaitable<Exit | undefined> {
  const { anonymous } = method;

  function settle(ctx: Context, found: Identity | string | undefined): Awaitable<Exit | undefined> {
    if (typeof found === "object") {
      ctx.client.authenticate(found.consumer, found.credential, found.identifier);
      return undefined;
    }
    if (anonymous === null) return method.refuse(ctx, found);
    return andThen(findByIdOrName(lookups, anonymous), (row) => {
      if (row) {
        ctx.client.authenticate(row, undefined);
        return undefined;
      }
      log.error("the anonymous consumer does not exist", { anonymous, request_id: ctx.request.id });
      return ctx.response.error(500);
    });
  }

  return (ctx) => {
    if (anonymous !== null && ctx.client.credential) return undefined;
    return andThen(method.identify(ctx), (found) => settle(ctx, found));
  };
}

function findByIdOrName(lookups: Lookups, text: string): Awaitable<Consumer | undefined> {
  if (!isUuid(text)) return lookups.find(consumer, "username", text);
  // Ids are kept in lower case.
  const byId = lookups.find(consumer, "id", text.toLowerCase());
  return andThen(byId, (row) => row ?? lookups.find(consumer, "username", text));
}

/** Whom a stored credential stands for; undefined when its consumer was deleted meanwhile. */
export function identityOf(
  lookups: Lookups,
  credential: Credential & { readonly consumer: { readonly id: string } },
  identifier?: string,
): Awaitable<Identity | undefined> {
  return andThen(
    lookups.find(consumer, "id", credential.consumer.id),
    (row) => row && { consumer: row, credential, ...(identifier !== undefined && { identifier }) },
  );
}
