import type { TestContext } from "node:test";
import type { TestRequest } from "../../../test/helpers/inbound.ts";
import { openWorld, respond, type World } from "../../../test/helpers/plugins.ts";
import { consumer, uuid } from "../../entities/index.ts";
import { definePlugin, type GatewaySettings, type Plugin } from "../../gateway/index.ts";
import { andThen, type Entity } from "../../schema/index.ts";
import { session } from "./index.ts";

/** What somebody may be let in by, as a row. */
export const pass = {
  name: "passes",
  description: "A pass.",
  primary_key: ["id"],
  credential: true,
  fields: {
    id: uuid,
    consumer: {
      type: "foreign",
      reference: "consumers",
      required: true,
      on_delete: "cascade",
      description: "Whose it is.",
    },
    word: { type: "string", unique: true, required: true, encrypted: true, description: "The word." },
    note: { type: "string", description: "A note." },
  },
} as const satisfies Entity;

/**
 * Stands for an authentication plugin with `anonymous`: who sends `x-key` is someone, by a credential that is no row, and who
 * sends `x-pass: <word>` is the consumer of that row.
 */
export const authentication = definePlugin({
  name: "authentication",
  priority: 1000,
  config: {},
  entities: [pass],
  create: (_config, { lookups }) => ({
    access(ctx) {
      if (ctx.client.credential) return undefined;
      const word = ctx.request.headers.get("x-pass");
      if (word !== undefined) {
        return andThen(lookups.find(pass, "word", word), (row) => {
          if (!row) return undefined;
          return andThen(lookups.find(consumer, "id", row.consumer.id), (found): undefined => {
            ctx.client.authenticate(found, row);
          });
        });
      }
      if (ctx.request.headers.has("x-key")) {
        ctx.client.authenticate(someone, { id: "d0000000-0000-4000-8000-000000000001" });
      }
      return undefined;
    },
  }),
});

export const someone = { id: "c0000000-0000-4000-8000-000000000001", username: "coop", custom_id: null };

export interface Answer {
  readonly status: number;
  readonly cookies: readonly string[];
  readonly retryAfter: string | undefined;
  readonly consumer: string | undefined;
  readonly body: string | undefined;
  /** A field of the answer by its name in lower case. */
  field(name: string): string | undefined;
  /** The Cookie header that the upstream is sent. */
  readonly upstreamCookie: string | undefined;
  /** Whether access phase and header filter answered with a promise. */
  readonly waited: readonly [access: boolean, headerFilter: boolean];
}

export async function open(
  t: TestContext,
  config: object,
  plugins: readonly Plugin[] = [authentication],
  settings: Partial<GatewaySettings> = {},
) {
  const world = await openWorld(t, [session, ...plugins], settings);
  await world.add("consumers", someone);
  await world.configure("authentication");
  await world.configure("session", { secret: "a secret", ...config });
  return { world, send: (request: Request = {}) => send(world, request) };
}

export interface Request {
  readonly method?: string;
  readonly target?: string;
  readonly key?: boolean;
  readonly cookie?: string | undefined;
  /** The word of a pass. */
  readonly pass?: string;
  /** name, value, name, value … */
  readonly headers?: readonly string[];
  readonly connection?: TestRequest["connection"];
  readonly isDebugging?: boolean;
  /** What happens between the access phase and the answer. */
  readonly meanwhile?: () => unknown;
}

export async function send(world: World, request: Request): Promise<Answer> {
  const { method, target, key, pass, cookie, connection, isDebugging, meanwhile } = request;
  const headers = [...(request.headers ?? [])];
  if (key) headers.push("x-key", "1");
  if (pass !== undefined) headers.push("x-pass", pass);
  if (cookie !== undefined) headers.push("Cookie", cookie);
  const sent = { ...(method && { method }), ...(target && { target }), ...(connection && { connection }), headers };
  const { ctx, chain, run } = await world.begin(sent);
  ctx.isDebugging = isDebugging ?? false;
  const access = run();
  const exit = await access;
  await meanwhile?.();
  const { made, waited } = await respond(ctx, chain, exit);
  chain.log(ctx);
  return {
    status: ctx.response.status,
    cookies: ctx.response.headers.getAll("set-cookie"),
    retryAfter: ctx.response.headers.get("retry-after"),
    consumer: ctx.client.consumer?.username ?? undefined,
    body: made && String(made.body),
    field: (name) => ctx.response.headers.get(name),
    upstreamCookie: ctx.service.request.headers.get("cookie"),
    waited: [access instanceof Promise, waited],
  };
}

/** The Cookie header that a browser would send after this answer. */
export const cookieOf = ({ cookies }: Answer): string => cookies.map((line) => line.split(";", 1)[0]).join("; ");
