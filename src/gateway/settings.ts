import type { PoolOptions } from "../http1/index.ts";
import type { ResolverOptions } from "./resolver.ts";

/** What the gateway reads of the process's settings; the names are theirs. */
export interface GatewaySettings {
  /** `sesame/x.y.z`, for `Server` and `Via`. */
  readonly product: string;
  readonly trusted_ips: readonly string[];
  readonly real_ip_header: string;
  readonly real_ip_recursive: boolean;
  readonly router_flavor: "traditional_compatible" | "traditional";
  /** The media type of errors for clients that name none. */
  readonly error_default_type: string;
  /** Which of `server_tokens`, `latency_tokens`, `X-Kong-Upstream-Status` … responses carry, in lower case. */
  readonly headers: readonly string[];
  /** Longest request body in bytes; 0 for no limit. */
  readonly client_max_body_size: number;
  /** How much of a request body that has flowed on is kept, in bytes, so that it can be sent again to another address. */
  readonly client_body_buffer_size: number;
  /** Whether `Kong-Debug: 1` is answered with the route and the service. */
  readonly allow_debug_header: boolean;
  /** Whether upstream certificates are verified where the service does not say. */
  readonly proxy_ssl_verify: boolean;
  /** PEM of the authorities that verify upstreams; undefined for those Node trusts. */
  readonly trustedCertificates: string | undefined;
  readonly pool: PoolOptions;
  readonly dns: ResolverOptions;
}
