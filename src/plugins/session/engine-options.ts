import type { LegacyOptions, SessionOptions } from "../../session/index.ts";
import type { Config } from "./config.ts";

/**
 * The options of the engine: they have the names of the settings. Kong takes any number of seconds, so fractions are rounded
 * (up, as 0 would mean something else), and a negative timeout, by which Kong's sessions end as they begin, is one second.
 */
export function engineOptions(config: Config): SessionOptions {
  return {
    secret: config.secret,
    secret_fallbacks: config.secret_fallbacks,
    audience: config.audience,
    idling_timeout: timeout(config.idling_timeout),
    rolling_timeout: timeout(config.rolling_timeout),
    absolute_timeout: timeout(config.absolute_timeout),
    stale_ttl: config.stale_ttl === null ? null : Math.min(Math.max(0, wholeSeconds(config.stale_ttl)), LONGEST_LIFE),
    touch_threshold: config.touch_threshold,
    cookie_prefix: config.cookie_prefix,
    cookie_name: config.cookie_name,
    cookie_path: config.cookie_path,
    cookie_domain: config.cookie_domain,
    cookie_same_site: config.cookie_same_site,
    cookie_http_only: config.cookie_http_only,
    cookie_secure: config.cookie_secure,
    cookie_partitioned: config.cookie_partitioned,
    cookie_priority: config.cookie_priority,
    remember: config.remember,
    remember_safety: config.remember_safety,
    remember_cookie_name: config.remember_cookie_name,
    remember_rolling_timeout: timeout(config.remember_rolling_timeout),
    remember_absolute_timeout: timeout(config.remember_absolute_timeout),
    compression_threshold: config.compression_threshold,
    bind: config.bind,
    enforce_same_subject: config.enforce_same_subject,
    hash_storage_key: config.hash_storage_key,
    hash_subject: config.hash_subject,
    store_metadata: config.store_metadata,
    request_headers: config.request_headers,
    response_headers: config.response_headers,
    legacy: legacyOptions(config),
  };
}

/** How cookies of Kong 3.1 and older are read, if they are. SPEC-kong-session-plugin §2 */
function legacyOptions({ legacy_secret, legacy_storage, storage }: Config): LegacyOptions | null {
  if (!legacy_secret) return null;
  const inDatabase = (legacy_storage ?? storage) === "kong";
  return {
    secret: legacy_secret,
    storage: inDatabase ? "kong" : "cookie",
    strategy: inDatabase ? "regenerate" : "default",
  };
}

function timeout(value: number | null): number | null {
  return value === null || value === 0 ? value : Math.max(1, wholeSeconds(value));
}

/** No session is kept longer than these seconds, 400 days. */
const LONGEST_LIFE = 34_560_000;

const wholeSeconds = (value: number): number => Math.min(Math.ceil(value), Number.MAX_SAFE_INTEGER);
