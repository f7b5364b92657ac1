import { readFileSync } from "node:fs";
import { rootCertificates } from "node:tls";
import type { EngineLimits, GatewaySettings } from "../gateway/index.ts";
import type { Settings } from "../settings.ts";
import { CommandError } from "./command.ts";

/** No limit, in a place where a number is wanted. */
const UNLIMITED = Number.POSITIVE_INFINITY;

/** The process's settings as the gateway wants them. */
export function gatewaySettings(settings: Settings, product: string): GatewaySettings {
  return {
    product,
    trusted_ips: settings.trusted_ips,
    real_ip_header: settings.real_ip_header,
    real_ip_recursive: settings.real_ip_recursive,
    router_flavor: settings.router_flavor,
    error_default_type: settings.error_default_type,
    headers: settings.headers.map((name) => name.toLowerCase()),
    client_max_body_size: settings.client_max_body_size,
    client_body_buffer_size: settings.client_body_buffer_size,
    allow_debug_header: settings.allow_debug_header,
    proxy_ssl_verify: settings.proxy_ssl_verify,
    trustedCertificates: readAuthorities(settings.lua_ssl_trusted_certificate),
    pool: {
      maxIdlePerOrigin: settings.upstream_keepalive_pool_size,
      maxRequestsPerConnection: settings.upstream_keepalive_max_requests || UNLIMITED,
      idleTimeoutMs: settings.upstream_keepalive_idle_timeout * 1000 || UNLIMITED,
    },
    dns: {
      servers: settings.dns_resolver,
      hostsFile: settings.dns_hostsfile,
      validTtl: settings.dns_valid_ttl,
      staleTtl: settings.dns_stale_ttl,
    },
  };
}

/** What a client's other cookies, in the same field, and its other fields may need. */
const OTHER_COOKIES = 1024;
const OTHER_FIELDS = 4096;

/** Bytes of cookies that pass these limits when a client sends them back, so that nobody is locked out by what he was given. */
export function largestCookies({ head, line }: EngineLimits): number {
  return Math.max(0, Math.min(line, head - OTHER_FIELDS) - OTHER_COOKIES);
}

/** What Kong makes of `auto` where the system allows as many open files. */
const AUTO_CONNECTIONS = 16_384;

/** What the engine enforces on clients. */
export function engineLimits(settings: Settings): EngineLimits {
  return {
    connections: settings.worker_connections === "auto" ? AUTO_CONNECTIONS : settings.worker_connections,
    head: settings.client_head_max_size,
    line: settings.client_head_max_line_size,
    fields: settings.client_head_max_fields,
    headerTimeoutMs: settings.client_header_timeout * 1000,
    bodyTimeoutMs: settings.client_body_timeout * 1000,
    keepAliveTimeoutMs: settings.keepalive_timeout * 1000,
  };
}

/** The certificates of the files, as PEM; undefined for those of Node.js alone. Throws CommandError. */
export function readAuthorities(files: readonly string[]): string | undefined {
  if (files.every((file) => file === "system")) return undefined;
  try {
    return files.flatMap((file) => (file === "system" ? rootCertificates : readFileSync(file, "utf8"))).join("\n");
  } catch (error) {
    const { code, path } = error as NodeJS.ErrnoException;
    throw new CommandError(`lua_ssl_trusted_certificate: ${path} cannot be read (${code})`, { cause: error });
  }
}
