import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { hostname } from "node:os";
import type { SecureContextOptions } from "node:tls";
import { availableParallelism } from "node:os";
import { type AdminParts, createAdmin, createStatusApi, type HttpApi, serverOptions } from "../admin/index.ts";
import { createStores, DatabaseError, openSqlite } from "../database/index.ts";
import type { Stores } from "../entities/index.ts";
import { validateRouteRegex } from "../gateway/index.ts";
import { describeConfiguration, type Listener, type Settings } from "../settings.ts";
import { version } from "./version.ts";
import { loadCertificate } from "./certificate.ts";
import { CommandError } from "./command.ts";
import { enabledPlugins } from "./enabled-plugins.ts";
import { type Prefix, takePrefix } from "./prefix.ts";
import { listenFault } from "./process.ts";
import { openAdminAccessLog, openProcessLog, openProxyAccessLog, type ProcessLog } from "./process-log.ts";
import { openProxy } from "./proxy.ts";
import type { WorkerStatistics } from "./worker-protocol.ts";
import { startWorkers } from "./workers.ts";

/** A gateway that runs. */
export interface RunningGateway {
  readonly ports: { readonly proxy: readonly number[]; readonly admin: readonly number[]; readonly status: readonly number[] };
  readonly stores: Stores;
  readonly log: ProcessLog;
  /** Stop accepting, finish what is under way within `shutdown_timeout`, release everything. */
  close(): Promise<void>;
}

/** The part of a gateway that proxies, in this process or in workers. */
interface Proxies {
  readonly ports: readonly number[];
  readonly pids: readonly number[];
  setLogLevel(level: ProcessLog["level"]): Promise<void>;
  statistics(): Promise<readonly WorkerStatistics[]>;
  close(graceMs: number): Promise<void>;
}

/**
 * Start a gateway: database, proxy, Admin API and status API, as the settings say. This process owns the database's writes;
 * with several workers it does not proxy itself. Throws CommandError, in one line, for what the operator can mend.
 */
export async function runGateway(settings: Settings): Promise<RunningGateway> {
  const prefix = takePrefix(settings.prefix);
  const undo: (() => unknown)[] = [prefix.release];
  try {
    return await start(settings, prefix, undo);
  } catch (error) {
    for (const step of undo.reverse()) await step();
    if (error instanceof DatabaseError) throw new CommandError(error.message, { cause: error });
    throw error;
  }
}

async function start(settings: Settings, prefix: Prefix, undo: (() => unknown)[]): Promise<RunningGateway> {
  const log = openProcessLog(settings, prefix.folder);
  undo.push(() => log.close());
  const tls = await loadCertificate(settings, prefix);
  const plugins = enabledPlugins(settings);
  const database = openSqlite({ file: prefix.database });
  undo.push(() => database.close());
  const stores = await createStores(database, { plugins, regexFault: validateRouteRegex });

  const node = { id: prefix.nodeId, hostname: hostname() };
  const proxies = await openProxies({ settings, prefix, stores, log, tls, node });
  undo.push(() => proxies.close(0));

  const draining = { value: false };
  const statistics = async () => summarize(await proxies.statistics());
  const parts: AdminParts = {
    stores,
    plugins,
    version,
    node: { ...node, pids: () => ({ master: process.pid, workers: proxies.pids }) },
    configuration: describeConfiguration(settings),
    admin_gui_url: settings.admin_gui_url,
    admin_redact_secrets: settings.admin_redact_secrets,
    log,
    logLevel: createLogLevel(log, proxies),
    statistics,
  };
  const accessLog = openAdminAccessLog(settings, prefix.folder);
  undo.push(() => accessLog?.close());
  const admin = await openApi("admin_listen", settings.admin_listen, createAdmin(parts), tls);
  undo.push(() => admin.close());
  const statusApi = createStatusApi({ ...parts, unready: () => (draining.value ? "draining" : undefined) });
  const status = await openApi("status_listen", settings.status_listen, statusApi, tls);
  undo.push(() => status.close());

  return {
    ports: { proxy: proxies.ports, admin: admin.ports, status: status.ports },
    stores,
    log,
    async close() {
      draining.value = true;
      await proxies.close(settings.shutdown_timeout * 1000);
      await Promise.all([admin.close(), status.close()]);
      accessLog?.close();
      await database.close();
      log.close();
      prefix.release();
    },
  };
}

interface ProxyOptions {
  readonly settings: Settings;
  readonly prefix: Prefix;
  readonly stores: Stores;
  readonly log: ProcessLog;
  readonly tls: SecureContextOptions;
  readonly node: { readonly id: string; readonly hostname: string };
}

/** One process proxies by itself; several share the listeners. */
async function openProxies({ settings, prefix, stores, log, tls, node }: ProxyOptions): Promise<Proxies> {
  const { nginx_worker_processes: wanted } = settings;
  const count = wanted === "auto" ? availableParallelism() : wanted;
  const product = `sesame/${version}`;
  if (count > 1) {
    return startWorkers(count, { settings, folder: prefix.folder, database: prefix.database, tls, node, product }, stores, log);
  }
  const accessLog = openProxyAccessLog(settings, prefix.folder);
  const proxy = await openProxy({ settings, stores, plugins: enabledPlugins(settings), log, accessLog, tls, node, product });
  const own = (): WorkerStatistics => ({
    pid: process.pid,
    heap: process.memoryUsage().heapUsed,
    ...proxy.engine.statistics,
    ...proxy.gateway.statistics,
  });
  return {
    ports: proxy.ports,
    pids: [process.pid],
    setLogLevel: async () => {},
    statistics: async () => [own()],
    async close(graceMs) {
      await proxy.close(graceMs);
      accessLog?.close();
    },
  };
}

function summarize(workers: readonly WorkerStatistics[]) {
  const sum = (member: "connections" | "accepted" | "requests" | "active") =>
    workers.reduce((total, worker) => total + worker[member], 0);
  const [connections, accepted, active] = [sum("connections"), sum("accepted"), sum("active")];
  return {
    server: {
      connections_active: connections,
      connections_reading: 0,
      connections_writing: active,
      connections_waiting: Math.max(0, connections - active),
      connections_accepted: accepted,
      connections_handled: accepted,
      total_requests: sum("requests"),
    },
    workers: workers.map(({ pid, heap }) => ({ pid, heap })),
  };
}

function createLogLevel(log: ProcessLog, proxies: Proxies): AdminParts["logLevel"] {
  const configured = log.level;
  let timer: NodeJS.Timeout | undefined;
  async function set(level: ProcessLog["level"]): Promise<void> {
    log.setLevel(level);
    await proxies.setLogLevel(level);
  }
  return {
    current: () => log.level,
    async change(level, seconds) {
      clearTimeout(timer);
      if (seconds > 0) timer = setTimeout(() => void set(configured), seconds * 1000).unref();
      await set(level as ProcessLog["level"]);
    },
  };
}

interface OpenApi {
  readonly ports: readonly number[];
  close(): Promise<void>;
}

/** Open the listeners of an API on `node:http`. */
async function openApi(setting: string, listeners: readonly Listener[], api: HttpApi, tls: SecureContextOptions): Promise<OpenApi> {
  const servers: Server[] = [];
  const handle = (request: IncomingMessage, response: ServerResponse) => api.handle(request, response);
  const close = async () => {
    await Promise.all(
      servers.map((server) => {
        server.closeIdleConnections();
        const cut = setTimeout(() => server.closeAllConnections(), 1000);
        return new Promise<void>((resolve) => server.close(() => resolve())).finally(() => clearTimeout(cut));
      }),
    );
  };
  const ports: number[] = [];
  for (const { ip, port, ssl, listener } of listeners) {
    const server = ssl ? createTlsServer({ ...serverOptions, ...tls }, handle) : createServer(serverOptions, handle);
    try {
      ports.push(await listen(server, ip, port));
      servers.push(server);
    } catch (error) {
      await close();
      throw new CommandError(`${setting}: ${listenFault(error, listener)}`, { cause: error });
    }
  }
  return { ports, close };
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port }, () => {
      const address = server.address();
      resolve(typeof address === "object" && address ? address.port : port);
    });
  });
}
