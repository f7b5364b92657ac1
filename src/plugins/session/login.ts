import type { Context, Credential, Exit } from "../../gateway/index.ts";
import { type Awaitable, andThen } from "../../schema/index.ts";
import { attempt, chain, type Session } from "../../session/index.ts";
import { tellClient } from "./enter.ts";
import { found } from "./found.ts";
import { newLineage } from "./lineage.ts";
import { type Owner, sessionData } from "./owner.ts";
import type { Setup } from "./setup.ts";
import { subjectOf } from "./subject.ts";

/** The header filter: give an authenticated client a session, unless it came with its own. */
export function createLogin(setup: Setup): (ctx: Context) => Awaitable<Exit | undefined> {
  const { config, services, sessions, keeper, authority, lineages, visitOf } = setup;
  const { log, metrics } = services;
  const tellsClient = (config.response_headers?.length ?? 0) > 0;

  function headerFilter(ctx: Context): Awaitable<Exit | undefined> {
    const { consumer, credential, authenticatedGroups: groups } = ctx.client;
    if (credential === undefined) {
      if (log.isDebug) setup.debug(ctx, "anonymous: no credential");
      return undefined;
    }
    if (consumer === undefined) return undefined;
    const known = ctx.get(found)?.owner;
    if (known?.consumerId === consumer.id && known.credentialId === credential.id) return undefined;
    if (groups !== undefined && !Array.isArray(groups)) {
      log.error("no session is made: the authenticated groups are no list", { request_id: ctx.request.id });
      return undefined;
    }
    const owner: Owner = { consumerId: consumer.id, credentialId: credential.id, groups };
    return attempt(
      () =>
        chain(sessionFor(ctx), (session) => {
          session.subject = subjectOf(consumer);
          return andThen(completed(ctx, owner, credential), (whole) => {
            session.data = sessionData(whole);
            return chain(session.save(ctx.now), (cookies) =>
              andThen(record(ctx, session, whole), (refused) => {
                if (refused) return refused;
                metrics.count("sesame_sessions_created_total");
                ctx.response.setCookies(session.cookies);
                setup.issue(ctx, cookies);
                if (tellsClient) tellClient(ctx.response, session);
                return undefined;
              }),
            );
          });
        }),
      (error) => setup.failed(ctx, "save", error),
    );
  }

  /**
   * The session that is written for a client. One that authenticated another client is taken over. One that did not open may
   * hold what other applications keep in it, but in the database Kong starts anew, and so do we.
   */
  function sessionFor(ctx: Context): Awaitable<Session> {
    const known = ctx.get(found);
    if (known?.isDropped) return sessions.create(visitOf(ctx));
    if (known?.owner) return known.session ?? sessions.open(visitOf(ctx), ctx.now);
    if (keeper) return sessions.create(visitOf(ctx));
    return known?.session ?? sessions.open(visitOf(ctx), ctx.now);
  }

  /** An owner with what this row wants to know of it later. */
  function completed(ctx: Context, owner: Owner, credential: Credential): Awaitable<Owner> {
    const traced = lineages ? { ...owner, lineage: newLineage(ctx.now) } : owner;
    if (config.follow_credential === false) return traced;
    const mark = attempt(
      () => authority.credentials.markOfUsed(credential),
      (error) => {
        log.error("a credential could not be looked up and is not followed", { request_id: ctx.request.id, error });
        return undefined;
      },
    );
    return andThen(mark, (text) => (text === undefined ? traced : { ...traced, mark: text }));
  }

  /** Record the login, where that is asked for. The answer when it is one too many, or cannot be recorded. */
  function record(ctx: Context, session: Session, { lineage, ...owner }: Owner): Awaitable<Exit | undefined> {
    if (!lineages || lineage === undefined) return undefined;
    return lineages.begin(ctx, { session, owner: { ...owner, lineage } }).then(
      async (isAccepted) => {
        if (isAccepted) return undefined;
        await session.destroy(ctx.now);
        return ctx.response.error(403, "Too many sessions");
      },
      (error: unknown) => setup.unavailable(ctx, "session save failed (unable to record the login)", error),
    );
  }

  return headerFilter;
}
