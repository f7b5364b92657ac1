import { SessionError } from "./errors.ts";
import { headerPropertyOf } from "./header-names.ts";
import type { LegacyOptions } from "./legacy/options.ts";

/** How an option is described: one row of the table below. */
interface Option {
  readonly type: "string" | "strings" | "boolean" | "integer" | "key" | "keys";
  /** The accepted texts; absent means any. */
  readonly values?: readonly string[];
  readonly default?: string | number | boolean;
  readonly unit?: "seconds" | "bytes";
  /** What a text must not contain. */
  readonly never?: RegExp;
  readonly description: string;
}

/** What is no character of a cookie's name (RFC 6265 §4.1.1), or ends a Set-Cookie attribute. */
const SEPARATORS = /[\x00-\x20\x7f-\uffff()<>@,;:\\"/[\]?={}]/;
const ATTRIBUTE_END = /[\x00-\x1f\x7f-\uffff;,]/;
const headerNames = "id, audience, subject, timeout, idling-timeout, rolling-timeout, absolute-timeout";

/**
 * Every option of the engine under lua-resty-session's name (SPEC-session-v4 §13), and the two of Sesame's own at the end.
 * An option without a default is off when absent.
 */
export const sessionOptions = {
  secret: {
    type: "string",
    description: "Text the keys are derived from; without secret and ikm a random one is made.",
  },
  secret_fallbacks: { type: "strings", description: "Earlier secrets, under which cookies still open." },
  ikm: { type: "key", description: "32 bytes of initial key material, instead of a secret." },
  ikm_fallbacks: { type: "keys", description: "Earlier key material, under which cookies still open." },
  cookie_prefix: {
    type: "string",
    values: ["__Host-", "__Secure-"],
    description: "Prefix of both cookie names, with the attributes it demands.",
  },
  cookie_name: { type: "string", default: "session", never: SEPARATORS, description: "Name of the session cookie." },
  cookie_path: { type: "string", default: "/", never: ATTRIBUTE_END, description: "Path attribute of the cookies." },
  cookie_domain: { type: "string", never: ATTRIBUTE_END, description: "Domain attribute of the cookies." },
  cookie_http_only: { type: "boolean", default: true, description: "Whether scripts are kept from the cookies." },
  cookie_secure: { type: "boolean", description: "Whether the cookies are sent over TLS only." },
  cookie_priority: {
    type: "string",
    values: ["Low", "Medium", "High"],
    description: "Priority attribute of the cookies, a hint which to evict last.",
  },
  cookie_same_site: {
    type: "string",
    values: ["Lax", "Strict", "None", "Default"],
    default: "Lax",
    description: "SameSite attribute of the cookies.",
  },
  cookie_same_party: { type: "boolean", description: "Whether the cookies have the SameParty attribute." },
  cookie_partitioned: { type: "boolean", description: "Whether the cookies have the Partitioned attribute." },
  remember: {
    type: "boolean",
    default: false,
    description: "Whether a second, long-lived cookie re-opens the session.",
  },
  remember_safety: {
    type: "string",
    values: ["None", "Low", "Medium", "High", "Very High"],
    default: "Medium",
    description: "How slowly the key of the remember cookie is derived.",
  },
  remember_cookie_name: {
    type: "string",
    default: "remember",
    never: SEPARATORS,
    description: "Name of the remember cookie.",
  },
  audience: { type: "string", default: "default", description: "The application this session belongs to." },
  subject: { type: "string", description: "Whom a new session is about." },
  enforce_same_subject: {
    type: "boolean",
    default: false,
    description: "Whether audiences of other subjects are dropped.",
  },
  stale_ttl: {
    type: "integer",
    unit: "seconds",
    default: 10,
    description: "How long a replaced record stays readable.",
  },
  idling_timeout: {
    type: "integer",
    unit: "seconds",
    default: 900,
    description: "Longest pause between touches; 0 is off.",
  },
  rolling_timeout: {
    type: "integer",
    unit: "seconds",
    default: 3600,
    description: "Longest time between saves; 0 is off.",
  },
  absolute_timeout: { type: "integer", unit: "seconds", default: 86_400, description: "Longest life; 0 is off." },
  remember_rolling_timeout: {
    type: "integer",
    unit: "seconds",
    default: 604_800,
    description: "Longest time between renewals of the remember cookie; 0 is off.",
  },
  remember_absolute_timeout: {
    type: "integer",
    unit: "seconds",
    default: 2_592_000,
    description: "Longest life of the remember cookie; 0 is off.",
  },
  hash_storage_key: {
    type: "boolean",
    default: false,
    description: "Whether storage keys are hashes of the session id.",
  },
  hash_subject: { type: "boolean", default: false, description: "Whether subjects are hashed in the storage's index." },
  store_metadata: { type: "boolean", default: false, description: "Whether the storage indexes sessions by subject." },
  touch_threshold: { type: "integer", unit: "seconds", default: 60, description: "Shortest time between two touches." },
  compression_threshold: {
    type: "integer",
    unit: "bytes",
    default: 1024,
    description: "Data larger than this is compressed; 0 is off.",
  },
  bind: {
    type: "strings",
    values: ["ip", "scheme", "user-agent", "user_agent"],
    description: "What of the visitor a cookie is bound to.",
  },
  request_headers: { type: "strings", description: "Session headers for the request to the upstream." },
  response_headers: { type: "strings", description: "Session headers for the response." },
  compatibility: {
    type: "string",
    values: ["strict", "sesame"],
    default: "sesame",
    description: "Whether lua-resty-session's quirks are copied, or done better.",
  },
  release: {
    type: "string",
    values: ["4.0", "4.1"],
    default: "4.1",
    description: "The release of lua-resty-session to be compatible with.",
  },
} as const satisfies Record<string, Option>;

type Table = typeof sessionOptions;
type Values<O> = O extends { readonly values: readonly (infer V)[] } ? V : string;
type ValueOf<O extends Option> = {
  string: Values<O>;
  strings: readonly Values<O>[];
  boolean: boolean;
  integer: number;
  key: Uint8Array;
  keys: readonly Uint8Array[];
}[O["type"]];

/** Options as they are given: all may be absent (or undefined or null), which means the default. */
export type SessionOptions = { readonly [Name in keyof Table]?: ValueOf<Table[Name]> | undefined | null } & {
  /** Settings of lua-resty-session 2.x or 3.x, whose cookies open too then and are issued anew. */
  readonly legacy?: LegacyOptions | undefined | null;
};

/** Options with their defaults filled in. */
export type ParsedOptions = {
  readonly [Name in keyof Table]: ValueOf<Table[Name]> | ("default" extends keyof Table[Name] ? never : undefined);
} & { readonly legacy: LegacyOptions | undefined };

/** Check the options and fill in the defaults. Throws `ERR_SESSION_OPTION`, naming the option and what it accepts. */
export function parseOptions(options: SessionOptions): ParsedOptions {
  for (const name of Object.keys(options)) {
    if (name !== "legacy" && !Object.hasOwn(sessionOptions, name)) throw refused(`unknown session option "${name}"`);
  }
  const parsed: Record<string, unknown> = { legacy: options.legacy ?? undefined };
  for (const [name, option] of Object.entries<Option>(sessionOptions)) {
    const value: unknown = options[name as keyof Table] ?? option.default;
    if (value !== undefined) check(name, option, value);
    parsed[name] = value;
  }
  const result = parsed as ParsedOptions;
  if (result.cookie_same_party && result.cookie_same_site === "Strict") {
    throw refused("SameParty session cookies cannot use SameSite=Strict");
  }
  if (result.cookie_name.toLowerCase() === result.remember_cookie_name.toLowerCase()) {
    throw refused("remember_cookie_name must differ from cookie_name");
  }
  return result;
}

function check(name: string, option: Option, value: unknown): void {
  switch (option.type) {
    case "boolean":
      if (typeof value !== "boolean") throw refused(`${name} must be true or false`);
      return;
    case "integer":
      if (!Number.isSafeInteger(value) || (value as number) < 0) {
        throw refused(`${name} must be a whole number of ${option.unit}, 0 or more`);
      }
      return;
    case "key":
      checkKey(name, value);
      return;
    case "keys":
      for (const key of list(name, value)) checkKey(name, key);
      return;
    case "string":
      checkText(name, option, value);
      return;
    case "strings":
      for (const text of list(name, value)) checkText(name, option, text);
  }
}

function list(name: string, value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw refused(`${name} must be a list`);
  return value;
}

function checkKey(name: string, value: unknown): void {
  if (!(value instanceof Uint8Array) || value.length !== 32) {
    throw refused(name === "ikm" ? "invalid ikm size" : `invalid ikm size in ${name}`, "32 bytes");
  }
}

function checkText(name: string, option: Option, value: unknown): void {
  if (name.endsWith("_headers")) {
    if (headerPropertyOf(value) === undefined) throw refused("invalid header name", `${name} accepts ${headerNames}`);
    return;
  }
  if (typeof value !== "string") throw refused(`${name} must be a text`);
  if (option.values && !option.values.includes(value)) {
    const accepted = `${name} accepts ${option.values.join(", ")}`;
    throw name === "bind" ? refused("invalid bind", accepted) : refused(accepted);
  }
  if (value === "" && name.endsWith("cookie_name")) throw refused(`${name} must not be empty`);
  if (option.never?.test(value)) throw refused(`${name} has a character that cookies do not allow`);
}

const refused = (message: string, accepted?: string): SessionError =>
  new SessionError("ERR_SESSION_OPTION", accepted ? `${message} (${accepted})` : message);
