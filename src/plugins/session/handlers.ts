import { type Consumer, consumer as consumerEntity } from "../../entities/index.ts";
import { type Context, contextKey, type Exit, type Handlers, type Services } from "../../gateway/index.ts";
import { type Awaitable, isReference, isUuid } from "../../schema/index.ts";
import {
  attempt,
  chain,
  createSessions,
  reasons,
  type Session,
  SessionError,
  type SessionOptions,
  type SessionParts,
  type Visit,
} from "../../session/index.ts";
import { type Config, engineOptions } from "./config.ts";
import { kongStorage } from "./kong-storage.ts";
import { createLogoutTest } from "./logout.ts";
import { type Recognised, RecognisedVisitors } from "./memory.ts";
import { type Owner, ownerOf, sessionData } from "./owner.ts";

/** Seconds after which a client may ask again when sessions could not be read or kept. */
const RETRY_AFTER = "5";

/**
 * What the access phase found: the session, open or not, and its owner when it authenticated the request. A visitor who was
 * recognised from memory has no session of this request's own.
 */
const found = contextKey<{ readonly session?: Session; readonly owner?: Owner }>("session");

/** How the engine works here; what tests replace. */
export interface EngineParts {
  readonly options?: Pick<SessionOptions, "compatibility" | "release">;
  readonly randomBytes?: SessionParts["randomBytes"];
}

/**
 * The handlers of one configured row. SPEC-kong-session-plugin §3, §4
 *
 * Unlike Kong, a session in `kong` storage is committed before its cookie leaves, and nobody is taken for a stranger because
 * the database is out of order: what needs it is answered 503.
 */
export function createHandlers(config: Config, { lookups, log }: Services, engine: EngineParts): Handlers {
  const database = config.storage === "kong" ? kongStorage(lookups) : undefined;
  if (isReference(config.secret)) log.error("session: config.secret was not resolved, a random secret takes its place");
  if (isReference(config.legacy_secret)) log.error("session: config.legacy_secret was not resolved");
  const options = engineOptions(config);
  const sessions = createSessions(
    { ...options, ...engine.options },
    {
      storage: database,
      legacyStorage: options.legacy?.storage === "kong" ? (database ?? kongStorage(lookups)) : undefined,
      randomBytes: engine.randomBytes,
    },
  );
  const visitOf = options.legacy ? boundVisitOf : plainVisitOf;
  const visitors = new RecognisedVisitors();
  const logoutTest = createLogoutTest(config);
  const tellsUpstream = (config.request_headers?.length ?? 0) > 0;
  const tellsClient = (config.response_headers?.length ?? 0) > 0;

  function debug(ctx: Context, message: string): void {
    log.debug(message, { request_id: ctx.request.id });
  }

  function unavailable(ctx: Context, message: string, error: unknown): Exit {
    log.error(message, { request_id: ctx.request.id, error });
    return ctx.response.error(503, "Sessions are currently unavailable", { "Retry-After": RETRY_AFTER });
  }

  /** An operation of the engine failed: the answer, if it was the storage that failed. */
  function failed(ctx: Context, operation: string, error: unknown): Exit | undefined {
    if (!(error instanceof SessionError)) throw error;
    const message = `session ${operation} failed (${error.message})`;
    if (error.code === "ERR_SESSION_STORAGE") return unavailable(ctx, message, error.cause);
    log.error(message, { request_id: ctx.request.id });
    return undefined;
  }

  function access(ctx: Context): Awaitable<Exit | undefined> {
    const cookies = ctx.request.headers.getAll("cookie");
    const visitor = cookies.length === 1 ? visitors.get(cookies[0]!, ctx.now) : undefined;
    if (visitor && logoutTest(ctx) === undefined) {
      const consumer = lookups.recall(consumerEntity, "id", visitor.owner.consumerId);
      if (consumer) return recognise(ctx, visitor, consumer);
    }
    const session = sessions.open(visitOf(ctx), ctx.now);
    return session instanceof Promise ? session.then((opened) => visited(ctx, opened)) : visited(ctx, session);
  }

  function visited(ctx: Context, session: Session): Awaitable<Exit | undefined> {
    ctx.response.setCookies(session.cookies);
    if (!session.isOpen) {
      if (session.reason === "storage_unavailable") return unavailable(ctx, "session open failed", session.cause);
      if (log.isDebug) debug(ctx, `session not present (${reasons[session.reason!]})`);
      ctx.set(found, { session });
      return undefined;
    }
    const logout = logoutTest(ctx);
    if (logout instanceof Promise)
      return logout.then((how) => (how ? leave(ctx, session, how) : identify(ctx, session)));
    return logout ? leave(ctx, session, logout) : identify(ctx, session);
  }

  /** The visitor logs out. A logout that failed is not reported as done. */
  function leave(ctx: Context, session: Session, how: "query" | "body"): Awaitable<Exit> {
    if (log.isDebug) debug(ctx, `session logging out, by an argument in the ${how}`);
    return chain(end(ctx, session), (result) => {
      if (result === "done") return ctx.response.exit(200);
      return result ?? ctx.response.error(500);
    });
  }

  function end(ctx: Context, session: Session): Awaitable<Exit | "done" | undefined> {
    return attempt(
      () =>
        chain(session.logout(ctx.now), (cookies): "done" => {
          ctx.response.setCookies(cookies);
          return "done";
        }),
      (error) => failed(ctx, "logout", error),
    );
  }

  /** Find the consumer that the session names. */
  function identify(ctx: Context, session: Session): Awaitable<Exit | undefined> {
    const owner = ownerOf(session.data);
    if (owner === undefined || !isUuid(owner.consumerId)) {
      log.error("could not load consumer: the session names none by a UUID", { request_id: ctx.request.id });
      ctx.set(found, { session });
      return undefined;
    }
    let row: Awaitable<Consumer | undefined>;
    try {
      row = lookups.find(consumerEntity, "id", owner.consumerId);
    } catch (error) {
      return unavailable(ctx, "could not load consumer", error);
    }
    if (!(row instanceof Promise)) return enter(ctx, session, owner, row);
    return row.then(
      (consumer) => enter(ctx, session, owner, consumer),
      (error: unknown) => unavailable(ctx, "could not load consumer", error),
    );
  }

  /** Renew the session if it is time, and let the visitor in; a consumer who is gone ends the session. */
  function enter(
    ctx: Context,
    session: Session,
    owner: Owner,
    consumer: Consumer | undefined,
  ): Awaitable<Exit | undefined> {
    if (consumer === undefined) {
      if (log.isDebug) debug(ctx, "the session's consumer does not exist any more");
      return chain(end(ctx, session), (result) => (result === "done" ? undefined : result));
    }
    if (session.isLegacy) session.subject = subjectOf(consumer);
    const exit = attempt(
      () =>
        chain(session.refresh(ctx.now), ({ action, cookies }): undefined => {
          ctx.response.setCookies(cookies);
          if (action === "nothing" && session.cookies.length === 0) remember(ctx, session, owner);
        }),
      (error) => failed(ctx, "refresh", error),
    );
    return chain(exit, (refused) => {
      if (refused) return refused;
      ctx.set(found, { session, owner });
      return authenticate(ctx, session, owner, consumer);
    });
  }

  /** Keep what this visitor's cookie means, until it has to be looked at again. */
  function remember(ctx: Context, session: Session, owner: Owner): void {
    const cookies = ctx.request.headers.getAll("cookie");
    const until = session.quietUntil;
    const isStored = database?.watch(session.id!);
    if (cookies.length !== 1 || until === undefined || (database && !isStored)) return;
    visitors.remember(cookies[0]!, { session, owner, until, isStored });
  }

  function recognise(ctx: Context, { session, owner }: Recognised, consumer: Consumer): undefined {
    ctx.set(found, { owner });
    return authenticate(ctx, session, owner, consumer);
  }

  function authenticate(ctx: Context, session: Session, owner: Owner, consumer: Consumer): undefined {
    const { client, service, response } = ctx;
    if (tellsUpstream) {
      const headers = session.headers("request", ctx.now);
      for (const [name, value] of Object.entries(headers)) service.request.setHeader(name, value);
    }
    if (tellsClient) tellClient(response, session, ctx.now);
    const { credentialId, groups } = owner;
    client.authenticate(consumer, credentialId === undefined ? undefined : { id: credentialId, consumer });
    client.authenticatedGroups = groups;
    service.request.setOrClear("X-Authenticated-Groups", groups?.join(", "));
  }

  /** Give an authenticated client a session, unless it came with its own. */
  function headerFilter(ctx: Context): Awaitable<Exit | undefined> {
    const { consumer, credential, authenticatedGroups: groups } = ctx.client;
    if (credential === undefined) {
      if (log.isDebug) debug(ctx, "anonymous: no credential");
      return undefined;
    }
    if (consumer === undefined) return undefined;
    const owner = ctx.get(found)?.owner;
    if (owner?.consumerId === consumer.id && owner.credentialId === credential.id) return undefined;
    if (groups !== undefined && !Array.isArray(groups)) {
      log.error("no session is made: the authenticated groups are no list", { request_id: ctx.request.id });
      return undefined;
    }
    return attempt(
      () =>
        chain(sessionFor(ctx), (session) => {
          session.data = sessionData({ consumerId: consumer.id, credentialId: credential.id, groups });
          session.subject = subjectOf(consumer);
          return chain(session.save(ctx.now), (cookies): undefined => {
            ctx.response.setCookies(session.cookies);
            ctx.response.setCookies(cookies);
            if (tellsClient) tellClient(ctx.response, session);
          });
        }),
      (error) => failed(ctx, "save", error),
    );
  }

  /**
   * The session that is written for a client. One that authenticated another client is taken over. One that did not open may
   * hold what other applications keep in it, but in the database Kong starts anew, and so do we.
   */
  function sessionFor(ctx: Context): Awaitable<Session> {
    const known = ctx.get(found);
    if (known?.owner) return known.session ?? sessions.open(visitOf(ctx), ctx.now);
    if (database) return sessions.create(visitOf(ctx));
    return known?.session ?? sessions.open(visitOf(ctx), ctx.now);
  }

  return { access, headerFilter };
}

function plainVisitOf({ request }: Context): Visit {
  return { cookie: request.headers.getAll("cookie") };
}

/** A visit with what cookies of Kong 3.1 and older are bound to; nginx's scheme is that of the connection. */
function boundVisitOf({ request }: Context): Visit {
  const { headers, inbound } = request;
  const scheme = inbound.connection.tls ? "https" : "http";
  return { cookie: headers.getAll("cookie"), userAgent: headers.get("user-agent"), scheme };
}

/** Whom the session of a consumer is about. */
function subjectOf({ id, username, custom_id }: NonNullable<Context["client"]["consumer"]>): string {
  return username ?? custom_id ?? id;
}

function tellClient(response: Context["response"], session: Session, now?: number): void {
  for (const [name, value] of Object.entries(session.headers("response", now))) response.setHeader(name, value);
}
