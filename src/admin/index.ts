export { createAdmin } from "./admin.ts";
export type { AdminParts, Declarative, InstalledPlugin, LogLevel, NodeFacts, Statistics } from "./parts.ts";
export { KONG_VERSION } from "./parts.ts";
export { type HttpApi, serverOptions } from "./server.ts";
export { createStatusApi, type StatusApiParts } from "./status-api.ts";
