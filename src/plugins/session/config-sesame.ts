import type { Fields } from "../../schema/index.ts";
import { redirectFault } from "./redirect.ts";

/** Earlier secrets that are kept at most. */
export const MOST_FALLBACKS = 8;

const seconds = (description: string) =>
  ({ type: "integer", newer: true, between: [0, 34_560_000], description }) as const;

/**
 * Settings that Kong has not. They appear in a row only when they were set, so that a row of Kong's stays as it is.
 */
export const sesameConfig = {
  secret_fallbacks: {
    type: "array",
    newer: true,
    elements: { type: "string", referenceable: true, encrypted: true },
    check: (secrets: readonly string[]) =>
      secrets.length > MOST_FALLBACKS ? `length must be at most ${MOST_FALLBACKS}` : undefined,
    encrypted: true,
    description:
      "Earlier secrets. A session that one of them opens gets a cookie of `secret` with that answer; `sesame secrets rotate` moves secrets here.",
  },
  cookie_prefix: {
    type: "string",
    newer: true,
    one_of: ["__Host-", "__Secure-"],
    description:
      "Stands before the names of the cookies: browsers then hold them to HTTPS and, with `__Host-`, to this one host.",
  },
  cookie_partitioned: {
    type: "boolean",
    newer: true,
    description: "Whether browsers keep the cookie apart for each site that embeds this one (CHIPS).",
  },
  cookie_priority: {
    type: "string",
    newer: true,
    one_of: ["Low", "Medium", "High"],
    description: "Which cookies browsers drop last when there are too many.",
  },
  bind: {
    type: "set",
    newer: true,
    elements: { type: "string", one_of: ["ip", "scheme", "user-agent"] },
    description: "What of the visitor a cookie is bound to: elsewhere it does not open.",
  },
  remember_safety: {
    type: "string",
    newer: true,
    one_of: ["None", "Low", "Medium", "High", "Very High"],
    description: "How much work it is to derive the key of the long-lived cookie; `Medium` when unset.",
  },
  touch_threshold: seconds("Seconds between two notes in the cookie that it was used; 60 when unset."),
  compression_threshold: {
    type: "integer",
    newer: true,
    between: [0, 16_777_215],
    description: "Bytes of data beyond which they are compressed; 1024 when unset, 0 is off.",
  },
  hash_storage_key: {
    type: "boolean",
    newer: true,
    description: "Whether the storage knows sessions by the hashes of their ids, so that who reads it cannot use them.",
  },
  enforce_same_subject: {
    type: "boolean",
    newer: true,
    description: "Whether applications that share a cookie lose theirs when another subject logs in to one of them.",
  },
  clear_request_cookie: {
    type: "boolean",
    newer: true,
    description:
      "Whether the upstream does not get the session's own cookies. When unset, it gets them only as long as no other setting is used that Kong has not.",
  },
  require: {
    type: "boolean",
    newer: true,
    description:
      "Whether who has neither a session nor a credential, after all plugins had their say, is answered 401 instead of being let through.",
  },
  on_storage_error: {
    type: "string",
    newer: true,
    one_of: ["unavailable", "stale", "anonymous"],
    description:
      "What visitors with a session get while its storage is out of order: `unavailable` (when unset), 503 and when to come again; `stale`, what this process knew of their session up to `stale_seconds` ago; `anonymous`, what strangers get, as from Kong. A logout is never reported as done then.",
  },
  stale_seconds: seconds("Seconds that `stale` may use what was known; 60 when unset."),
  follow_credential: {
    type: "boolean",
    newer: true,
    description:
      "Whether a session ends when the credential that opened it is deleted or changed. True when unset; sessions that Kong opened are followed from their first renewal on.",
  },
  revocation: {
    type: "boolean",
    newer: true,
    description:
      "Whether a logout ends every cookie that descends from the same login, also copies of it that were made before, and whether logins are recorded, so that they can be listed and ended by others than the browser that has the cookie.",
  },
  revocation_storage: {
    type: "string",
    newer: true,
    one_of: ["kong", "file", "redis", "memcached", "mysql", "postgres", "cassandra"],
    description:
      "With `revocation`, where gateways that have databases of their own share what was ended, whoever keeps the sessions; the setting of that name describes it. When unset, `redis` if that is set, else the `storage`. `kong` stands for the gateway's database alone, as do the storages `cookie` and `memory`, which others do not see.",
  },
  sessions_path: {
    type: "string",
    newer: true,
    starts_with: "/",
    check: (path: string) => (/^\/[\w.~/-]+$/.test(path) && !path.endsWith("/") ? undefined : "must be a plain path"),
    description:
      "With `revocation`, a path at which visitors who are signed in list their sessions (`GET`) and end one (`DELETE /<id>`), the others (`DELETE ?others`) or all (`DELETE`). The route must match it.",
  },
  max_sessions: {
    type: "integer",
    newer: true,
    between: [1, 1000],
    description: "With `revocation`, how many sessions a subject may have at once for the audience.",
  },
  max_sessions_policy: {
    type: "string",
    newer: true,
    one_of: ["reject", "evict_oldest"],
    description:
      "What becomes of a login beyond `max_sessions`: 403 (`reject`, when unset), or it ends the session of the oldest login (`evict_oldest`).",
  },
  logout_redirect: {
    type: "string",
    newer: true,
    check: redirectFault,
    description: "Where a logout leads: a path of this host or a URL. A blank page when unset.",
  },
  logout_redirect_arg: {
    type: "string",
    newer: true,
    description: "The query argument by which a logout may ask for another target out of `logout_redirect_allowed`.",
  },
  logout_redirect_allowed: {
    type: "array",
    newer: true,
    elements: { type: "string", check: redirectFault },
    description:
      "Targets that a logout may ask for: a path of this host or a URL, each with everything below it when it ends in `/`.",
  },
  logout_clear_site_data: {
    type: "set",
    newer: true,
    elements: { type: "string", one_of: ["cache", "cookies", "storage", "executionContexts", "*"] },
    description: "What browsers are told to forget of this site at a logout, in `Clear-Site-Data`.",
  },
} as const satisfies Fields;
