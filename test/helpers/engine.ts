import type { TestContext } from "node:test";
import { generate } from "selfsigned";
import { createStores, openSqlite } from "../../src/database/index.ts";
import { type PluginRow, route, service } from "../../src/entities/index.ts";
import {
  buildSnapshot,
  createBadRequest,
  createFastEngine,
  createGateway,
  createLookups,
  createNodeEngine,
  definePlugin,
  type Engine,
  type Exchange,
  type Handlers,
  type Log,
  type Services,
} from "../../src/gateway/index.ts";
import { SETTINGS } from "./plugins.ts";
import type { Door } from "./wire.ts";

/** A gateway without a process around it: one route for all paths, with one plugin that does what a test says. */
export interface TestEngine {
  readonly doors: readonly Door[];
  readonly engine: Engine;
  /** Levels and messages. */
  readonly logged: readonly string[];
  /** The status of each exchange that has ended. */
  readonly ended: readonly number[];
}

const engines = { node: createNodeEngine, fast: createFastEngine };

export async function startEngine(
  t: TestContext,
  url: string,
  handlers: Handlers = {},
  name = (process.env["SESAME_TEST_HTTP_ENGINE"] ?? "fast") as keyof typeof engines,
): Promise<TestEngine> {
  const probe = definePlugin({ name: "probe", priority: 1, config: {}, create: () => handlers });
  const plugins = [probe];
  const database = openSqlite({ file: ":memory:" });
  const stores = await createStores(database, { plugins });
  const lookups = createLookups(stores);
  const added = await stores.of(service).insert({ url, retries: 0 } as never);
  await stores.of(route).insert({ paths: ["/"], service: { id: added.id } });
  await stores.named("plugins")!.insert({ name: "probe" });

  const logged: string[] = [];
  const note = (level: string) => (message: string) => void logged.push(`${level}: ${message}`);
  const log: Log = {
    debug: note("debug"),
    info: note("info"),
    notice: note("notice"),
    warn: note("warn"),
    error: note("error"),
    isDebug: false,
  };
  const ended: number[] = [];
  const onEnd = ({ ctx }: Exchange) => void ended.push(ctx.response.status);
  const gateway = createGateway({ settings: SETTINGS, log, onEnd });
  const rows = {
    services: await stores.of(service).all(),
    routes: await stores.of(route).all(),
    plugins: (await stores.named("plugins")!.all()) as unknown as PluginRow[],
  };
  const services = { lookups, log, node: { id: "", hostname: "" } } as unknown as Services;
  gateway.use(buildSnapshot(rows, { plugins, services, settings: SETTINGS }));

  const { private: key, cert } = await generate([], { keyType: "ec", curve: "P-256" });
  const engine = engines[name]({
    handle: (inbound) => gateway.handle(inbound),
    badRequest: createBadRequest(SETTINGS),
    tls: { key, cert },
    onRefused: (total) => log.warn(`refused ${total}`),
    limits: {
      connections: 10_000,
      head: 65_536,
      line: 49_152,
      fields: 200,
      headerTimeoutMs: 5000,
      bodyTimeoutMs: 5000,
      keepAliveTimeoutMs: 5000,
    },
  });
  t.after(async () => {
    await engine.close(0);
    gateway.close();
    lookups.close();
    await database.close();
  });
  const host = "127.0.0.1";
  const plain = await engine.listen({ host, port: 0, tls: false, http2: false });
  const tls = await engine.listen({ host, port: 0, tls: true, http2: true });
  return {
    engine,
    logged,
    ended,
    doors: [
      { name: "plain", host, port: plain },
      { name: "tls", host, port: tls },
      { name: "h2", host, port: tls },
    ],
  };
}
