import type { Consumer } from "../../entities/index.ts";
import type { Context, Exit } from "../../gateway/index.ts";
import { type Awaitable, andThen } from "../../schema/index.ts";
import { attempt, chain, type Refreshed, type Session } from "../../session/index.ts";
import { type Standing, staleSecondsOf } from "./authority.ts";
import type { Door } from "./door.ts";
import { found } from "./found.ts";
import type { Leaving } from "./leave.ts";
import type { Recognised } from "./memory.ts";
import { type Owner, ownerOf, sessionData } from "./owner.ts";
import { type Renewal, Renewals } from "./renewals.ts";
import type { Accused } from "./revocations.ts";
import type { Setup } from "./setup.ts";
import { subjectOf } from "./subject.ts";

/** Seconds that a replaced session still works where a row leaves that open: what the engine takes then. */
const STALE_TTL = 10;

/** Lets visitors in. */
export interface Entrance {
  /** A session has opened: find out whose it is and whether it still counts. */
  identify(ctx: Context, session: Session): Awaitable<Exit | undefined>;
  /** Let a visitor in who was recognised from memory. */
  recognise(ctx: Context, visitor: Recognised, consumer: Consumer): undefined;
}

export function createEntrance(setup: Setup, { end }: Leaving, door: Door | undefined): Entrance {
  const { config, services, agree, keeper, visitors, authority, lineages, upstreamCookies } = setup;
  const { log, metrics } = services;
  const renewals = new Renewals(config.stale_ttl ?? STALE_TTL);
  const staleSeconds = staleSecondsOf(config) ?? 0;
  const tellsUpstream = (config.request_headers?.length ?? 0) > 0;
  const tellsClient = (config.response_headers?.length ?? 0) > 0;

  function identify(ctx: Context, session: Session): Awaitable<Exit | undefined> {
    const owner = ownerOf(session.data);
    if (owner === undefined) return strange(ctx, session);
    const accused = authority.accusedOf(owner, session);
    const judged = attempt(
      () => authority.judge(owner, accused, ctx.now),
      (error) => ({ error }),
    );
    return andThen(judged, (judgement) => {
      if (typeof judgement === "object" && "error" in judgement) return lookupFailed(ctx, judgement.error);
      if (typeof judgement === "object") return enter(ctx, session, owner, accused, judgement);
      if (judgement === "invalid_session_owner") return strange(ctx, session);
      setup.refuse(ctx, judgement);
      if (judgement === "consumer_deleted") {
        return andThen(end(ctx, session), (result) => (result === "done" ? undefined : result));
      }
      ctx.set(found, { isDropped: true });
      return undefined;
    });
  }

  /** Another application's session, as it seems: it stays. */
  function strange(ctx: Context, session: Session): undefined {
    log.error("could not load consumer: the session names none by a UUID", { request_id: ctx.request.id });
    setup.refuse(ctx, "invalid_session_owner");
    ctx.set(found, { session });
  }

  function lookupFailed(ctx: Context, error: unknown): Exit | undefined {
    if (config.on_storage_error !== "anonymous") return setup.unavailable(ctx, "could not load consumer", error);
    log.error("could not load consumer", { request_id: ctx.request.id, error });
    setup.refuse(ctx, "storage_unavailable");
    ctx.set(found, { isDropped: true });
    return undefined;
  }

  /** What this row wants to know of an owner and Kong's sessions do not tell goes into the data with the next save. */
  function complete(session: Session, owner: Owner, { lineage }: Accused): Awaitable<Owner> {
    const traced = lineages && owner.lineage === undefined ? { ...owner, lineage } : owner;
    if (config.follow_credential === false || owner.mark !== undefined) return written(session, owner, traced);
    return andThen(authority.credentials.markOf(owner.credentialId), (mark) =>
      written(session, owner, mark === undefined ? traced : { ...traced, mark }),
    );
  }

  /** Renew the session if it is time, and let the visitor in. */
  function enter(
    ctx: Context,
    session: Session,
    owner: Owner,
    accused: Accused,
    consumer: Consumer,
  ): Awaitable<Exit | undefined> {
    if (session.isLegacy) session.subject = subjectOf(consumer);
    if (session.isFallback) metrics.count("sesame_sessions_opened_by_fallback_total");
    const exit = attempt(
      () =>
        chain(refresh(ctx, session, owner, accused), (refreshed): Awaitable<undefined> => {
          const isChanged = refreshed.action !== "nothing" || session.cookies.length > 0;
          if (!isChanged) remember(ctx, session, owner);
          else return renewed(ctx, session, accused, owner, refreshed);
        }),
      (error) => setup.failed(ctx, "refresh", error),
    );
    return andThen(exit, (refused) => {
      if (refused) return refused;
      ctx.set(found, { session, owner });
      authenticate(ctx, session, owner, consumer);
      return door?.isAt(ctx) ? door.open(ctx, session, owner) : undefined;
    });
  }

  function refresh(ctx: Context, session: Session, owner: Owner, accused: Accused): Awaitable<Renewal> {
    if (ctx.now <= (session.quietUntil ?? -1) && !session.isFallback) return session.refresh(ctx.now);
    const former = session.id;
    const key = former ?? setup.memoryKeyOf(ctx);
    const renew = () =>
      chain(renewal(ctx, session, owner, accused), (done): Awaitable<Renewal> => {
        return agree && former && done.action === "saved" ? agree(former, session, done, ctx.now) : done;
      });
    return key === undefined ? renew() : renewals.share(key, session, ctx.now, renew);
  }

  function renewal(ctx: Context, session: Session, owner: Owner, accused: Accused): Awaitable<Refreshed> {
    return andThen(complete(session, owner, accused), () => {
      if (!session.isFallback) return session.refresh(ctx.now);
      // Under an earlier secret, so that it gets the one of now, whatever the clocks say.
      return andThen(session.save(ctx.now), (cookies): Refreshed => ({ action: "saved", cookies }));
    });
  }

  function renewed(
    ctx: Context,
    session: Session,
    { lineage }: Accused,
    owner: Owner,
    { action, cookies }: Renewal,
  ): Awaitable<undefined> {
    setup.issue(ctx, cookies);
    if (action === "joined") return undefined;
    if (action === "touched") metrics.count("sesame_sessions_touched_total");
    else metrics.count("sesame_sessions_rolled_total");
    if (lineages) return lineages.seen(ctx, { session, owner: { ...owner, lineage } }) as Promise<undefined>;
  }

  /** Keep what this visitor's cookie means, until it has to be looked at again. */
  function remember(ctx: Context, session: Session, owner: Owner): void {
    const key = setup.memoryKeyOf(ctx);
    const until = session.quietUntil;
    if (key === undefined || until === undefined || !visitors.isKnown(key)) return;
    const isStored = keeper?.watch(session);
    if (keeper && !isStored) return;
    const standing = authority.watch(owner);
    if (standing === undefined) return;
    const upstreamCookie = upstreamCookies?.(ctx.request.headers.getAll("cookie"));
    const told = tellsUpstream || tellsClient ? session : undefined;
    const shared = withTextsOf(owner, standing);
    const accused = authority.accusedOf(shared, session, standing);
    visitors.remember(key, {
      session: told,
      owner: shared,
      standing,
      accused,
      upstreamCookie,
      until,
      isStored,
      hasCome: false,
    });
  }

  function authenticate(ctx: Context, session: Session | undefined, owner: Owner, consumer: Consumer): undefined {
    const { client, service, response } = ctx;
    if (tellsUpstream && session) {
      const headers = session.headers("request", ctx.now);
      for (const [name, value] of Object.entries(headers)) service.request.setHeader(name, value);
    }
    if (tellsClient && session) tellClient(response, session, ctx.now);
    const { credentialId, groups } = owner;
    client.authenticate(consumer, credentialId === undefined ? undefined : { id: credentialId, consumer });
    client.authenticatedGroups = groups;
    client.staleSeconds = staleSeconds;
    service.request.setOrClear("X-Authenticated-Groups", groups?.join(", "));
  }

  return {
    identify,
    recognise(ctx, { session, owner }, consumer) {
      ctx.set(found, { owner });
      return authenticate(ctx, session, owner, consumer);
    },
  };
}

/** The owner with the texts that all sessions of one consumer share. What his credential was, his standing stands for. */
function withTextsOf({ mark: _, ...owner }: Owner, { owner: shared }: Standing): Owner {
  const { consumerId, credentialId } = shared;
  const isPlain = owner.groups === undefined && owner.lineage === undefined;
  if (owner.consumerId !== consumerId || owner.credentialId !== credentialId) return owner;
  return isPlain ? shared : { ...owner, consumerId, credentialId };
}

function written(session: Session, owner: Owner, completed: Owner): Owner {
  if (completed !== owner) session.data = sessionData(completed);
  return completed;
}

export function tellClient(response: Context["response"], session: Session, now?: number): void {
  for (const [name, value] of Object.entries(session.headers("response", now))) response.setHeader(name, value);
}
