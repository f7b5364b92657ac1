import {
  type MetricDefinition,
  type MetricsSnapshot,
  mergeMetrics,
  type Plugin,
  renderMetrics,
} from "../gateway/index.ts";
import type { WorkerStatistics } from "./worker-protocol.ts";

/** Kept by the proxy itself. */
const requests = {
  sesame_requests_total: { help: "Requests that the proxy was sent." },
  sesame_connections_accepted_total: { help: "Connections that the proxy accepted." },
  sesame_connections_refused_total: { help: "Those of them that were closed at once, beyond `worker_connections`." },
} as const satisfies Record<string, MetricDefinition>;

/** All metrics there are: the proxy's, and those that plugins keep. */
export function metricDefinitions(plugins: readonly Plugin[]): Readonly<Record<string, MetricDefinition>> {
  return Object.assign({}, requests, ...plugins.map((plugin) => plugin.metrics ?? {}));
}

/** The metrics of all processes that proxy, and what the Admin API counted, as monitoring reads them. */
export function renderStatistics(
  plugins: readonly Plugin[],
  workers: readonly WorkerStatistics[],
  admin: MetricsSnapshot,
): string {
  const totals = workers.map((worker) => ({
    sesame_requests_total: { "": { count: worker.requests } },
    sesame_connections_accepted_total: { "": { count: worker.accepted } },
    sesame_connections_refused_total: { "": { count: worker.refused } },
    ...worker.metrics,
  }));
  return renderMetrics(metricDefinitions(plugins), mergeMetrics([...totals, admin]));
}
