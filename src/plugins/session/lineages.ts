import { LONGEST_REVOCATION, type SessionLineage, sessionLineage } from "../../entities/index.ts";
import type { Context, Services } from "../../gateway/index.ts";
import { EntityError, entityErrors } from "../../schema/index.ts";
import type { Session } from "../../session/index.ts";
import type { Config } from "./config.ts";
import type { Denial } from "./denied.ts";
import { loginOf } from "./lineage.ts";
import type { Owner } from "./owner.ts";
import type { DenyList } from "./revocations.ts";

/** A session with the lineage that its owner has. */
export interface Member {
  readonly session: Session;
  readonly owner: Owner & { readonly lineage: string };
}

/** The logins of one configured row with `revocation`: recorded, limited and ended. */
export interface Lineages {
  /** Record a login. False when it is one too many and `max_sessions_policy` rejects it. */
  begin(ctx: Context, member: Member): Promise<boolean>;
  /** Note that a session was used or renewed. */
  seen(ctx: Context, member: Member): Promise<void>;
  /** Revoke a lineage and drop its record. Done when it is committed. */
  end(lineage: string, now: number): Promise<void>;
  /** The logins of a consumer whose sessions live, oldest first. */
  of(consumerId: string): Promise<readonly SessionLineage[]>;
}

export function createLineages(config: Config, { lookups, log, metrics }: Services, denyList: DenyList): Lineages {
  const store = lookups.store(sessionLineage);
  const { max_sessions: limit, max_sessions_policy: policy } = config;

  /** When nothing that descends from a login opens any more, in seconds since the epoch. */
  function overAt(since: number, now: number): number {
    const { absolute_timeout, rolling_timeout, remember, remember_absolute_timeout, remember_rolling_timeout } = config;
    const life = absolute_timeout || rolling_timeout || LONGEST_REVOCATION;
    const over = absolute_timeout ? since + life : now + life;
    if (!remember) return Math.ceil(Math.max(over, now + 1));
    // A remembered visitor gets sessions that begin anew, up to the end of the long-lived cookie.
    const remembered = remember_absolute_timeout || remember_rolling_timeout || LONGEST_REVOCATION;
    return Math.ceil(now + Math.min(remembered + life, LONGEST_REVOCATION));
  }

  function timesOf({ session, owner }: Member, now: number) {
    const over = overAt(loginOf(owner.lineage), now);
    const left = config.remember ? undefined : session.timeouts?.remaining;
    const expires = left === undefined ? over : Math.min(over, now + left);
    return { last_seen: now, expires, over, session_id: session.id ?? null, ttl: Math.max(1, expires - now + 1) };
  }

  function rowOf({ session, owner }: Member) {
    return {
      lineage: owner.lineage,
      consumer: { id: owner.consumerId },
      subject: session.subject ?? null,
      audience: session.audience,
      created_at: loginOf(owner.lineage) || null,
    };
  }

  function visitorOf({ request }: Context) {
    if (!config.store_metadata) return {};
    const agent = request.headers.get("user-agent")?.slice(0, MOST_CHARACTERS).toWellFormed();
    return { ip: request.forwarded.clientAddress, ...(agent && { user_agent: agent }) };
  }

  async function end(lineage: string, now: number, why?: Denial): Promise<void> {
    const row = await store.select({ lineage });
    const over = Math.max(row?.over ?? 0, overAt(loginOf(lineage), now));
    await denyList.revoke(lineage, over - now, now, why);
    if (row) await store.delete({ id: row.id });
  }

  async function all(query: Parameters<typeof store.page>[0]): Promise<SessionLineage[]> {
    const rows: SessionLineage[] = [];
    for (let offset: string | undefined, more = true; more; more = offset !== undefined) {
      const page = await store.page({ ...query, size: 1000, ...(offset !== undefined && { offset }) });
      rows.push(...page.data);
      offset = page.offset;
    }
    return rows.sort((a, b) => a.created_at - b.created_at || (a.id < b.id ? -1 : 1));
  }

  /**
   * The limit is looked at behind the insertion, so that of logins at the same time each sees all that came before it: more
   * than the limit never stay, though `reject` may then refuse both of two where one had room.
   */
  async function limited(id: string, { session }: Member, max: number, now: number): Promise<boolean> {
    const { subject = "", audience } = session;
    const others = (await all({ where: { subject, audience } })).filter((row) => row.id !== id);
    const surplus = others.slice(0, Math.max(0, others.length + 1 - max));
    if (surplus.length === 0) return true;
    if (policy !== "evict_oldest") {
      await store.delete({ id });
      return false;
    }
    for (const { lineage } of surplus) {
      await end(lineage, now, "replaced");
      metrics.count("sesame_sessions_ended_total", { how: "evicted" });
    }
    return true;
  }

  return {
    end,
    of: (consumerId) => all({ foreign: { field: "consumer", id: consumerId } }),
    async begin(ctx, member) {
      const row = await store
        .insert({ ...rowOf(member), ...timesOf(member, ctx.now), ...visitorOf(ctx) })
        .catch((error) => ignoreOf(error, entityErrors.FOREIGN_KEY_VIOLATION));
      // The consumer was deleted meanwhile: their sessions are over anyway.
      if (!row) return true;
      return limit == null || limited(row.id, member, limit, ctx.now);
    },
    async seen(ctx, member) {
      try {
        const { lineage } = member.owner;
        const times = timesOf(member, ctx.now);
        await store.update({ lineage }, times).catch((error) => {
          ignoreOf(error, entityErrors.NOT_FOUND);
          return store.upsert({ lineage }, { ...rowOf(member), ...times });
        });
      } catch (error) {
        log.warn("the use of a session could not be recorded", { request_id: ctx.request.id, error });
      }
    },
  };
}

/** Of a browser's name, no more than this is kept. */
const MOST_CHARACTERS = 512;

/** Throw an error on, unless it is of this kind. */
function ignoreOf(error: unknown, { code }: { readonly code: number }): undefined {
  if (!(error instanceof EntityError && error.code === code)) throw error;
}
