import { isIP } from "node:net";
import type { Service } from "../entities/index.ts";
import type { Origin, OriginTls } from "../http1/index.ts";
import type { GatewaySettings } from "./settings.ts";

/** A service prepared for requests: where its connections go and how its host is named. */
export interface Target {
  readonly service: Service;
  readonly host: string;
  /** The host's address where it is one itself; undefined for names. */
  readonly addresses: readonly string[] | undefined;
  readonly port: number;
  /** The `Host` for the upstream; the port is named unless it is the scheme's own. */
  readonly hostHeader: string;
  /** Further attempts after the first. */
  readonly retries: number;
  readonly connectTimeoutMs: number;
  readonly writeTimeoutMs: number;
  readonly readTimeoutMs: number;
  /** False for services that are stored but cannot be proxied (gRPC, streams). */
  readonly isHttp: boolean;
  /** The origin at one address of the host. */
  originAt(address: string): Origin;
}

const DEFAULT_TIMEOUT_MS = 60_000;

export function createTarget(service: Service, settings: GatewaySettings): Target {
  const secure = service.protocol === "https";
  const host = service.host.replace(/^\[(.*)\]$/, "$1");
  const port = service.port;
  const name = isIP(host) === 6 ? `[${host}]` : host;
  const tls = secure ? tlsOptions(service, host, settings) : undefined;
  const tlsKey = tls ? `|tls|${tls.servername}|${tls.rejectUnauthorized}` : "";
  const origins = new Map<string, Origin>();
  let lastAddress = "";
  let last: Origin | undefined;
  return {
    service,
    host,
    addresses: isIP(host) === 0 ? undefined : [host],
    port,
    hostHeader: port === (secure ? 443 : 80) ? name : `${name}:${port}`,
    retries: service.retries ?? 5,
    connectTimeoutMs: service.connect_timeout ?? DEFAULT_TIMEOUT_MS,
    writeTimeoutMs: service.write_timeout ?? DEFAULT_TIMEOUT_MS,
    readTimeoutMs: service.read_timeout ?? DEFAULT_TIMEOUT_MS,
    isHttp: service.protocol === "http" || secure,
    originAt(address) {
      if (last !== undefined && address === lastAddress) return last;
      let origin = origins.get(address);
      if (!origin) {
        // Addresses come and go with DNS; the few that a service has at a time are soon made again.
        if (origins.size >= 256) origins.clear();
        origin = { key: `${address}|${port}${tlsKey}`, host: address, port, ...(tls && { tls }) };
        origins.set(address, origin);
      }
      lastAddress = address;
      last = origin;
      return origin;
    },
  };
}

function tlsOptions(service: Service, host: string, settings: GatewaySettings): OriginTls {
  const rejectUnauthorized = service.tls_verify ?? settings.proxy_ssl_verify;
  const ca = settings.trustedCertificates;
  return { servername: host, rejectUnauthorized, ...(ca !== undefined && { ca }) };
}
