export { type Address, parseAddress } from "./address.ts";
export { type CaCertificate, caCertificate } from "./ca-certificate.ts";
export { type Certificate, certificate, type Sni, sni } from "./certificate.ts";
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
export { type KeyRow, type KeySet, key, keySet } from "./key.ts";
export { normalizePath, type RegexFault, regexFault } from "./path.ts";
export { createPluginEntity, createSubschema, type PluginRow } from "./plugin.ts";
export { createRouteEntity, type Route, route } from "./route.ts";
export { type Service, service } from "./service.ts";
export type * from "./store.ts";
export { normalizeTarget, type Target, target } from "./target.ts";
export { type Upstream, upstream } from "./upstream.ts";
export { type Vault, vault } from "./vault.ts";
