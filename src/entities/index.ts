export { type Address, parseAddress } from "./address.ts";
export {
  createdAt,
  headerName,
  headers,
  host,
  httpProtocols,
  name,
  network,
  path,
  port,
  protocol,
  protocols as allProtocols,
  tags,
  updatedAt,
  uuid,
  wildcardHost,
} from "./common.ts";
export { type Consumer, consumer } from "./consumer.ts";
export { normalizePath, type RegexFault, regexFault } from "./path.ts";
export { createPluginEntity, createSubschema, type PluginRow } from "./plugin.ts";
export { createRouteEntity, type Route, route } from "./route.ts";
export { type Service, service } from "./service.ts";
export { type SessionLineage, sessionLineage } from "./session-lineage.ts";
export {
  isReplaced,
  LONGEST_REVOCATION,
  lineageOfKey,
  type Revocable,
  revocationKey,
  type SessionRevocation,
  sessionRevocation,
} from "./session-revocation.ts";
export type * from "./store.ts";
