import type { SessionLineage } from "../../entities/index.ts";
import type { Context, Exit } from "../../gateway/index.ts";
import type { Session } from "../../session/index.ts";
import { lineageOf, originOf } from "./lineage.ts";
import type { Lineages } from "./lineages.ts";
import type { Owner } from "./owner.ts";
import type { Setup } from "./setup.ts";

/** Where visitors who are signed in see their sessions and end them. */
export interface Door {
  isAt(ctx: Context): boolean;
  open(ctx: Context, session: Session, owner: Owner): Promise<Exit>;
}

/** Answers are for this visitor only. */
const PRIVATE = { "Cache-Control": "no-store" };

/**
 * The visitor's own door, at `sessions_path`:
 *
 *   GET <path>             {"data": [{"id", "current", "audience", "created_at", "last_seen", "expires", "ip"?, "user_agent"?}]}
 *   DELETE <path>/<id>     end one      DELETE <path>?others   end all but this one      DELETE <path>   end all
 *
 * Ending is only for pages of the same origin, by what browsers say of where a request comes from.
 */
export function createDoor(path: string, lineages: Lineages, setup: Setup): Door {
  const below = `${path}/`;
  const { metrics } = setup.services;

  async function end(ctx: Context, rows: readonly SessionLineage[]): Promise<void> {
    for (const { lineage } of rows) {
      await lineages.end(lineage, ctx.now);
      metrics.count("sesame_sessions_ended_total", { how: "visitor" });
    }
  }

  async function remove(ctx: Context, own: string, rows: readonly SessionLineage[], session: Session): Promise<Exit> {
    if (!isSameOrigin(ctx)) return refusal(ctx, 403, "Only pages of the same origin can end sessions");
    const id = ctx.path === path ? undefined : ctx.path.slice(below.length);
    const isOthers = ctx.request.query.has("others");
    const ended = rows.filter((row) => (id === undefined ? !(isOthers && row.lineage === own) : row.id === id));
    if (id !== undefined && ended.length === 0) return refusal(ctx, 404, "Not found");
    await end(ctx, ended);
    const endsOwn = id === undefined ? !isOthers : ended[0]!.lineage === own;
    if (endsOwn) {
      // A cookie from before its login was recorded has no row.
      await lineages.end(own, ctx.now);
      ctx.response.setCookies(await session.logout(ctx.now));
    }
    return ctx.response.exit(204, undefined, PRIVATE);
  }

  return {
    isAt: (ctx) => ctx.path === path || ctx.path.startsWith(below),
    async open(ctx, session, owner) {
      const own = lineageOf(owner, originOf(session));
      try {
        const rows = await lineages.of(owner.consumerId);
        if (ctx.request.method === "DELETE") return await remove(ctx, own, rows, session);
        if (ctx.request.method !== "GET" && ctx.request.method !== "HEAD")
          return refusal(ctx, 405, "Method not allowed");
        if (ctx.path !== path) return refusal(ctx, 404, "Not found");
        return ctx.response.exit(200, { data: rows.map((row) => shown(row, own)) }, PRIVATE);
      } catch (error) {
        return setup.unavailable(ctx, "a visitor's sessions are out of reach", error);
      }
    },
  };
}

function refusal(ctx: Context, status: number, message: string): Exit {
  return ctx.response.exit(status, { message }, PRIVATE);
}

function shown({ id, lineage, audience, created_at, last_seen, expires, ip, user_agent }: SessionLineage, own: string) {
  return {
    ...{ id, current: lineage === own, audience, created_at, last_seen, expires },
    ...(ip !== null && { ip }),
    ...(user_agent !== null && { user_agent }),
  };
}

/** What a page of another site cannot pretend: browsers write these headers, not pages. */
function isSameOrigin({ request }: Context): boolean {
  const { headers, forwarded } = request;
  const site = headers.get("sec-fetch-site");
  if (site !== undefined) return site === "same-origin";
  const origin = headers.get("origin");
  if (origin === undefined || !URL.canParse(origin)) return false;
  const { protocol, host } = new URL(origin);
  return protocol === `${forwarded.scheme}:` && host === (headers.get("host") ?? "").toLowerCase();
}
