import type { TestContext } from "node:test";
import { consumer } from "../../src/entities/index.ts";
import { type Context, definePlugin, type Exit } from "../../src/gateway/index.ts";
import type { Headers } from "../../src/http1/index.ts";
import { sessionMetadata, session as sessions } from "../../src/plugins/session/entities.ts";
import { createSessionPlugin } from "../../src/plugins/session/index.ts";
import { openWorld, respond, type World } from "../helpers/plugins.ts";

export interface Vectors {
  readonly vectors: readonly Vector[];
}

export interface Vector {
  readonly id: string;
  readonly title: string;
  readonly plugin_config: object;
  readonly flow?: Flow;
  readonly requests: readonly VectorRequest[];
}

/** How the stand-in gateway of the vectors treats requests beside the session plugin; their `readme` explains it. */
export interface Flow {
  readonly auth?: "anonymous" | "required" | "none";
  readonly groups?: readonly string[];
  readonly allow_anonymous?: boolean;
  readonly upstream_set_cookie?: readonly string[];
}

export interface VectorRequest {
  readonly now: number;
  readonly plugin_config?: object;
  readonly flow?: Flow;
  readonly request: { method: string; path: string; headers: Record<string, string>; body?: string };
  readonly response: {
    readonly status: number;
    readonly headers: Record<string, string | readonly string[]>;
    readonly body?: string;
    readonly upstream_request_headers?: Record<string, string>;
  };
  readonly plugin_log: readonly string[];
  readonly database_after?: {
    readonly sessions: readonly { session_id: string; expires: number; created_at: number; data: string }[];
    readonly session_metadatas: readonly { sid: string; subject: string; audience: string }[];
  };
}

export interface Outcome {
  readonly status: number;
  readonly setCookie: readonly string[];
  /** `Session-*` of the response. */
  readonly told: Record<string, string>;
  /** Of an answer that the gateway made; undefined when the upstream was asked. */
  readonly body: string | undefined;
  /** What the upstream got, without the fields that the proxy writes. */
  readonly upstream: Record<string, string> | undefined;
  /** Why there was no session in the access phase. */
  readonly refusals: readonly string[];
  readonly rows: readonly { session_id: string; expires: number; created_at: number; data: string }[];
  readonly metadata: readonly { sid: string; subject: string; audience: string }[];
}

const coop = { id: "c0000000-0000-4000-8000-000000000001", username: "coop", custom_id: null };
const dave = { id: "c0000000-0000-4000-8000-000000000002", username: "dave", custom_id: "dave-ext" };
const onlyCustom = { id: "c0000000-0000-4000-8000-000000000003", username: null, custom_id: "only-custom" };
const anonymous = { id: "c0000000-0000-4000-8000-0000000000ff", username: "anon", custom_id: null };
const credential = (number: number) => ({ id: `d0000000-0000-4000-8000-00000000000${number}` });

const keys = new Map([
  ["kong", { consumer: coop, credential: credential(1) }],
  ["davekey", { consumer: dave, credential: credential(2) }],
  ["customkey", { consumer: onlyCustom, credential: credential(3) }],
  ["orphan", { consumer: undefined, credential: credential(4) }],
]);

/** What the stand-in gateway does in the place of key-auth and request-termination. */
function access(ctx: Context, { auth = "anonymous", groups, allow_anonymous }: Flow): Exit | undefined {
  const mayPass = auth === "none" || (auth === "anonymous" && ctx.client.credential !== undefined);
  if (!mayPass) {
    const known = keys.get(ctx.request.headers.get("apikey") ?? "");
    if (known) ctx.client.authenticate(known.consumer, known.credential);
    else if (auth === "required") return ctx.response.exit(401, "No API key found in request");
    else ctx.client.authenticate(anonymous, undefined);
  }
  if (groups) ctx.client.authenticatedGroups = groups;
  if (!ctx.client.credential && !allow_anonymous) return ctx.response.exit(403, "So it goes.");
  return undefined;
}

/** What happened between two requests of a vector: the vectors tell it in their titles only. */
const events: Readonly<Record<string, (world: World) => Promise<unknown>>> = {
  X1: (world) => world.stores.of(consumer).delete({ id: coop.id }),
  X1k: (world) => world.stores.of(consumer).delete({ id: coop.id }),
  X17: async ({ stores }) => {
    for (const { id } of await stores.of(sessions).all()) await stores.of(sessions).delete({ id });
  },
};

/** Run a vector's requests in order. */
export async function runVector(t: TestContext, vector: Vector): Promise<Outcome[]> {
  const ids: Uint8Array[] = [];
  let flow: Flow = {};
  const standIn = definePlugin({
    name: "stand-in",
    priority: 1250,
    config: {},
    create: () => ({ access: (ctx) => access(ctx, flow) }),
  });
  const session = createSessionPlugin({
    options: { compatibility: "strict", release: "4.0" },
    randomBytes: () => ids.shift()!,
  });
  const world = await openWorld(t, [session, standIn]);
  Object.assign(world.services.log, { isDebug: true });
  for (const someone of [coop, dave, onlyCustom, anonymous]) await world.add("consumers", someone);
  await world.configure("stand-in");

  const outcomes: Outcome[] = [];
  for (const [index, step] of vector.requests.entries()) {
    if (index === 1) await events[vector.id]?.(world);
    world.now = step.now;
    flow = step.flow ?? vector.flow ?? {};
    const config = { secret: "default-secret", ...(step.plugin_config ?? vector.plugin_config) };
    const row = await world.configure("session", config);
    ids.push(...newIds(step));
    outcomes.push(await runRequest(world, step, flow));
    await world.stores.named("plugins")!.delete({ id: row.id });
  }
  return outcomes;
}

/** The ids of the cookies that this request was given and did not bring: bytes 3 to 34 of their headers. */
function newIds({ request, response }: VectorRequest): Uint8Array[] {
  const brought = request.headers["Cookie"] ?? "";
  return [response.headers["set-cookie"] ?? []]
    .flat()
    .map((line) => /^[^=]+=([^;]{110})/.exec(line)?.[1])
    .filter((header) => header !== undefined)
    .map((header) => Buffer.from(header, "base64url").subarray(3, 35))
    .filter((id) => !brought.includes(idInCookie(id)));
}

/** An id begins after three bytes of the header, so its text is part of the cookie's, but for the last characters. */
const idInCookie = (id: Uint8Array): string => Buffer.from(id).toString("base64url").slice(0, 40);

async function runRequest(world: World, { request, now }: VectorRequest, flow: Flow): Promise<Outcome> {
  const from = world.logged.length;
  const { ctx, chain, run } = await world.begin({
    method: request.method,
    target: request.path,
    headers: Object.entries(request.headers).flat(),
    ...(request.body !== undefined && { body: request.body }),
  });
  const exit = await run();
  const upstream = exit ? undefined : Object.fromEntries(pairsOf(ctx.service.request.headers));
  const cookies = (flow.upstream_set_cookie ?? []).flatMap((text) => ["Set-Cookie", text]);
  const { made } = await respond(ctx, chain, exit, ["Content-Type", "text/plain", ...cookies]);

  const { response } = ctx;
  const rows = await world.stores.of(sessions).all();
  return {
    status: response.status,
    setCookie: response.headers.getAll("set-cookie"),
    told: Object.fromEntries(pairsOf(response.headers).filter(([name]) => name.startsWith("session-"))),
    body: made && String(made.body),
    upstream,
    refusals: world.logged.slice(from).filter((line) => line.startsWith("debug: session not present")),
    rows: rows
      .filter(({ expires }) => expires! >= now)
      .map(({ session_id, expires, created_at, data }) => ({
        session_id,
        expires: expires!,
        created_at,
        data: data!,
      })),
    metadata: (await world.stores.of(sessionMetadata).all()).map(({ sid, subject, audience }) => ({
      sid,
      subject: subject!,
      audience: audience!,
    })),
  };
}

function pairsOf({ list }: Headers): [string, string][] {
  const pairs: [string, string][] = [];
  for (let i = 0; i < list.length; i += 2) pairs.push([list[i]!.toLowerCase(), list[i + 1]!]);
  return pairs;
}
