import { createStores, openSqlite } from "../database/index.ts";
import { validateRouteRegex } from "../gateway/index.ts";
import { createChannel } from "./channel.ts";
import { enabledPlugins } from "./enabled-plugins.ts";
import { endOnFault } from "./process.ts";
import { openProcessLogs, type ProcessLogs } from "./process-log.ts";
import { openProxy, type Proxy } from "./proxy.ts";
import { maskConfiguredNames } from "./secret-names.ts";
import type { WorkerMethods, WorkerStart } from "./worker-protocol.ts";

// A worker process: it proxies, reads the database, and has the primary write. The primary starts it and tells it of
// changes; should the primary die, the cluster module ends the worker at once, as nobody would tell it any more.

let logs: ProcessLogs | undefined;
let proxy: Proxy | undefined;
let graceMs = 0;
let publish: WorkerMethods["changed"] = async () => {};

const methods: WorkerMethods = {
  start: (start) => serve(start),
  changed: (changes) => publish(changes),
  setLogLevel: (level) => logs?.log.setLevel(level),
  statistics: () => proxy?.statistics(),
};
const primary = createChannel(process, methods);

process.once("SIGTERM", async () => {
  await proxy?.close(graceMs);
  logs?.close();
  process.exit(0);
});
// A terminal sends these to every process of the group; the primary decides what they mean.
for (const signal of ["SIGINT", "SIGQUIT"] as const) process.on(signal, () => {});

async function serve(start: WorkerStart): Promise<readonly number[]> {
  const { settings, tls, node, product } = start;
  graceMs = settings.shutdown_timeout * 1000;
  logs = openProcessLogs(settings, start.folder);
  endOnFault(logs.log);
  const plugins = enabledPlugins(settings);
  const stores = await createStores(openSqlite({ file: start.database, readOnly: true }), {
    plugins,
    regexFault: validateRouteRegex,
    write: (write) => primary.call("write", write) as ReturnType<typeof stores.write>,
  });
  // What is changed before is read below.
  publish = (changes) => stores.publish(changes);
  await maskConfiguredNames(logs.masker, stores);
  proxy = await openProxy({ settings, stores, plugins, logs, tls, node, product });
  return proxy.ports;
}
