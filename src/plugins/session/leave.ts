import type { Context, Exit } from "../../gateway/index.ts";
import { type Awaitable, andThen } from "../../schema/index.ts";
import { attempt, chain, type Session } from "../../session/index.ts";
import type { Config } from "./config.ts";
import { ownerOf } from "./owner.ts";
import { createRedirects, locationOf } from "./redirect.ts";
import type { Setup } from "./setup.ts";

/** Ends sessions. */
export interface Leaving {
  /** The visitor logs out. A logout that failed is not reported as done. */
  leave(ctx: Context, session: Session, how: "query" | "body"): Awaitable<Exit>;
  /** End a session; undefined when that failed and the visitor need not know. */
  end(ctx: Context, session: Session): Awaitable<Exit | "done" | undefined>;
}

export function createLeaving(setup: Setup): Leaving {
  const { config, lineages, authority, services } = setup;
  const answer = createLogoutAnswer(config);

  function end(ctx: Context, session: Session): Awaitable<Exit | "done" | undefined> {
    return attempt(
      () =>
        chain(session.logout(ctx.now), (cookies): "done" => {
          ctx.response.setCookies(cookies);
          return "done";
        }),
      (error) => setup.failed(ctx, "logout", error),
    );
  }

  /** Revoke what descends from the same login; undefined when that is done. */
  function revoke(ctx: Context, session: Session): Awaitable<Exit | undefined> {
    const owner = lineages && ownerOf(session.data);
    if (!lineages || !owner) return undefined;
    const ends = lineages.end(authority.accusedOf(owner, session).lineage, ctx.now);
    return ends.then(
      () => undefined,
      (error: unknown) => setup.unavailable(ctx, "session logout failed (unable to revoke it)", error),
    );
  }

  return {
    end,
    leave(ctx, session, how) {
      if (services.log.isDebug) setup.debug(ctx, `session logging out, by an argument in the ${how}`);
      return andThen(revoke(ctx, session), (refused) => {
        if (refused) return refused;
        return andThen(end(ctx, session), (result) => {
          if (result !== "done") return result ?? ctx.response.error(500);
          services.metrics.count("sesame_sessions_ended_total", { how: "logout" });
          return answer(ctx);
        });
      });
    },
  };
}

/** What a logout is answered: a blank page, or where it leads. */
function createLogoutAnswer(config: Config): (ctx: Context) => Exit {
  const { logout_redirect, logout_redirect_arg, logout_redirect_allowed, logout_clear_site_data } = config;
  const locate = createRedirects(logout_redirect_allowed ?? []);
  const usual = logout_redirect == null ? undefined : locationOf(logout_redirect);
  const cleared = logout_clear_site_data?.map((what) => `"${what}"`).join(", ");
  const headers = cleared ? { "Clear-Site-Data": cleared } : undefined;
  return (ctx) => {
    const asked = logout_redirect_arg == null ? undefined : ctx.request.query.get(logout_redirect_arg)?.[0];
    const target = (typeof asked === "string" ? locate(asked) : undefined) ?? usual;
    if (target === undefined) return ctx.response.exit(200, undefined, headers);
    // Whatever the method was, the browser is to GET the target.
    return ctx.response.exit(303, undefined, { ...headers, Location: target });
  };
}
