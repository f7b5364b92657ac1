import type { TestContext } from "node:test";
import { createStores, type Database, openSqlite, type StoresOptions } from "../../src/database/index.ts";
import type { PluginRow, Stores } from "../../src/entities/index.ts";
import { route, service } from "../../src/entities/index.ts";
import { exitHeaders } from "../../src/gateway/answer.ts";
import { Chain } from "../../src/gateway/chain.ts";
import { Context } from "../../src/gateway/context.ts";
import { createTrustedPeers } from "../../src/gateway/forwarded.ts";
import {
  buildSnapshot,
  closeReplaced,
  createLookups,
  type Exit,
  type GatewaySettings,
  type Log,
  MetricsRegistry,
  type MetricsSnapshot,
  type Plugin,
  type Services,
  type Snapshot,
} from "../../src/gateway/index.ts";
import { Headers } from "../../src/http1/index.ts";
import type { Awaitable, Row } from "../../src/schema/index.ts";
import { createInbound, type TestInbound, type TestRequest } from "./inbound.ts";

/** 2025-01-01T00:00:00Z, where the clock of a world stands at first. */
export const START = 1_735_689_600;

export const SETTINGS: GatewaySettings = {
  product: "sesame/0.0.0",
  trusted_ips: [],
  real_ip_header: "X-Real-IP",
  real_ip_recursive: false,
  router_flavor: "traditional_compatible",
  error_default_type: "text/plain",
  headers: [],
  client_max_body_size: 0,
  client_body_buffer_size: 8192,
  allow_debug_header: false,
  proxy_ssl_verify: false,
  trustedCertificates: undefined,
  pool: {},
  dns: { servers: [], validTtl: undefined, staleTtl: 3600 },
};

/** A request after its access phase; without an `exit` it goes to the upstream. */
export interface Visit {
  readonly ctx: Context;
  readonly inbound: TestInbound;
  readonly exit: Exit | undefined;
}

/** Plugins on a real snapshot, real contexts and a real database; only connections are missing. */
export interface World {
  /** For tests that put it out of order. */
  readonly database: Database;
  readonly stores: Stores;
  readonly services: Services;
  /** What was logged, level and message. */
  readonly logged: readonly string[];
  /** What was counted so far. */
  snapshot(): MetricsSnapshot;
  /** Seconds since the epoch; to be moved by the test. */
  now: number;
  add(entity: string, input: object): Promise<Row>;
  /** Configure a plugin; on all requests unless `scope` says where. */
  configure(name: string, config?: object, scope?: object): Promise<Row>;
  /** The access phase of a request as everything is configured now; `prepare` is given the context before. */
  begin(
    request?: TestRequest,
    prepare?: (ctx: Context) => void,
  ): Promise<{ ctx: Context; inbound: TestInbound; chain: Chain; run(): Awaitable<Exit | undefined> }>;
  visit(request?: TestRequest, prepare?: (ctx: Context) => void): Promise<Visit>;
}

/** Stores in memory, for tests that may not know the database itself. The test closes `database`. */
export async function openStores(options: StoresOptions): Promise<{ database: Database; stores: Stores }> {
  const database = openSqlite({ file: ":memory:" });
  return { database, stores: await createStores(database, options) };
}

/** A world with these plugins, one service `s` and one route `r` for all paths. It ends with the test. */
export async function openWorld(
  t: TestContext,
  plugins: readonly Plugin[],
  changes: Partial<GatewaySettings> = {},
): Promise<World> {
  const settings = { ...SETTINGS, ...changes };
  const database = openSqlite({ file: ":memory:" });
  const world = { now: START, logged: [] as string[] };
  const stores = await createStores(database, { plugins, now: () => world.now });
  const lookups = createLookups(stores);
  t.after(async () => {
    if (snapshot) closeReplaced(snapshot, undefined);
    lookups.close();
    await database.close();
  });
  const note = (level: string) => (message: string) => void world.logged.push(`${level}: ${message}`);
  const log: Log = {
    debug: note("debug"),
    info: note("info"),
    notice: note("notice"),
    warn: note("warn"),
    error: note("error"),
    isDebug: false,
  };
  const node = { id: "f3a1c1de-0000-4000-8000-000000000001", hostname: "gateway" };
  const metrics = new MetricsRegistry(Object.assign({}, ...plugins.map((plugin) => plugin.metrics)));
  const services: Services = { lookups, log, metrics, node, maxCookieSize: 48_000 };
  const parts = { trusted: createTrustedPeers(settings), clock: () => world.now * 1000, bodyBufferSize: 8192 };
  const owner = { onDrain() {}, onFault() {}, onAbort() {} };

  let snapshot: Snapshot | undefined;
  const added = await stores.of(service).insert({ name: "s", host: "upstream.test" });
  await stores.of(route).insert({ name: "r", paths: ["/"], service: { id: added.id } });

  return Object.assign(world, {
    database,
    stores,
    services,
    snapshot: () => metrics.snapshot(),
    add: (entity: string, input: object) => stores.named(entity)!.insert(input as never),
    configure: (name: string, config: object = {}, scope: object = {}) =>
      stores.named("plugins")!.insert({ name, config, ...scope }),
    async begin(request: TestRequest = {}, prepare?: (ctx: Context) => void) {
      const rows = {
        services: await stores.of(service).all(),
        routes: await stores.of(route).all(),
        plugins: (await stores.named("plugins")!.all()) as unknown as PluginRow[],
      };
      const before = snapshot;
      snapshot = buildSnapshot(rows, { plugins, services, settings }, before);
      if (before) closeReplaced(before, snapshot);
      const inbound = createInbound(request);
      const ctx = new Context(inbound, parts, owner);
      const { method, path, headers } = ctx.request;
      ctx.path = path;
      ctx.match = snapshot.router.match({
        method,
        path,
        headers,
        host: "",
        port: 8000,
        tls: false,
        serverName: undefined,
      });
      prepare?.(ctx);
      const chain = new Chain(snapshot.slots(ctx.match?.route.row));
      return { ctx, inbound, chain, run: () => chain.access(ctx) };
    },
    async visit(request?: TestRequest, prepare?: (ctx: Context) => void) {
      const { ctx, inbound, run } = await this.begin(request, prepare);
      return { ctx, inbound, exit: await run() };
    },
  });
}

/**
 * Send an answer through the header filters as the gateway does: the exit, or an upstream's 200 with these fields. `made` is
 * what the gateway answers itself in the end; `waited`, whether the filters were a promise.
 */
export async function respond(
  ctx: Context,
  chain: Chain,
  exit: Exit | undefined,
  fields: readonly string[] = [],
): Promise<{ readonly made: Exit | undefined; readonly waited: boolean }> {
  const { response } = ctx;
  let made: Exit | undefined;
  const become = (next: Exit) => {
    made = next;
    response.status = next.status;
    response.headers = exitHeaders(ctx, next, ctx.startMs);
  };
  if (exit) become(exit);
  else {
    response.status = 200;
    response.headers = new Headers([...response.headers.list, ...fields]);
  }
  const filtered = chain.headerFilter(ctx, {
    replace(next) {
      response.headers = new Headers();
      become(next);
    },
  });
  await filtered;
  return { made, waited: filtered instanceof Promise };
}
