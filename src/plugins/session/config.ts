import { randomBytes, randomInt } from "node:crypto";
import type { Fields, Infer, Shorthands } from "../../schema/index.ts";
import { sessionOptions } from "../../session/index.ts";
import { sesameConfig } from "./config-sesame.ts";
import { storageConfig } from "./config-storages.ts";

/** What a text of the engine must not contain is refused where it is configured, not where it is used. */
function cookieText(option: "cookie_name" | "cookie_path" | "cookie_domain" | "remember_cookie_name") {
  const { never } = sessionOptions[option];
  return (value: string) => (never.test(value) ? "has a character that cookies do not allow" : undefined);
}

const sessionHeaders = {
  type: "set",
  elements: {
    type: "string",
    one_of: ["id", "audience", "subject", "timeout", "idling-timeout", "rolling-timeout", "absolute-timeout"],
  },
} as const;

/** The settings, in Kong's order and with Kong's defaults. SPEC-kong-session-plugin §1 */
export const config = {
  secret: {
    type: "string",
    required: false,
    encrypted: true,
    referenceable: true,
    default: randomSecret(),
    description: "The secret that the keys of the cookies are derived from.",
  },
  storage: {
    type: "string",
    one_of: ["cookie", "kong"],
    newer_one_of: ["memory", "file", "redis", "memcached", "mysql", "postgres", "cassandra"],
    default: "cookie",
    description:
      "Who keeps the session's data: `cookie`, the visitor; `kong`, the gateway's database; or another, which the setting of that name describes.",
  },
  audience: {
    type: "string",
    default: "default",
    description:
      "The application that the session belongs to. Applications with one secret and cookie name can share a cookie.",
  },
  idling_timeout: {
    type: "number",
    default: 900,
    description: "Seconds that a session may go unused; 0 is off.",
  },
  rolling_timeout: {
    type: "number",
    default: 3600,
    description:
      "Seconds until a session must be renewed, which happens by itself after three quarters of them; 0 is off.",
  },
  absolute_timeout: {
    type: "number",
    default: 86_400,
    description: "Seconds from login to the end of the session, however it is used; 0 is off.",
  },
  stale_ttl: {
    type: "number",
    default: 10,
    description: "Seconds that a replaced session still works in `kong` storage, for requests that were under way.",
  },
  cookie_name: {
    type: "string",
    default: "session",
    check: cookieText("cookie_name"),
    description: "The name of the cookie.",
  },
  cookie_path: {
    type: "string",
    default: "/",
    check: cookieText("cookie_path"),
    description: "The path below which browsers send the cookie.",
  },
  cookie_domain: {
    type: "string",
    check: cookieText("cookie_domain"),
    description: "The domain to which browsers send the cookie; only the host that set it when unset.",
  },
  cookie_same_site: {
    type: "string",
    one_of: ["Strict", "Lax", "None", "Default"],
    default: "Strict",
    description: "Whether browsers send the cookie with requests from other sites. `None` implies `cookie_secure`.",
  },
  cookie_http_only: {
    type: "boolean",
    default: true,
    description: "Whether scripts are kept from the cookie.",
  },
  cookie_secure: {
    type: "boolean",
    default: true,
    description: "Whether browsers send the cookie over HTTPS only.",
  },
  remember: {
    type: "boolean",
    default: false,
    description: "Whether a second, long-lived cookie opens a new session when the first is over.",
  },
  remember_cookie_name: {
    type: "string",
    default: "remember",
    check: cookieText("remember_cookie_name"),
    description: "The name of the long-lived cookie.",
  },
  remember_rolling_timeout: {
    type: "number",
    default: 604_800,
    description: "Seconds until the long-lived cookie must be renewed, which happens when it is used; 0 is off.",
  },
  remember_absolute_timeout: {
    type: "number",
    default: 2_592_000,
    description: "Seconds from login to the end of the long-lived cookie; 0 is off.",
  },
  response_headers: {
    ...sessionHeaders,
    description: "What of the session is told to the client in `Session-*` headers.",
  },
  request_headers: {
    ...sessionHeaders,
    description: "What of the session is told to the upstream in `Session-*` headers.",
  },
  read_body_for_logout: {
    type: "boolean",
    default: false,
    description: "Whether `logout_post_arg` is looked for in the bodies of requests.",
  },
  logout_methods: {
    type: "set",
    elements: { type: "string", one_of: ["GET", "POST", "DELETE"] },
    default: ["POST", "DELETE"],
    description: "The methods of requests that can end the session.",
  },
  logout_query_arg: {
    type: "string",
    default: "session_logout",
    description: "A request with this query argument, whatever its value, ends the session.",
  },
  logout_post_arg: {
    type: "string",
    default: "session_logout",
    description: "A request with this argument in its body ends the session, if bodies are read for it.",
  },
  hash_subject: {
    type: "boolean",
    newer: true,
    description: "Whether subjects are hashed in the table of `store_metadata`.",
  },
  store_metadata: {
    type: "boolean",
    newer: true,
    description: "Whether the database keeps whose session it is, with `kong` storage.",
  },
  legacy_secret: {
    type: "string",
    newer: true,
    encrypted: true,
    referenceable: true,
    description:
      "The secret of a Kong 3.1 or older: cookies of its session plugin, called `cookie_name` too, open and are replaced.",
  },
  legacy_storage: {
    type: "string",
    newer: true,
    one_of: ["cookie", "kong"],
    description: "Who kept the data of those sessions; `kong` when that is the `storage`, else `cookie`, when unset.",
  },
  ...sesameConfig,
  ...storageConfig,
} as const satisfies Fields;

export type Config = Infer<typeof config>;

/** Names of Kong before 3.2: accepted, translated and not kept; they win over the new ones. SPEC-kong-session-plugin §1.1 */
export const shorthand_fields: Shorthands = {
  cookie_lifetime: {
    type: "number",
    description: "Former name of `rolling_timeout`.",
    expand: (value: number | null) => ({ rolling_timeout: value }),
  },
  cookie_idletime: {
    type: "number",
    description: "Former name of `idling_timeout`.",
    expand: (value: number | null) => ({ idling_timeout: value ?? 0 }),
  },
  cookie_renew: {
    type: "number",
    description: "Has no effect any more: sessions are renewed after three quarters of `rolling_timeout`.",
    expand: () => ({}),
  },
  cookie_discard: {
    type: "number",
    description: "Former name of `stale_ttl`.",
    expand: (value: number | null) => ({ stale_ttl: value }),
  },
  cookie_samesite: {
    type: "string",
    description: "Former name of `cookie_same_site`; `off` stands for `Lax`.",
    expand: (value: string | null) => ({ cookie_same_site: value === "off" ? "Lax" : value }),
  },
  cookie_httponly: {
    type: "boolean",
    description: "Former name of `cookie_http_only`.",
    expand: (value: boolean | null) => ({ cookie_http_only: value }),
  },
  cookie_persistent: {
    type: "boolean",
    description: "Former name of `remember`.",
    expand: (value: boolean | null) => ({ remember: value }),
  },
};

/** Settings that Kong has too, in releases after 3.9. */
const KONGS_OWN: ReadonlySet<string> = new Set(["hash_subject", "store_metadata"]);

/** Whether a row has settings, or a storage, that Kong has not; else it should do as Kong does. */
export function usesSesame(row: Config): boolean {
  const fields: Fields = config;
  return Object.entries(row).some(([name, value]) => {
    if (value === null || KONGS_OWN.has(name)) return false;
    return fields[name]?.newer === true || (name === "storage" && value !== "cookie" && value !== "kong");
  });
}

/** What no single setting shows. */
export function checkConfig(row: Partial<Config>): string | undefined {
  const { cookie_name, remember_cookie_name, cookie_prefix, cookie_domain, cookie_path, cookie_partitioned } = row;
  if (cookie_name && cookie_name.toLowerCase() === remember_cookie_name?.toLowerCase()) {
    return "remember_cookie_name must differ from cookie_name";
  }
  if (cookie_prefix === "__Host-" && (cookie_domain || cookie_path !== "/")) {
    return "cookie_prefix __Host- needs cookie_path / and no cookie_domain, or browsers refuse the cookie";
  }
  if (cookie_partitioned && !row.cookie_secure && !cookie_prefix && row.cookie_same_site !== "None") {
    return "cookie_partitioned needs cookie_secure, or browsers refuse the cookie";
  }
  const needs = (["revocation_storage", "sessions_path", "max_sessions"] as const).find(
    (name) => row[name] != null && !row.revocation,
  );
  return needs && `${needs} needs revocation`;
}

/**
 * 44 letters and digits: 32 random bytes in base64, its marks replaced by random digits (`/`), upper-case (`+`) and
 * lower-case (`=`) letters. Made once per process, as in Kong: it is stored with each row that is made without a secret.
 */
export function randomSecret(): string {
  const character = (first: string, count: number) => String.fromCharCode(first.charCodeAt(0) + randomInt(count));
  return randomBytes(32)
    .toString("base64")
    .replace(/[/+=]/g, (mark) => (mark === "/" ? character("0", 10) : character(mark === "+" ? "A" : "a", 26)));
}
