import { createStores, openSqlite } from "../database/index.ts";
import { validateRouteRegex } from "../gateway/index.ts";
import { createChannel } from "./channel.ts";
import { enabledPlugins } from "./enabled-plugins.ts";
import { endOnFault } from "./process.ts";
import { openProxyLogs, type ProcessLog } from "./process-log.ts";
import { openProxy, type Proxy } from "./proxy.ts";
import type { WorkerMethods, WorkerStart } from "./worker-protocol.ts";

// A worker process: it proxies, reads the database, and has the primary write. The primary starts it and tells it of
// changes; should the primary die, the cluster module ends the worker at once, as nobody would tell it any more.

let log: ProcessLog | undefined;
let proxy: Proxy | undefined;
let publish: WorkerMethods["changed"] = async () => {};

const methods: WorkerMethods = {
  start: (start) => serve(start),
  changed: (changes) => publish(changes),
  setLogLevel: (level) => log?.setLevel(level),
  statistics: () => proxy?.statistics() ?? nothing,
};
const nothing = { pid: process.pid, heap: 0, connections: 0, accepted: 0, requests: 0, active: 0 };
const primary = createChannel(process, methods);

async function serve({ settings, database, ...rest }: WorkerStart): Promise<readonly number[]> {
}
