import { createStores, TimedLease } from "../database/index.ts";
import { validateRouteRegex } from "../gateway/index.ts";
import { createChannel } from "./channel.ts";
import { openDatabase } from "./database.ts";
import { enabledPlugins } from "./enabled-plugins.ts";
import { endOnFault } from "./process.ts";
import { openProcessLogs, type ProcessLogs } from "./process-log.ts";
import { createProxy, type ProxyServer } from "./proxy.ts";
import { maskConfiguredNames } from "./secret-names.ts";
import type { WorkerMethods, WorkerStart } from "./worker-protocol.ts";

// A worker process: it proxies, reads the database, and has the primary write. The primary starts it and tells it of
// changes; should the primary die, the cluster module ends the worker at once, as nobody would tell it any more.

let logs: ProcessLogs | undefined;
let proxy: ProxyServer | undefined;
let graceMs = 0;
let publish: WorkerMethods["changed"] = async () => {};
let reset: WorkerMethods["reset"] = async () => {};
/** What the primary knows, told in its order among the changes: this process knows it too when it has heard of it. */
const lease = new TimedLease();

const methods: WorkerMethods = {
  prepare,
  listen: () => proxy!.listen(),
  changed: (changes) => publish(changes),
  reset: () => reset(),
  renewed: (at) => lease.renew(at),
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
for (const signal of ["SIGINT", "SIGQUIT", "SIGHUP"] as const) process.on(signal, () => {});

async function prepare(start: WorkerStart): Promise<void> {
  const { settings, tls, node, product } = start;
  graceMs = settings.shutdown_timeout * 1000;
  logs = openProcessLogs(settings);
  endOnFault(logs.log);
  const plugins = enabledPlugins(settings);
  const stores = await createStores(await openDatabase(settings, { file: start.database, readOnly: true }), {
    plugins,
    regexFault: validateRouteRegex,
    // The primary waits until this process has taken over each change of a file that nobody else writes.
    ...(settings.database === "postgres" && { lease }),
    write: (write) => primary.call("write", write) as ReturnType<typeof stores.write>,
  });
  // What is changed before is read below.
  publish = (changes) => stores.publish(changes);
  reset = () => stores.reset();
  await maskConfiguredNames(logs.masker, stores);
  proxy = await createProxy({ settings, stores, plugins, logs, tls, node, product });
}
