import { SessionError } from "../errors.ts";
import { sessionOptions } from "../options.ts";

/** How one setting is described; nested ones have a dot in their name. */
interface LegacyOption {
  readonly type: "string" | "boolean" | "integer";
  /** The accepted texts, or numbers; absent means any. */
  readonly values?: readonly (string | number)[];
  readonly default?: string | boolean | number;
  /** The least number accepted. */
  readonly least?: number;
  /** What a text must not contain. */
  readonly never?: RegExp;
  readonly description: string;
}

/**
 * The settings of lua-resty-session 2.x and 3.x that decide how its cookies are read, under its names and with its defaults
 * (SPEC-session-v2-v3 §1, §2). Those that only matter where cookies are written are not among them.
 */
export const legacyOptions = {
  secret: { type: "string", description: "The secret of the older release, as it was configured there. Required." },
  name: {
    type: "string",
    never: sessionOptions.cookie_name.never,
    description: "Name of the older cookie; `cookie_name` with its prefix when absent.",
  },
  storage: {
    type: "string",
    values: ["cookie", "redis", "memcache", "memcached", "dshm", "kong"],
    default: "cookie",
    description: "Where the data is: in the cookie, or in a record.",
  },
  prefix: {
    type: "string",
    description:
      "Prefix of the records' names, or dshm's region; `sessions` when absent, with `kong` the cookie's name.",
  },
  strategy: {
    type: "string",
    values: ["default", "regenerate"],
    default: "default",
    description: "How keys are made; `regenerate` leaves the expiry to the records, in a cookie it is not signed.",
  },
  serializer: { type: "string", values: ["json"], default: "json", description: "How the data is written." },
  compressor: {
    type: "string",
    values: ["none", "zlib"],
    default: "none",
    description: "How the data is compressed; `zlib` stands for the gzip format.",
  },
  encoder: {
    type: "string",
    values: ["base64", "base16", "hex"],
    default: "base64",
    description: "How bytes are written in the cookie.",
  },
  cipher: { type: "string", values: ["aes", "none"], default: "aes", description: "Whether the data is encrypted." },
  hmac: { type: "string", values: ["sha1"], default: "sha1", description: "What keys and signatures are made with." },
  "random.length": { type: "integer", least: 1, default: 16, description: "Bytes of a session id." },
  "aes.size": { type: "integer", values: [128, 192, 256], default: 256, description: "Bits of the AES key." },
  "aes.mode": {
    type: "string",
    values: ["cbc", "ecb", "cfb1", "cfb8", "cfb128", "ofb", "ctr", "gcm"],
    default: "cbc",
    description: "Mode of AES.",
  },
  "aes.hash": {
    type: "string",
    values: ["md5", "sha1", "sha224", "sha256", "sha384", "sha512"],
    default: "sha512",
    description: "The digest that AES keys are derived with.",
  },
  "aes.rounds": { type: "integer", least: 1, default: 1, description: "How often that digest is applied." },
  "check.ua": { type: "boolean", default: true, description: "Whether cookies are bound to the User-Agent." },
  "check.addr": { type: "boolean", default: false, description: "Whether cookies are bound to the address." },
  "check.scheme": { type: "boolean", default: true, description: "Whether cookies are bound to the scheme." },
  "cookie.delimiter": { type: "string", default: "|", description: "What stands between the parts of a cookie." },
  "cookie.maxsize": {
    type: "integer",
    least: 64,
    default: 4000,
    description: "Characters of a cookie's value above which it continues in `<name>_2`.",
  },
} as const satisfies Record<string, LegacyOption>;

type Table = typeof legacyOptions;
type Name = keyof Table;
type Values<O> = O extends { readonly values: readonly (infer V)[] } ? V : unknown;
type ValueOf<O extends LegacyOption> = {
  string: Values<O> & string;
  boolean: boolean;
  // A number may be written as text, as 2.x wants it.
  integer: (Values<O> & number) | `${Values<O> & number}`;
}[O["type"]];
type Flat = { readonly [N in Name as N extends `${string}.${string}` ? never : N]?: ValueOf<Table[N]> | undefined };
type Nested<Group extends string> = {
  readonly [N in Name as N extends `${Group}.${infer Inner}` ? Inner : never]?: ValueOf<Table[N]> | undefined;
};

/** The settings of an older release, nested as there: `{ secret, strategy, check: { ua: false }, aes: { mode: "gcm" } }`. */
export type LegacyOptions = Flat & {
  readonly random?: Nested<"random"> | undefined;
  readonly aes?: Nested<"aes"> | undefined;
  readonly check?: Nested<"check"> | undefined;
  readonly cookie?: Nested<"cookie"> | undefined;
};

type ParsedOf<O extends LegacyOption> = {
  string: Values<O> & string;
  boolean: boolean;
  integer: Values<O> & number;
}[O["type"]];

/** The settings by their dotted names, with the defaults filled in. */
export type ParsedLegacyOptions = {
  readonly [N in Name]: ParsedOf<Table[N]> | ("default" extends keyof Table[N] ? never : undefined);
} & { readonly secret: string };

/** Check the settings. Throws `ERR_SESSION_OPTION`, naming the setting and what it accepts. */
export function parseLegacyOptions(options: LegacyOptions): ParsedLegacyOptions {
  const given = flatten(options);
  const parsed: Record<string, unknown> = {};
  for (const [name, option] of Object.entries<LegacyOption>(legacyOptions)) {
    const value = given.get(name) ?? option.default;
    given.delete(name);
    parsed[name] = value === undefined ? undefined : read(name, option, value);
  }
  for (const name of given.keys()) throw refused(`unknown session option "legacy.${name}"`);
  if (!parsed["secret"]) throw refused("legacy.secret must not be empty");
  for (const name of ["name", "cookie.delimiter"]) {
    if (parsed[name] === "") throw refused(`legacy.${name} must not be empty`);
  }
  return parsed as ParsedLegacyOptions;
}

const groups: readonly string[] = ["random", "aes", "check", "cookie"];

function flatten(options: unknown): Map<string, unknown> {
  if (typeof options !== "object" || options === null) throw refused("legacy must be a record of settings");
  const flat = new Map<string, unknown>();
  for (const [name, value] of Object.entries(options)) {
    if (!groups.includes(name)) flat.set(name, value);
    else if (typeof value === "object") {
      for (const [inner, innerValue] of Object.entries(value ?? {})) flat.set(`${name}.${inner}`, innerValue);
    } else if (value !== undefined) throw refused(`legacy.${name} must be a record of settings`);
  }
  return flat;
}

function read(name: string, { type, values, never, least = 0 }: LegacyOption, given: unknown): unknown {
  const value = type === "integer" && typeof given === "string" && /^\d+$/.test(given) ? Number(given) : given;
  if (type === "integer") {
    if (!Number.isSafeInteger(value) || (value as number) < least)
      throw refused(`legacy.${name} must be a whole number, ${least} or more`);
  } else if (typeof value !== type) {
    throw refused(`legacy.${name} must be ${type === "boolean" ? "true or false" : "a text"}`);
  }
  if (values && !values.includes(value as string | number))
    throw refused(`legacy.${name} accepts ${values.join(", ")}`);
  if (never?.test(String(value))) throw refused(`legacy.${name} has a character that cookies do not allow`);
  return value;
}

const refused = (message: string): SessionError => new SessionError("ERR_SESSION_OPTION", message);
