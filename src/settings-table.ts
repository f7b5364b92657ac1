import { postgresSettings } from "./settings-postgres.ts";
import type { SettingTypes } from "./settings-values.ts";

/**
 * One setting. `default` is text as it would stand in a settings file; a setting without one is undefined unless given.
 * `one_of` belongs to the type "enum", `also` names words accepted besides the type's own values, `refused` gives for a
 * value that Kong knows the reason why it is not accepted here. `aliases` are Kong's other names of the same thing.
 * A `secret` never appears in messages nor in `GET /`.
 */
export interface Setting {
  readonly type: keyof SettingTypes;
  readonly default?: string;
  readonly one_of?: readonly string[];
  readonly also?: readonly string[];
  readonly refused?: Readonly<Record<string, string>>;
  readonly min?: number;
  readonly max?: number;
  readonly unit?: string;
  readonly aliases?: readonly string[];
  readonly secret?: true;
  readonly description: string;
}

/** The longest time a timer of Node can wait, in whole seconds. */
const MAX_TIMER = 2147483;

/** Every setting of a Sesame process, by its name in `sesame.conf`; in the environment `SESAME_` and the name in capitals. */
export const settingsTable = {
  // The process
  prefix: {
    type: "string",
    default: ".sesame",
    description:
      "Folder of everything the gateway keeps (database, keys, certificates, logs), made with mode 0700 when absent. " +
      "Relative to the folder the gateway is started in; other relative paths are relative to the prefix.",
  },
  role: {
    type: "enum",
    default: "traditional",
    one_of: ["traditional"],
    refused: { control_plane: "hybrid mode does not exist here", data_plane: "hybrid mode does not exist here" },
    description: "Part this node plays; every node is a whole gateway.",
  },
  database: {
    type: "enum",
    default: "sqlite",
    one_of: ["sqlite", "postgres", "off"],
    refused: { cassandra: "Kong itself has given it up" },
    description:
      "Where entities are stored: `sqlite` is a file below the prefix, for one node, migrated by itself; `postgres` is a server " +
      "for any number of nodes, migrated by `sesame migrations up`; with `off` they come from `declarative_config` and cannot be " +
      "changed one by one, and only sessions are kept below the prefix.",
  },
  declarative_config: {
    type: "file",
    description:
      "With `database=off`, the file (YAML or JSON) that all entities come from; read at start, and again at SIGHUP. Relative to " +
      "the folder the gateway is started in.",
  },
  declarative_config_string: {
    type: "string",
    secret: true,
    description: "The text of such a file in its place, when `declarative_config` is not set.",
  },
  nginx_worker_processes: {
    type: "integer",
    default: "auto",
    also: ["auto"],
    min: 1,
    max: 1024,
    aliases: ["nginx_main_worker_processes"],
    description: "How many processes serve requests; `auto` is one for each processor.",
  },
  worker_connections: {
    type: "integer",
    default: "auto",
    also: ["auto"],
    min: 1,
    max: 1048576,
    aliases: ["nginx_events_worker_connections"],
    description:
      "Connections of clients that each of these processes keeps open to the proxy; more are closed at once. `auto` is 16384. " +
      "The system's limit of open files must leave room for as many, and for the connections to upstreams.",
  },
  shutdown_timeout: {
    type: "duration",
    default: "10s",
    max: MAX_TIMER,
    aliases: ["nginx_main_worker_shutdown_timeout"],
    description: "How long requests may go on after SIGTERM or SIGQUIT before their connections are closed.",
  },
  plugins: {
    type: "list",
    default: "bundled",
    description: "Plugins of this node: `bundled` for all that come with Sesame, their names, or `off` for none.",
  },
  anonymous_reports: {
    type: "boolean",
    default: "off",
    description: "Accepted for Kong's sake and without effect: Sesame sends no reports.",
  },

  // PostgreSQL, when `database` is `postgres`
  ...postgresSettings,

  // Listeners
  proxy_listen: {
    type: "listeners",
    default: "0.0.0.0:8000, 0.0.0.0:8443 ssl http2",
    description: "Addresses of the proxy, `address:port` with the flags `ssl`, `http2` and `backlog=N`, or `off`.",
  },
  admin_listen: {
    type: "listeners",
    default: "127.0.0.1:8001",
    description: "Addresses of the Admin API, or `off`. Whoever reaches them controls the gateway.",
  },
  status_listen: {
    type: "listeners",
    default: "127.0.0.1:8007",
    description: "Addresses of the read-only status API, or `off`.",
  },
  admin_gui_url: {
    type: "urls",
    default: "",
    description: "Addresses of browser applications that may use the Admin API with credentials (CORS).",
  },
  admin_redact_secrets: {
    type: "boolean",
    default: "off",
    description: "Whether the Admin API hides secrets of entities; off as in Kong, since decK reads them.",
  },
  admin_client_max_body_size: {
    type: "size",
    default: "10m",
    aliases: ["nginx_admin_client_max_body_size"],
    description: "Largest request body that the Admin API reads; 0 is no limit.",
  },
  http_engine: {
    type: "enum",
    default: "fast",
    one_of: ["node", "fast"],
    description:
      "Server of inbound HTTP/1.1 connections: `fast` is our own on the sockets of Node.js, `node` the HTTP server of Node.js. " +
      "HTTP/2 is served by Node.js with both.",
  },

  // Logs
  log_level: {
    type: "enum",
    default: "notice",
    one_of: ["debug", "info", "notice", "warn", "error", "crit", "alert", "emerg"],
    description: "Least severe level that is logged.",
  },
  log_format: {
    type: "enum",
    default: "text",
    one_of: ["text", "json"],
    description:
      "Form of log lines: `text` is `name=value` pairs, `json` one object a line. Access logs keep nginx's form.",
  },
  proxy_error_log: {
    type: "log",
    default: "/dev/stderr",
    description: "Where the log goes: a path, `/dev/stdout`, `/dev/stderr` or `off`.",
  },
  proxy_access_log: {
    type: "log",
    default: "logs/access.log",
    description: "Where one line for each proxied request goes; as for `proxy_error_log`.",
  },
  admin_access_log: {
    type: "log",
    default: "logs/admin_access.log",
    description: "Where one line for each request to the Admin API goes; as for `proxy_error_log`.",
  },

  // Clients
  trusted_ips: {
    type: "networks",
    default: "",
    description: "Addresses and networks (CIDR) whose forwarded headers are believed, as load balancers in front.",
  },
  real_ip_header: {
    type: "header",
    default: "X-Real-IP",
    aliases: ["nginx_proxy_real_ip_header", "nginx_http_real_ip_header"],
    refused: { proxy_protocol: "the PROXY protocol is not available" },
    description: "Header in which a trusted peer names the client's address.",
  },
  real_ip_recursive: {
    type: "boolean",
    default: "off",
    aliases: ["nginx_proxy_real_ip_recursive", "nginx_http_real_ip_recursive"],
    description:
      "Whether the client is the last address of `real_ip_header` that is not trusted, rather than its last one.",
  },
  client_head_max_size: {
    type: "size",
    default: "64k",
    min: 1024,
    max: 1048576,
    description:
      "Largest request head (request line and header fields); it must hold the nine cookies of a large session.",
  },
  client_head_max_line_size: {
    type: "size",
    default: "48k",
    min: 1024,
    max: 1048576,
    description: "Longest request line or header field; browsers send all cookies in one field.",
  },
  client_head_max_fields: {
    type: "integer",
    default: "200",
    min: 10,
    max: 2000,
    description: "Most header fields of a request.",
  },
  client_max_body_size: {
    type: "size",
    default: "0",
    aliases: ["nginx_http_client_max_body_size", "nginx_proxy_client_max_body_size"],
    description: "Largest request body that is proxied; 0 is no limit.",
  },
  client_body_buffer_size: {
    type: "size",
    default: "8k",
    min: 1024,
    aliases: ["nginx_http_client_body_buffer_size", "nginx_proxy_client_body_buffer_size"],
    description:
      "How much of a request body is kept in memory, so that a request can be repeated and plugins can read it.",
  },
  client_header_timeout: {
    type: "duration",
    default: "60s",
    max: MAX_TIMER,
    aliases: ["nginx_http_client_header_timeout", "nginx_proxy_client_header_timeout"],
    description: "How long a client may take for a request head, from its first byte (or the start of the connection).",
  },
  client_body_timeout: {
    type: "duration",
    default: "60s",
    max: MAX_TIMER,
    aliases: ["nginx_http_client_body_timeout", "nginx_proxy_client_body_timeout"],
    description: "How long a client may pause between two pieces of a request body, or of the answer that it reads.",
  },
  keepalive_timeout: {
    type: "duration",
    default: "75s",
    max: MAX_TIMER,
    aliases: ["nginx_http_keepalive_timeout", "nginx_proxy_keepalive_timeout"],
    description: "How long a client's connection stays open between two requests; 0 closes it after each.",
  },

  // TLS
  ssl_cert: {
    type: "file",
    description:
      "Certificate (a PEM file, chain included) of the `ssl` listeners; without one a self-signed one is made.",
  },
  ssl_cert_key: {
    type: "file",
    secret: true,
    description: "Private key (a PEM file) of `ssl_cert`.",
  },
  proxy_ssl_verify: {
    type: "boolean",
    default: "off",
    aliases: ["nginx_proxy_proxy_ssl_verify", "nginx_http_proxy_ssl_verify"],
    description: "Whether certificates of upstreams are verified where the service's `tls_verify` does not say.",
  },
  lua_ssl_trusted_certificate: {
    type: "files",
    default: "system",
    description: "Certificate authorities (PEM files) that upstreams are verified with; `system` is those of Node.js.",
  },

  // The proxy
  router_flavor: {
    type: "enum",
    default: "traditional_compatible",
    one_of: ["traditional_compatible", "traditional"],
    refused: { expressions: "routes by expressions are not available" },
    description: "How routes are matched; the two flavors differ in the order of equally good routes.",
  },
  headers: {
    type: "headers",
    default: "server_tokens, latency_tokens, x-kong-request-id",
    description:
      "Headers that the gateway adds to answers, by name, or in groups: `server_tokens` (Server, Via), `latency_tokens` " +
      "(the X-Kong-*-Latency headers); `off` for none.",
  },
  allow_debug_header: {
    type: "boolean",
    default: "off",
    description: "Whether a request with `Kong-Debug: 1` is answered with the names of its route and service.",
  },
  error_default_type: {
    type: "enum",
    default: "text/plain",
    one_of: ["text/plain", "text/html", "application/json", "application/xml"],
    description: "Type of error bodies when the request tells no preference.",
  },
  upstream_keepalive_pool_size: {
    type: "integer",
    default: "512",
    min: 0,
    max: 1048576,
    description: "Idle connections kept for each upstream address by each worker; 0 keeps none.",
  },
  upstream_keepalive_max_requests: {
    type: "integer",
    default: "10000",
    min: 0,
    description: "Requests sent on one upstream connection before it is closed; 0 is no limit.",
  },
  upstream_keepalive_idle_timeout: {
    type: "duration",
    default: "60",
    max: MAX_TIMER,
    description: "How long an upstream connection may be idle before it is closed; 0 is no limit.",
  },
  dns_resolver: {
    type: "servers",
    default: "",
    description: "Name servers, `address` or `address:port`; when none is given, those of the system.",
  },
  dns_hostsfile: {
    type: "file",
    default: "/etc/hosts",
    aliases: ["resolver_hosts_file"],
    description: "Hosts file whose names go before DNS; it is read at start.",
  },
  dns_valid_ttl: {
    type: "duration",
    description: "How long an answer is kept, in place of the TTL it came with.",
  },
  dns_stale_ttl: {
    type: "duration",
    default: "3600",
    description: "How long an expired answer still serves while a new one is fetched or cannot be had.",
  },
} as const satisfies Record<string, Setting>;
