import { type Setting, settingsTable } from "./settings-table.ts";

export type SettingName = keyof typeof settingsTable;

const table: Readonly<Record<string, Setting>> = settingsTable;
const byName = new Map<string, SettingName>();
for (const name of Object.keys(table) as SettingName[]) {
  byName.set(name, name);
  for (const alias of table[name]?.aliases ?? []) byName.set(alias, name);
}

/** The setting that a name, or one of Kong's other names of it, means. */
export function settingOf(name: string): SettingName | undefined {
  return byName.get(name);
}

/** Every way to write a setting's name, its own first. */
export function spellings(name: SettingName): readonly string[] {
  return [name, ...(table[name]?.aliases ?? [])];
}

// Kong's properties that have no meaning here, by their first words and then one by one.
const KONG_FAMILIES =
  /^_?(?:admin_gui|ai|analytics|audit_log|cassandra|cluster|debug|fips|ingress|keyring|konnect|lmdb|node|pluginserver|portal|rbac|resolver|smtp|stream|tracing|untrusted_lua|vault|vaults|vitals|wasm|nginx_(?:main|events|http|proxy|upstream|status|debug|stream|sproxy|supstream|admin|inject|location|conf|wasm\w*))_\w+$/;
const KONG_NAMES = new Set(
  `admin_api_uri admin_approved_email admin_emails_from admin_emails_reply_to admin_error_log admin_invitation_expiry
  admin_ssl_cert admin_ssl_cert_key allow_inconsistent_data_plane_plugins client_ssl client_ssl_cert client_ssl_cert_key
  db_cache_neg_ttl db_cache_ttl db_cache_warmup_entities db_resurrect_ttl db_update_frequency db_update_propagation
  declarative_config_encryption_mode dedicated_config_processing dns_cache_size
  dns_error_ttl dns_no_sync dns_not_found_ttl dns_order enforce_rbac enforce_route_path_pattern
  error_template_html error_template_json error_template_plain error_template_xml event_hooks_enabled feature_conf_path
  generate_trace_details headers_upstream host_ports kic legacy_worker_events license_path lua_max_post_args
  lua_max_req_headers lua_max_resp_headers lua_max_uri_args lua_package_cpath lua_package_path lua_socket_pool_size
  lua_ssl_protocols lua_ssl_verify_depth mem_cache_size new_dns_client nginx_daemon nginx_user openresty_path
  opentelemetry_tracing opentelemetry_tracing_sampling_rate pluginserver_names port_maps portal proxy_server
  proxy_server_ssl_verify proxy_stream_access_log proxy_stream_error_log proxy_url request_debug request_debug_token
  route_validation_strategy ssl_cipher_suite ssl_ciphers ssl_dhparam ssl_prefer_server_ciphers ssl_protocols
  ssl_session_cache_size ssl_session_tickets ssl_session_timeout status_access_log status_error_log status_ssl_cert
  status_ssl_cert_key tracing tracing_sampling_rate untrusted_lua vaults vitals wasm worker_consistency
  worker_events_max_payload worker_state_update_frequency`.split(/\s+/),
);

/** Whether Kong has a property of this name that has no effect here. */
export function isKongOnly(name: string): boolean {
  return KONG_NAMES.has(name) || KONG_FAMILIES.test(name);
}

/** The setting whose name is nearest to a mistyped one; undefined when none is near. */
export function nearestSetting(name: string): SettingName | undefined {
  const limit = Math.min(3, Math.floor(name.length / 4));
  let nearest: SettingName | undefined;
  let best = limit + 1;
  for (const [candidate, setting] of byName) {
    const distance = editDistance(name.toLowerCase().replaceAll("-", "_"), candidate, best);
    if (distance < best) [best, nearest] = [distance, setting];
  }
  return nearest;
}

/** Levenshtein's distance, or `limit` when it is not below that. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let above = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const change = a[row - 1] === b[column - 1] ? 0 : 1;
      current.push(Math.min(above[column]! + 1, current[column - 1]! + 1, above[column - 1]! + change));
    }
    above = current;
  }
  return Math.min(limit, above[b.length]!);
}
