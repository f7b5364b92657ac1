import type { Context, Exit, Handlers, Services } from "../../gateway/index.ts";
import type { Awaitable } from "../../schema/index.ts";
import type { Session } from "../../session/index.ts";
import type { Config } from "./config.ts";
import { createDoor } from "./door.ts";
import { createEntrance } from "./enter.ts";
import { found } from "./found.ts";
import { closedWhenIdle } from "./idle-close.ts";
import { createLeaving } from "./leave.ts";
import { createLogin } from "./login.ts";
import { createLogoutTest } from "./logout.ts";
import { createSetup, type EngineParts } from "./setup.ts";

/**
 * The handlers of one configured row. SPEC-kong-session-plugin §3, §4
 *
 *   access: recognised from memory? --no--> open --open--> logout? --no--> whose? does it count? --> renew, let in
 *   headerFilter: authenticated by another plugin? --> save a session for the client
 *
 * Unlike Kong, a session that a storage keeps is committed before its cookie leaves, and nobody is taken for a stranger
 * because something is out of order, unless the row says so.
 */
export function createHandlers(config: Config, services: Services, engine: EngineParts): Handlers {
  const setup = createSetup(config, services, engine);
  const { sessions, visitors, authority, lineages, upstreamCookies } = setup;
  const door = lineages && config.sessions_path != null ? createDoor(config.sessions_path, lineages, setup) : undefined;
  const leaving = createLeaving(setup);
  const entrance = createEntrance(setup, leaving, door);
  const logoutTest = createLogoutTest(config);

  function access(ctx: Context): Awaitable<Exit | undefined> {
    const key = setup.memoryKeyOf(ctx);
    const visitor = key === undefined ? undefined : visitors.get(key, ctx.now);
    if (visitor && logoutTest(ctx) === undefined && !door?.isAt(ctx)) {
      const consumer = authority.recall(visitor, ctx.now);
      if (consumer) {
        if (visitor.upstreamCookie !== undefined) ctx.service.request.setOrClear("Cookie", visitor.upstreamCookie);
        return entrance.recognise(ctx, visitor, consumer);
      }
    }
    if (upstreamCookies) {
      const cookie = upstreamCookies(ctx.request.headers.getAll("cookie"));
      if (cookie !== undefined) ctx.service.request.setOrClear("Cookie", cookie);
    }
    const session = sessions.open(setup.visitOf(ctx), ctx.now);
    return session instanceof Promise ? session.then((opened) => visited(ctx, opened)) : visited(ctx, session);
  }

  function visited(ctx: Context, session: Session): Awaitable<Exit | undefined> {
    ctx.response.setCookies(session.cookies);
    if (!session.isOpen) return stranger(ctx, session);
    const logout = logoutTest(ctx);
    if (logout instanceof Promise) {
      return logout.then((how) => (how ? leaving.leave(ctx, session, how) : entrance.identify(ctx, session)));
    }
    return logout ? leaving.leave(ctx, session, logout) : entrance.identify(ctx, session);
  }

  function stranger(ctx: Context, session: Session): Awaitable<Exit | undefined> {
    const reason = session.reason!;
    if (reason !== "storage_unavailable") return unknown(ctx, session);
    if (config.on_storage_error !== "anonymous") return setup.unavailable(ctx, "session open failed", session.cause);
    services.log.error("session open failed", { request_id: ctx.request.id, error: session.cause });
    const logout = logoutTest(ctx);
    const answer = () => setup.unavailable(ctx, "session logout failed (unable to load it)", session.cause);
    if (logout instanceof Promise) return logout.then((how) => (how ? answer() : unknown(ctx, session)));
    return logout ? answer() : unknown(ctx, session);
  }

  function unknown(ctx: Context, session: Session): Exit | undefined {
    setup.refuse(ctx, session.reason!);
    ctx.set(found, { session });
    return door?.isAt(ctx) ? ctx.response.error(401) : undefined;
  }

  const handlers = { access, headerFilter: createLogin(setup), ...(config.require && { admit }) };
  const { close } = setup;
  return close ? closedWhenIdle(handlers, close) : handlers;
}

/** Nobody gets through by accident: with neither a session nor a credential, the answer is 401. */
function admit(ctx: Context): Exit | undefined {
  return ctx.client.credential === undefined ? ctx.response.error(401) : undefined;
}
