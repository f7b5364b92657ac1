import type { Context, Exit, Services } from "../../gateway/index.ts";
import {
  createSessions,
  SessionError,
  type SessionOptions,
  type SessionParts,
  type Sessions,
  type SetCookie,
  type Visit,
} from "../../session/index.ts";
import { type Authority, createAuthority } from "./authority.ts";
import { type Config, usesSesame } from "./config.ts";
import { openDenyList } from "./deny-list.ts";
import { engineOptions } from "./engine-options.ts";
import { type Keeper, openKeeper } from "./keeper.ts";
import { createLineages, type Lineages } from "./lineages.ts";
import { RecognisedVisitors } from "./memory.ts";
import { createCookieFilter } from "./own-cookies.ts";
import { describeRefusal, type Refusal } from "./refusals.ts";
import { type Agree, createAgreement } from "./successors.ts";

/** How the engine works here; what tests replace. */
export interface EngineParts {
  readonly options?: Pick<SessionOptions, "compatibility" | "release">;
  readonly randomBytes?: SessionParts["randomBytes"];
}

/** One configured row, made ready: everything derivable is derived here, once. */
export interface Setup {
  readonly config: Config;
  readonly services: Services;
  readonly sessions: Sessions;
  /** Undefined where the cookies keep the sessions. */
  readonly keeper: Keeper | undefined;
  readonly visitors: RecognisedVisitors;
  readonly authority: Authority;
  /** See `createAgreement`; undefined where each process renews for itself. */
  readonly agree: Agree | undefined;
  /** Undefined without `revocation`. */
  readonly lineages: Lineages | undefined;
  visitOf(ctx: Context): Visit;
  /** What a visitor is remembered by; undefined when it is not worth it. */
  memoryKeyOf(ctx: Context): string | undefined;
  /** See `createCookieFilter`; undefined where the upstream gets all cookies. */
  readonly upstreamCookies: ReturnType<typeof createCookieFilter> | undefined;
  /** Note why a visitor's session is not accepted. */
  refuse(ctx: Context, reason: Refusal): void;
  debug(ctx: Context, message: string): void;
  /** The answer to who needs what is out of order. */
  unavailable(ctx: Context, message: string, error: unknown): Exit;
  /** An operation of the engine failed: the answer, if it was the storage that failed and visitors are to know. */
  failed(ctx: Context, operation: string, error: unknown): Exit | undefined;
  /** Send cookies that a save has written. */
  issue(ctx: Context, cookies: readonly SetCookie[]): void;
  /** Close connections; undefined where there are none. */
  readonly close: (() => void) | undefined;
}

/** Seconds after which a client may ask again when sessions could not be read or kept. */
const RETRY_AFTER = 5;

export function createSetup(config: Config, services: Services, engine: EngineParts): Setup {
  const { log, metrics } = services;
  const keeper = openKeeper(config, services);
  const { denyList, close: closeDenyList } = openDenyList(config, services, keeper);
  const options = engineOptions(config);
  const sessions = createSessions(
    // Release 4.0 knows no binding.
    { ...options, ...engine.options, ...(config.bind?.length && { release: "4.1" }) },
    {
      storage: keeper?.storage,
      legacyStorage: options.legacy?.storage === "kong" ? openLegacyStorage(config, services, keeper) : undefined,
      randomBytes: engine.randomBytes,
      maxCookieSize: services.maxCookieSize,
    },
  );
  const isBound = (config.bind?.length ?? 0) > 0;
  const clears = config.clear_request_cookie ?? usesSesame(config);
  const names = [sessions.cookieName, ...(config.remember ? [sessions.rememberCookieName] : [])];
  const onError = config.on_storage_error ?? "unavailable";

  const closings = [closeDenyList, keeper?.close].filter((close) => close !== undefined);
  const setup: Setup = {
    config,
    services,
    sessions,
    keeper,
    // Strictly compatible, who comes late with an old cookie gets a session of their own, as from Kong.
    agree: engine.options?.compatibility === "strict" ? undefined : createAgreement(config, sessions, keeper),
    visitors: new RecognisedVisitors(),
    authority: createAuthority(config, services.lookups, denyList),
    lineages: config.revocation ? createLineages(config, services, denyList) : undefined,
    visitOf: isBound || options.legacy ? boundVisitOf : plainVisitOf,
    memoryKeyOf: isBound ? boundKeyOf : plainKeyOf,
    upstreamCookies: clears ? createCookieFilter(names) : undefined,
    refuse(ctx, reason) {
      if (log.isDebug) setup.debug(ctx, describeRefusal(reason));
      if (reason !== "missing_session_cookie") metrics.count("sesame_sessions_refused_total", { reason });
      if (ctx.isDebugging && ctx.request.forwarded.trusted) ctx.response.setHeader("Session-Reason", reason);
    },
    debug: (ctx, message) => log.debug(message, { request_id: ctx.request.id }),
    unavailable(ctx, message, error) {
      log.error(message, { request_id: ctx.request.id, error });
      setup.refuse(ctx, "storage_unavailable");
      const seconds = Math.max(RETRY_AFTER, keeper?.retryAfter(ctx.now) ?? 0);
      return ctx.response.error(503, "Sessions are currently unavailable", { "Retry-After": String(seconds) });
    },
    failed(ctx, operation, error) {
      if (!(error instanceof SessionError)) throw error;
      const message = `session ${operation} failed (${error.message})`;
      const isStorage = error.code === "ERR_SESSION_STORAGE";
      // A logout is never reported as done when it is not, and a login that nobody kept is none.
      const isFatal =
        onError === "unavailable" || operation === "logout" || (operation === "save" && onError === "stale");
      if (isStorage && isFatal) return setup.unavailable(ctx, message, error.cause);
      log.error(message, { request_id: ctx.request.id, ...(isStorage && { error: error.cause }) });
      return undefined;
    },
    issue(ctx, cookies) {
      ctx.response.setCookies(cookies);
      const size = cookies.reduce((total, { text }) => total + text.indexOf(";"), 0);
      if (size > 0) metrics.observe("sesame_session_cookie_bytes", size);
    },
    close: closings.length === 0 ? undefined : () => void Promise.all(closings.map((close) => close())),
  };
  return setup;
}

/** Kong 3.1's own rows are in the gateway's database, wherever new sessions are kept. */
function openLegacyStorage(config: Config, services: Services, keeper: Keeper | undefined) {
  return config.storage === "kong" ? keeper?.storage : openKeeper({ ...config, storage: "kong" }, services)?.storage;
}

function plainVisitOf({ request }: Context): Visit {
  return { cookie: request.headers.getAll("cookie") };
}

/** A visit with what cookies may be bound to; nginx's scheme is that of the connection. */
function boundVisitOf({ request }: Context): Visit {
  const { headers, inbound, forwarded } = request;
  return {
    cookie: headers.getAll("cookie"),
    remoteAddress: forwarded.clientAddress,
    scheme: inbound.connection.tls ? "https" : "http",
    userAgent: headers.get("user-agent"),
  };
}

function plainKeyOf({ request }: Context): string | undefined {
  return request.cookie;
}

function boundKeyOf(ctx: Context): string | undefined {
  const cookie = plainKeyOf(ctx);
  if (cookie === undefined) return undefined;
  const { remoteAddress, scheme, userAgent } = boundVisitOf(ctx);
  // None of these has a line end.
  return [cookie, remoteAddress, scheme, userAgent].join("\n");
}
