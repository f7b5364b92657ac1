import { availableParallelism } from "node:os";
import type { Statistics } from "../admin/index.ts";
import type { LogLevel } from "./process-log.ts";
import { createProxy, type ProxyParts } from "./proxy.ts";
import type { WorkerStatistics } from "./worker-protocol.ts";
import { startWorkers } from "./workers.ts";

/** What proxies: this process, or workers of it. */
export interface Proxies {
  /** In the order of `proxy_listen`. */
  readonly ports: readonly number[];
  readonly pids: readonly number[];
  setLogLevel(level: LogLevel): Promise<void>;
  statistics(): Promise<readonly WorkerStatistics[]>;
  close(graceMs: number): Promise<void>;
}

export interface ProxiesParts extends ProxyParts {
  /** Path of the database. */
  readonly database: string;
}

/** One process proxies by itself; several share the listeners. Throws CommandError when a listener cannot be had. */
export async function openProxies(parts: ProxiesParts): Promise<Proxies> {
  const { settings, database, stores, logs, tls, node, product } = parts;
  const { nginx_worker_processes: wanted, proxy_listen } = settings;
  const count = wanted === "auto" ? availableParallelism() : wanted;
  if (count > 1 && proxy_listen.length > 0) {
    const start = () => ({
      settings: { ...settings, log_level: logs.log.level },
      database,
      tls,
      node,
      product,
    });
    return startWorkers(count, start, stores, logs.log);
  }
  const proxy = await createProxy(parts);
  const ports = await proxy.listen().catch(async (error) => {
    await proxy.close(0);
    throw error;
  });
  return {
    ports,
    pids: [process.pid],
    // Its log is this process's.
    setLogLevel: async () => {},
    statistics: async () => [proxy.statistics()],
    close: (graceMs) => proxy.close(graceMs),
  };
}

/** The statistics of all processes that proxy, as the Admin API tells them. */
export function summarize(workers: readonly WorkerStatistics[]): Statistics {
  const sum = (member: "connections" | "accepted" | "refused" | "requests" | "active") =>
    workers.reduce((total, worker) => total + worker[member], 0);
  const [connections, accepted, active] = [sum("connections"), sum("accepted"), sum("active")];
  return {
    server: {
      connections_active: connections,
      connections_reading: 0,
      connections_writing: active,
      connections_waiting: Math.max(0, connections - active),
      connections_accepted: accepted,
      connections_handled: accepted - sum("refused"),
      total_requests: sum("requests"),
    },
    workers: workers.map(({ pid, heap }) => ({ pid, heap })),
  };
}
