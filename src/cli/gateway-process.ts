import { hostname } from "node:os";
import { type AdminParts, createAdmin, createStatusApi } from "../admin/index.ts";
import { createStores, DatabaseError } from "../database/index.ts";
import type { Stores } from "../entities/index.ts";
import { MetricsRegistry, validateRouteRegex } from "../gateway/index.ts";
import { isConfiguration } from "../schema/index.ts";
import { describeConfiguration, type Settings } from "../settings.ts";
import { logAdminRequests } from "./admin-access-log.ts";
import { openApi } from "./api-listeners.ts";
import { loadCertificate } from "./certificate.ts";
import { CommandError } from "./command.ts";
import { openDatabase } from "./database.ts";
import { createDeclarative } from "./declarative.ts";
import { enabledPlugins } from "./enabled-plugins.ts";
import { createLogLevel } from "./log-level.ts";
import { metricDefinitions, renderStatistics } from "./metrics.ts";
import { warnOfOpenRoutes } from "./open-routes.ts";
import { locateFiles, type Prefix, takePrefix } from "./prefix.ts";
import { openProcessLogs, type ProcessLog } from "./process-log.ts";
import { openProxies, summarize } from "./proxies.ts";
import { maskConfiguredNames } from "./secret-names.ts";
import { version } from "./version.ts";

/** A gateway that runs. */
export interface RunningGateway {
  /** The ports of each listener, in the order of the settings. */
  readonly ports: {
    readonly proxy: readonly number[];
    readonly admin: readonly number[];
    readonly status: readonly number[];
  };
  readonly stores: Stores;
  readonly log: ProcessLog;
  /** Read the declarative configuration again, with `database=off`; what is wrong with it is logged. */
  reload(): Promise<void>;
  /** Stop accepting, finish what is under way within `shutdown_timeout`, release everything. */
  close(): Promise<void>;
}

/**
 * Start a gateway: database, proxy, Admin API and status API, as the settings say. This process owns the database's writes;
 * with several workers it does not proxy itself, and there can be one such gateway in a process. Throws CommandError, in one
 * line, for what the operator can mend; nothing is left running then.
 */
export async function runGateway(settings: Settings): Promise<RunningGateway> {
  // Elsewhere there are neither file modes nor signals that could be relied on.
  if (process.platform !== "linux" && process.platform !== "darwin") {
    throw new CommandError(`a gateway runs on Linux and macOS, not on ${process.platform}`);
  }
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

/** `undo` gets what takes back each step, in the order of the steps. */
async function start(given: Settings, prefix: Prefix, undo: (() => unknown)[]): Promise<RunningGateway> {
  const settings = locateFiles(given, prefix);
  const logs = openProcessLogs(settings);
  undo.push(logs.close);
  const { log } = logs;
  const tls = await loadCertificate(settings, prefix);
  const plugins = enabledPlugins(settings);
  const isDeclarative = settings.database === "off";
  const file = isDeclarative ? prefix.sessions : prefix.database;
  const database = await openDatabase(settings, { file, log });
  undo.push(() => database.close());
  const stores = await createStores(database, {
    plugins,
    regexFault: validateRouteRegex,
    // A database of several nodes is migrated when the operator says so, as in Kong.
    migrates: settings.database !== "postgres",
    ...(isDeclarative && { isDeclared: isConfiguration }),
  });
  const declarative = isDeclarative ? createDeclarative(database, stores, log) : undefined;
  await declarative?.start(settings);
  await maskConfiguredNames(logs.masker, stores);

  const node = { id: prefix.nodeId, hostname: hostname() };
  const product = `sesame/${version}`;
  const proxies = await openProxies({ settings, database: file, stores, plugins, logs, tls, node, product });
  undo.push(() => proxies.close(0));
  const stopWarnings = await warnOfOpenRoutes(stores, plugins, log);
  undo.push(stopWarnings);

  const metrics = new MetricsRegistry(metricDefinitions(plugins));
  const parts: AdminParts = {
    stores,
    declarative,
    plugins,
    version,
    node: { ...node, pids: () => ({ master: process.pid, workers: proxies.pids }) },
    configuration: describeConfiguration(given),
    admin_gui_url: settings.admin_gui_url,
    admin_redact_secrets: settings.admin_redact_secrets,
    admin_client_max_body_size: settings.admin_client_max_body_size,
    log,
    metrics,
    logLevel: createLogLevel(log, proxies),
    statistics: async () => summarize(await proxies.statistics()),
    onAnswer: logAdminRequests(logs, stores),
  };
  const admin = await openApi("admin_listen", settings, createAdmin(parts), tls);
  undo.push(() => admin.close(0));
  let isDraining = false;
  const statusApi = createStatusApi({
    ...parts,
    unready: () => (isDraining ? "draining" : undefined),
    metrics: async () => renderStatistics(plugins, await proxies.statistics(), metrics.snapshot()),
  });
  const status = await openApi("status_listen", settings, statusApi, tls);

  return {
    ports: { proxy: proxies.ports, admin: admin.ports, status: status.ports },
    stores,
    log,
    reload: async () => declarative?.reload(settings),
    async close() {
      isDraining = true;
      stopWarnings();
      const graceMs = settings.shutdown_timeout * 1000;
      await Promise.all([proxies.close(graceMs), admin.close(graceMs)]);
      await status.close(0);
      await database.close();
      logs.close();
      prefix.release();
    },
  };
}
