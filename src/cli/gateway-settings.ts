import { readFileSync } from "node:fs";
import type { EngineLimits, GatewaySettings } from "../gateway/index.ts";
import type { Settings } from "../settings.ts";
import { CommandError } from "./command.ts";

/** No limit, in a place where a number is wanted. */
const UNLIMITED = Number.MAX_SAFE_INTEGER;

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
    proxy_ssl_verify: settings.proxy_ssl_verify,
    trustedCertificates: readAuthorities(settings.lua_ssl_trusted_certificate),
    pool: {
      maxIdlePerOrigin: settings.upstream_keepalive_pool_size,
      maxRequestsPerConnection: settings.upstream_keepalive_max_requests || UNLIMITED,
      idleTimeoutMs: settings.upstream_keepalive_idle_timeout * 1000 || UNLIMITED,
    },
    dns: {
      servers: settings.dns_resolver,
      validTtl: settings.dns_valid_ttl,
      staleTtl: settings.dns_stale_ttl,
    },
  };
}

/** What the engine enforces on clients. */
export function engineLimits(settings: Settings): EngineLimits {
  return {
    head: settings.client_head_max_size,
    line: settings.client_head_max_line_size,
    fields: settings.client_head_max_fields,
    headerTimeoutMs: settings.client_header_timeout * 1000,
    bodyTimeoutMs: settings.client_body_timeout * 1000,
    keepAliveTimeoutMs: settings.keepalive_timeout * 1000,
  };
}

function readAuthorities(files: readonly string[]): string | undefined {
  const named = files.filter((file) => file !== "system");
  if (named.length === 0) return undefined;
  try {
    return named.map((file) => readFileSync(file, "utf8")).join("\n");
  } catch (error) {
    const { code, path } = error as NodeJS.ErrnoException;
    throw new CommandError(`lua_ssl_trusted_certificate: ${path} cannot be read (${code})`, { cause: error });
  }
}
