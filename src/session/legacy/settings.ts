import { createSecretKey, type KeyObject } from "node:crypto";
import { SessionError } from "../errors.ts";
import type { SessionStorage } from "../storage.ts";
import { type Encoding, encodings } from "./encoding.ts";
import { type LegacyOptions, type ParsedLegacyOptions, parseLegacyOptions } from "./options.ts";

/** The settings of an older release, made ready for requests. */
export interface LegacySettings {
  readonly options: Omit<ParsedLegacyOptions, "secret">;
  readonly secret: KeyObject;
  /** Name of the cookie as written and as looked for, in lower case. */
  readonly name: string;
  readonly lookup: string;
  readonly encoding: Encoding;
  /** Where the records are; undefined when the cookie has the data. */
  readonly records: LegacyRecords | undefined;
}

export interface LegacyRecords {
  readonly storage: SessionStorage;
  /** The `name` under which the storage is asked. */
  readonly name: string;
  /** The encoding of a record's text; undefined when it has one character for each byte. */
  readonly encoding: Encoding | undefined;
}

/** Compile the settings for a session cookie of this name, and for records in this storage. Throws `ERR_SESSION_OPTION`. */
export function compileLegacy(
  given: LegacyOptions,
  cookieName: string,
  storage: SessionStorage | undefined,
): LegacySettings {
  const { secret, ...options } = parseLegacyOptions(given);
  const name = options.name ?? cookieName;
  const encoding = encodings[options.encoder];
  return {
    options,
    // A Lua string is bytes; a secret with other letters came as UTF-8.
    secret: createSecretKey(secret, "utf8"),
    name,
    lookup: name.toLowerCase(),
    encoding,
    records: recordsOf(options, name, storage),
  };
}

function recordsOf(
  options: LegacySettings["options"],
  name: string,
  storage: SessionStorage | undefined,
): LegacyRecords | undefined {
  if (options.storage === "cookie") return undefined;
  if (storage === undefined) throw new SessionError("ERR_SESSION_OPTION", "legacy.storage needs a storage");
  if (options.storage !== "kong") return { storage, name: options.prefix ?? "sessions", encoding: undefined };
  return { storage, name: options.prefix ?? name, encoding: encodings[options.encoder] };
}
