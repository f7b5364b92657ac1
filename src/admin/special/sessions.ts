import { hash } from "node:crypto";
import type { EntityStore, Page, SessionLineage, Stores } from "../../entities/index.ts";
import type { Metrics } from "../../gateway/index.ts";
import { isUuid, type Row, schemaViolation } from "../../schema/index.ts";
import { type Answer, json, noContent, notFound } from "../answer.ts";
import { argument, type Call, firstParam } from "../call.ts";
import { pageAnswer, pageQuery } from "../lists.ts";
import type { Route } from "../paths.ts";
import { keyOf } from "../routes.ts";
import { readRevocation, revokeBefore, revokeLineages } from "./session-revocation.ts";

/** Where sessions are found: logins of plugins with `revocation`, and rows of `kong` storage with `store_metadata`. */
export interface SessionStores {
  readonly consumers: EntityStore;
  readonly sessions: EntityStore;
  readonly metadatas: EntityStore;
  readonly lineages: EntityStore<SessionLineage & Row>;
  readonly revocations: EntityStore;
  /** Count a session that was ended. */
  ended(): void;
}

const FILTERS = ["subject", "audience", "consumer"] as const;

/**
 * What the session plugin's own routes cannot do:
 *
 *   GET /sessions?subject=&audience=&consumer=    whose sessions live, wherever they are kept
 *   DELETE /sessions/{id}                         also of a session that the visitor's cookie holds
 *   GET, DELETE /consumers/{c}/sessions           those of one consumer
 *   POST /sessions/revoke                         all that were opened before a time
 *
 * `routes` are all that there are; the answer has those too, two of them replaced. Without a filter lists are Kong's.
 */
export function withSessionRoutes(routes: readonly Route[], stores: Stores, metrics: Metrics): readonly Route[] {
  const found = sessionStores(stores, metrics);
  if (!found) return routes;
  const replaced = routes.map((route) => {
    if (route.path === "/sessions") return listRoute(route, found);
    return route.path === "/sessions/{sessions}" ? sessionRoute(route, found) : route;
  });
  return [...replaced, consumerRoute(found), revokeRoute(found)];
}

function sessionStores(stores: Stores, metrics: Metrics): SessionStores | undefined {
  const [consumers, sessions, metadatas, lineages, revocations] = [
    "consumers",
    "sessions",
    "session_metadatas",
    "session_lineages",
    "session_revocations",
  ].map((name) => stores.named(name));
  if (!consumers || !sessions || !metadatas || !lineages || !revocations) return undefined;
  const ended = () => metrics.count("sesame_sessions_ended_total", { how: "admin" });
  return { consumers, sessions, metadatas, lineages: lineages as never, revocations, ended };
}

function listRoute(route: Route, stores: SessionStores): Route {
  const GET = route.methods.GET!;
  return {
    ...route,
    methods: {
      ...route.methods,
      async GET(call) {
        if (!FILTERS.some((name) => argument(call, name) !== undefined)) return GET(call);
        return listed(stores, filterOf(call), call, "/sessions");
      },
    },
  };
}

function sessionRoute(route: Route, stores: SessionStores): Route {
  const GET = route.methods.GET!;
  const lineageOf = async (call: Call) => {
    const id = firstParam(call);
    return isUuid(id) ? stores.lineages.select({ id: id.toLowerCase() }) : undefined;
  };
  return {
    ...route,
    methods: {
      ...route.methods,
      async GET(call) {
        const lineage = await lineageOf(call);
        return lineage ? json(200, shownLineage(lineage)) : GET(call);
      },
      async DELETE(call) {
        const lineage = await lineageOf(call);
        if (lineage) await revokeLineages(stores, [lineage]);
        else if (await stores.sessions.delete(keyOf(stores.sessions.entity, firstParam(call)))) stores.ended();
        return noContent;
      },
    },
  };
}

function consumerRoute(stores: SessionStores): Route {
  const consumerOf = async (call: Call) => findConsumer(stores, firstParam(call));
  return {
    path: "/consumers/{consumers}/sessions",
    methods: {
      async GET(call) {
        const consumer = await consumerOf(call);
        if (!consumer) return notFound;
        return listed(stores, { consumer }, call, `/consumers/${consumer.id}/sessions`);
      },
      async DELETE(call) {
        const consumer = await consumerOf(call);
        if (!consumer) return notFound;
        // Those that nobody recorded too.
        await revokeBefore(stores, { consumer: consumer.id }, Math.floor(Date.now() / 1000) + 1);
        const logins = await allOf(stores.lineages, { foreign: { field: "consumer", id: consumer.id } });
        await revokeLineages(stores, logins);
        const counted = new Set(logins.map(({ session_id }) => session_id));
        for (const query of metadataQueries(undefined, undefined, consumer)) {
          for (const { session, sid } of await allOf(stores.metadatas, query)) {
            const isDeleted = await stores.sessions.delete(session as Row);
            if (isDeleted && !counted.has(sid as string)) stores.ended();
          }
        }
        return noContent;
      },
    },
  };
}

function revokeRoute(stores: SessionStores): Route {
  return {
    path: "/sessions/revoke",
    methods: {
      async POST({ body }) {
        const { before, audience, subject } = readRevocation(body);
        await revokeBefore(stores, { audience, subject }, before);
        const where = { ...(subject !== undefined && { subject }), ...(audience !== undefined && { audience }) };
        for (const row of await allOf(stores.lineages, { where })) {
          if (row.created_at < before && (await stores.lineages.delete({ id: row.id }))) stores.ended();
        }
        return noContent;
      },
    },
  };
}

/** Whose sessions are asked for; a consumer that does not exist is null. */
interface Filter {
  readonly subject?: string;
  readonly audience?: string;
  readonly consumer?: Row | string;
}

function filterOf(call: Call): Filter {
  const filter: Record<string, string> = {};
  for (const name of FILTERS) {
    const value = argument(call, name);
    if (value === undefined) continue;
    if (typeof value !== "string" || value === "") throw schemaViolation({ [name]: "expected a text" });
    filter[name] = value;
  }
  return filter;
}

const PAGE = 100;

/** One page, first of the logins, then of the rows that no login was recorded for: `0.` and `1.` begin their offsets. */
async function listed(stores: SessionStores, filter: Filter, call: Call, path: string): Promise<Answer> {
  const { subject, audience, consumer: named } = filter;
  const consumer = typeof named === "string" ? await findConsumer(stores, named) : named;
  const answer = (page: Page<unknown>) => pageAnswer(page, call, path, [...FILTERS, "size"]);
  if (named !== undefined && !consumer) return answer({ data: [] });
  const { offset = "0.", size = PAGE } = pageQuery(call);
  const inner = offset.length > 2 ? { offset: offset.slice(2) } : {};
  const data: object[] = [];

  if (!offset.startsWith("1.")) {
    const where = { ...(subject !== undefined && { subject }), ...(audience !== undefined && { audience }) };
    const foreign = consumer && { foreign: { field: "consumer", id: consumer.id } };
    const page = await stores.lineages.page({ size, where, ...foreign, ...inner });
    data.push(...page.data.map(shownLineage));
    if (page.offset !== undefined) return answer({ data, offset: `0.${page.offset}` });
    if (data.length === size) return answer({ data, offset: "1." });
  }
  const [query, ...others] = metadataQueries(subject, audience, consumer);
  if (others.length > 0) {
    // Under each of its names a consumer has few sessions: they need no pages.
    for (const each of [query!, ...others])
      data.push(...(await shownRows(stores, await allOf(stores.metadatas, each))));
    return answer({ data });
  }
  if (!query) return answer({ data });
  const from = offset.startsWith("1.") ? inner : {};
  const page = await stores.metadatas.page({ size: size - data.length, ...query, ...from });
  data.push(...(await shownRows(stores, page.data)));
  return answer(page.offset === undefined ? { data } : { data, offset: `1.${page.offset}` });
}

async function findConsumer(stores: SessionStores, text: string): Promise<Row | undefined> {
  const byId = isUuid(text) ? await stores.consumers.select({ id: text.toLowerCase() }) : undefined;
  return byId ?? stores.consumers.select({ username: text });
}

type Query = { readonly where: Readonly<Record<string, string>> };

/** How the rows of metadata are found: they have audience and subject in base64url, the subject perhaps as a hash. */
function metadataQueries(
  subject: string | undefined,
  audience: string | undefined,
  consumer: Row | undefined,
): Query[] {
  const where: Record<string, string> = audience === undefined ? {} : { audience: encode(audience) };
  if (subject === undefined && consumer === undefined) return [{ where }];
  const names = consumer ? [consumer["username"], consumer["custom_id"], consumer.id] : [subject];
  return names
    .filter((name) => typeof name === "string" && (subject === undefined || name === subject))
    .flatMap((name) => [
      { where: { ...where, subject: encode(name as string) } },
      {
        where: {
          ...where,
          subject: hash("sha256", name as string, "buffer")
            .subarray(0, 16)
            .toString("base64url"),
        },
      },
    ]);
}

const encode = (text: string): string => Buffer.from(text).toString("base64url");
const decode = (text: unknown): string | null =>
  typeof text === "string" ? Buffer.from(text, "base64url").toString() : null;

/** A login as it is shown; `session_id` is that of its latest cookie. */
function shownLineage(row: SessionLineage): object {
  const { id, session_id, subject, audience, consumer, created_at, last_seen, expires, ip, user_agent } = row;
  return { id, session_id, subject, audience, consumer, created_at, last_seen, expires, ip, user_agent };
}

/** Rows of `kong` storage in the form of logins, but for those that were recorded as such. */
async function shownRows({ sessions, lineages }: SessionStores, rows: readonly Row[]): Promise<object[]> {
  const shown: object[] = [];
  for (const { session, subject, audience } of rows) {
    const row = await sessions.select({ id: (session as Row).id });
    if (!row) continue;
    const { id, session_id, created_at, expires } = row;
    const recorded = await lineages.page({ where: { session_id: String(session_id) }, size: 1 });
    if (recorded.data.length > 0) continue;
    const unknown = { consumer: null, created_at, last_seen: null, expires, ip: null, user_agent: null };
    shown.push({ id, session_id, subject: decode(subject), audience: decode(audience), ...unknown });
  }
  return shown;
}

async function allOf<R extends Row>(store: EntityStore<R>, query: Parameters<EntityStore<R>["page"]>[0]): Promise<R[]> {
  const rows: R[] = [];
  let page = await store.page({ ...query, size: 1000 });
  rows.push(...page.data);
  while (page.offset !== undefined) {
    page = await store.page({ ...query, size: 1000, offset: page.offset });
    rows.push(...page.data);
  }
  return rows;
}
