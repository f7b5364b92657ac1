import type { SecureContextOptions } from "node:tls";
import type { Stores } from "../entities/index.ts";
import {
  createBadRequest,
  createFastEngine,
  createGateway,
  createLookups,
  createNodeEngine,
  type Exchange,
  MetricsRegistry,
  type Plugin,
} from "../gateway/index.ts";
import type { AccessEntry } from "../log.ts";
import type { Settings } from "../settings.ts";
import { feedGateway } from "./feed.ts";
import { engineLimits, gatewaySettings, largestCookies } from "./gateway-settings.ts";
import { metricDefinitions } from "./metrics.ts";
import { listenFault } from "./process.ts";
import type { ProcessLogs } from "./process-log.ts";
import type { WorkerStatistics } from "./worker-protocol.ts";

export interface ProxyParts {
  readonly settings: Settings;
  readonly stores: Stores;
  readonly plugins: readonly Plugin[];
  readonly logs: ProcessLogs;
  readonly tls: SecureContextOptions;
  readonly node: { readonly id: string; readonly hostname: string };
  /** `sesame/x.y.z`. */
  readonly product: string;
}

/** The part of a process that proxies: gateway, engine and what keeps them current. */
export interface ProxyServer {
  /** Accept connections; answers the ports, in the order of `proxy_listen`. Throws CommandError when one cannot be had. */
  listen(): Promise<readonly number[]>;
  statistics(): WorkerStatistics;
  /** Stop accepting, finish what is under way within the time, close what was opened. */
  close(graceMs: number): Promise<void>;
}

/** By the value of `http_engine`. */
const engines = { node: createNodeEngine, fast: createFastEngine };

/** Compile the configuration for a proxy that does not listen yet. */
export async function createProxy(parts: ProxyParts): Promise<ProxyServer> {
  const { settings, stores, logs } = parts;
  const { log } = logs;
  const own = gatewaySettings(settings, parts.product);
  const accessLog = logs.openAccessLog("proxy_access_log");
  const gateway = createGateway({ settings: own, log, onEnd: (exchange) => accessLog?.log(entryOf(exchange)) });
  const lookups = createLookups(stores);
  const metrics = new MetricsRegistry(metricDefinitions(parts.plugins));
  const limits = engineLimits(settings);
  const services = {
    lookups,
    log,
    metrics,
    node: parts.node,
    maxCookieSize: largestCookies(limits),
    authorities: own.trustedCertificates,
  };
  const stop = await feedGateway(gateway, stores, { plugins: parts.plugins, services, settings: own }, log);
  const engine = engines[settings.http_engine]({
    handle: (inbound) => gateway.handle(inbound),
    badRequest: createBadRequest(own),
    onRefused: (total) =>
      log.warn("connections are refused: worker_connections are open", { limit: limits.connections, refused: total }),
    tls: parts.tls,
    limits,
  });

  return {
    async listen() {
      const ports: number[] = [];
      for (const { ip, port, ssl, http2, backlog, listener } of settings.proxy_listen) {
        try {
          ports.push(await engine.listen({ host: ip, port, tls: ssl, http2, backlog }));
        } catch (error) {
          throw listenFault(error, `proxy_listen: ${listener}`);
        }
      }
      return ports;
    },
    statistics: () => ({
      pid: process.pid,
      heap: process.memoryUsage().heapUsed,
      ...engine.statistics,
      ...gateway.statistics,
      metrics: metrics.snapshot(),
    }),
    async close(graceMs) {
      await engine.close(graceMs);
      stop();
      gateway.close();
      lookups.close();
    },
  };
}

function entryOf({ ctx, bytesSent, inbound }: Exchange): AccessEntry {
  const { request, response } = ctx;
  return {
    address: request.forwarded.clientAddress,
    time: Date.now(),
    method: request.method,
    target: inbound.target,
    httpVersion: inbound.httpVersion,
    status: response.status,
    bytes: bytesSent,
    referer: request.headers.get("referer"),
    userAgent: request.headers.get("user-agent"),
    requestId: request.id,
  };
}
