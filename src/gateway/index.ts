export { createBadRequest } from "./answer.ts";
export { type AuthenticationMethod, createAuthentication, type Identity, identityOf } from "./authentication.ts";
export type { Consumer, Credential } from "./client.ts";
export { type Context, contextKey } from "./context.ts";
export type { Engine, EngineLimits, EngineOptions, ListenAddress } from "./engine.ts";
export { createFastEngine } from "./engine-fast.ts";
export { createNodeEngine } from "./engine-node.ts";
export type { Exchange } from "./exchange.ts";
export { fieldNames, fieldText, fieldValue } from "./field-value.ts";
export { createGateway, type Gateway, type GatewayOptions } from "./gateway.ts";
export type { Connection, Inbound, InboundListener } from "./inbound.ts";
export { createLookups, type Lookups, type Remembered } from "./lookups.ts";
export {
  type Labels,
  type MetricDefinition,
  type Metrics,
  MetricsRegistry,
  type MetricsSnapshot,
  mergeMetrics,
  renderMetrics,
} from "./metrics.ts";
export { definePlugin, type Handlers, type Log, type Plugin, type PluginRow, type Services } from "./plugin.ts";
export { validateRouteRegex } from "./regex.ts";
export { type BodyArgs, readBodyArgs, removeBodyArg } from "./request-args.ts";
export { type Exit, exit } from "./response.ts";
export { readHost } from "./router-hosts.ts";
export type { GatewaySettings } from "./settings.ts";
export { buildSnapshot, closeReplaced, type Snapshot, type SnapshotParts, type SnapshotRows } from "./snapshot.ts";
