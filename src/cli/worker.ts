import { createStores, openSqlite } from "../database/index.ts";
import { validateRouteRegex } from "../gateway/index.ts";
import { createChannel } from "./channel.ts";
import { enabledPlugins } from "./enabled-plugins.ts";
import { openProcessLog, openProxyAccessLog, type ProcessLog } from "./process-log.ts";
import { openProxy, type Proxy } from "./proxy.ts";
import type { WorkerMethods, WorkerStart, WorkerStatistics } from "./worker-protocol.ts";

// A worker process: it proxies, reads the database, and has the primary write. The primary starts it and tells it of changes.

let log: ProcessLog | undefined;
let proxy: Proxy | undefined;
let publish: WorkerMethods["changed"] = async () => {};

const methods: WorkerMethods = {
  start: (start) => serve(start),
  changed: (changes) => publish(changes),
  setLogLevel: (level) => log?.setLevel(level as ProcessLog["level"]),
  statistics: (): WorkerStatistics => ({
    pid: process.pid,
    heap: process.memoryUsage().heapUsed,
    connections: proxy?.engine.statistics.connections ?? 0,
    accepted: proxy?.engine.statistics.accepted ?? 0,
    requests: proxy?.gateway.statistics.requests ?? 0,
    active: proxy?.gateway.statistics.active ?? 0,
  }),
};
const primary = createChannel(process, { ...methods });

async function serve({ settings, folder, database, tls, node, product }: WorkerStart): Promise<readonly number[]> {
  log = openProcessLog(settings, folder);
  const plugins = enabledPlugins(settings);
  const stores = await createStores(openSqlite({ file: database, readOnly: true }), {
    plugins,
    regexFault: validateRouteRegex,
    write: (write) => primary.call("write", write) as ReturnType<typeof stores.write>,
  });
  publish = (changes) => stores.publish(changes);
  const accessLog = openProxyAccessLog(settings, folder);
  proxy = await openProxy({ settings, stores, plugins, log, accessLog, tls, node, product });
  const graceMs = settings.shutdown_timeout * 1000;

  const stop = async () => {
    await proxy!.close(graceMs);
    accessLog?.close();
    log!.close();
    process.disconnect?.();
  };
  process.once("SIGTERM", () => void stop());
  // The terminal sends these to every process of the group; the primary decides what they mean.
  for (const signal of ["SIGINT", "SIGQUIT"] as const) process.on(signal, () => {});
  process.once("disconnect", () => void stop());
  return proxy.ports;
}
