import { readFileSync } from "node:fs";
import {
  createSessions,
  type SessionOptions,
  type SessionStorage,
  type Sessions,
  type Visit,
} from "../session/index.ts";
import { CommandError, type Options, type Terminal } from "./command.ts";
import { engineOptions, readEngineOptions, readHex } from "./session-options.ts";

/** What `session inspect` and `session mint` work on. */
export interface SessionCase {
  readonly visit: Visit;
  /** Seconds since the epoch. */
  readonly now: number;
  readonly options: SessionOptions;
  /** Whether a storage is configured; `record` is the one text it holds, if any. */
  readonly hasStorage: boolean;
  readonly record: string | undefined;
}

/** The options both commands have. */
export const caseOptions = {
  now: { type: "string", placeholder: "UNIX", description: "The time to judge by, in seconds since the epoch (now)." },
  "remote-address": {
    type: "string",
    placeholder: "ADDRESS",
    description: "Address of the visitor, for sessions bound to it.",
  },
  scheme: {
    type: "string",
    placeholder: "http|https",
    description: "Scheme of the request, for sessions bound to it.",
  },
  "user-agent": { type: "string", description: "User-Agent of the visitor, for sessions bound to it." },
  jsonl: {
    type: "boolean",
    description: "Read one case a line from standard input, as JSON, and answer each in a line.",
  },
  ...engineOptions,
} as const satisfies Options;

/** The case that the command line describes; it is also what the lines of `--jsonl` start from. */
export function readCase(values: Readonly<Record<string, unknown>>): SessionCase {
  const {
    now,
    "remote-address": remoteAddress,
    scheme,
    "user-agent": userAgent,
  } = values as Record<string, string | undefined>;
  if (now !== undefined && !/^\d{1,15}$/.test(now)) throw new CommandError("--now expects seconds since the epoch");
  return {
    visit: { remoteAddress, scheme, userAgent: asBytes(userAgent) },
    now: now === undefined ? Math.floor(Date.now() / 1000) : Number(now),
    options: readEngineOptions(values),
    hasStorage: false,
    record: undefined,
  };
}

/** Whether the case has a key to open sessions with; without one a random key would be made. */
export function hasKey({ options }: SessionCase): boolean {
  return (options.secret ?? options.ikm ?? undefined) !== undefined;
}

/** The engine for a case, with a storage that answers any key with the case's record and hands what is written to `store`. */
export function sessionsOf(session: SessionCase, store: (record: string) => void = () => {}): Sessions {
  const storage: SessionStorage = {
    get: () => session.record,
    set: (_name, _key, value) => store(value),
    delete() {},
  };
  return createSessions(session.options, session.hasStorage ? { storage } : {});
}

/** A case with the fields of a line of JSON in place of its own. Throws CommandError, naming the field. */
export function mergeCase(session: SessionCase, line: Readonly<Record<string, unknown>>): SessionCase {
  const { cookie, now = session.now, record } = line;
  if (typeof now !== "number") throw new CommandError("now: expected a number, seconds since the epoch");
  const given = optional("options", line.options, isObject) ?? {};
  const { remote_address, scheme, user_agent } = optional("request", line.request, isObject) ?? {};
  const text = Array.isArray(record) ? JSON.stringify(record) : optional("record", record, isString);
  return {
    visit: {
      cookie: Array.isArray(cookie) && cookie.every(isString) ? cookie : optional("cookie", cookie, isString),
      remoteAddress: optional("request.remote_address", remote_address, isString) ?? session.visit.remoteAddress,
      scheme: optional("request.scheme", scheme, isString) ?? session.visit.scheme,
      userAgent: asBytes(optional("request.user_agent", user_agent, isString)) ?? session.visit.userAgent,
    },
    now,
    options: { ...session.options, ...jsonOptions(given) },
    hasStorage: text !== undefined || session.hasStorage || namesStorage(given.storage),
    record: text ?? session.record,
  };
}

// Options that choose and configure a storage: here they say only that there is one.
const STORAGES = [
  "storage",
  "dshm",
  "file",
  "memcached",
  "memcache",
  "mysql",
  "mariadb",
  "postgres",
  "postgresql",
  "redis",
  "shm",
];

/** Engine options from JSON: keys in hexadecimal under names of their own, or as text. */
function jsonOptions(given: Readonly<Record<string, unknown>>): SessionOptions {
  const options: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(given)) {
    if (STORAGES.includes(name)) continue;
    if (name === "ikm_hex") options.ikm = value === null ? null : readHex(name, value);
    else if (name === "ikm_fallbacks_hex")
      options.ikm_fallbacks = Array.isArray(value) ? value.map((hex) => readHex(name, hex)) : value;
    else if (name === "ikm" || name === "ikm_fallbacks") options[name] = textBytes(value);
    else options[name] = value;
  }
  return options as SessionOptions;
}

/** Key material given as text is its UTF-8 bytes. */
function textBytes(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(textBytes);
  return typeof value === "string" ? Buffer.from(value) : value;
}

function namesStorage(storage: unknown): boolean {
  return typeof storage === "string" && storage !== "cookie" && storage !== "none";
}

function optional<T>(name: string, value: unknown, is: (value: unknown) => value is T): T | undefined {
  if (value === undefined || value === null) return undefined;
  if (!is(value)) throw new CommandError(`${name}: expected ${is === (isObject as unknown) ? "an object" : "text"}`);
  return value;
}

const isString = (value: unknown): value is string => typeof value === "string";
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Text of a header as servers have it, a character for each byte. */
function asBytes(text: string | undefined): string | undefined {
  return text === undefined ? undefined : Buffer.from(text).toString("latin1");
}

/** The text of a file, without the line feed at its end. Throws CommandError. */
export function readText(path: string): string {
  try {
    return readFileSync(path, "utf8").replace(/\r?\n$/, "");
  } catch (error) {
    throw new CommandError(`${path} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

/** All of standard input as text, without the line feed at its end. */
export async function readInput(terminal: Terminal): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of terminal.stdin) chunks.push(chunk);
  return Buffer.concat(chunks)
    .toString("utf8")
    .replace(/\r?\n$/, "");
}
