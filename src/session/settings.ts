import { bindFlags } from "./bind.ts";
import { LARGEST_COOKIES } from "./chunks.ts";
import type { HeaderLimits } from "./header.ts";
import { type HeaderProperty, headerPropertyOf } from "./header-names.ts";
import { createKeys, ikmOfSecret, type RememberSafety, randomIkm, type SessionKeys } from "./keys.ts";
import { compileLegacy, type LegacySettings } from "./legacy/settings.ts";
import { type ParsedOptions, parseOptions, type SessionOptions } from "./options.ts";
import { randomId } from "./random.ts";
import { attributesText } from "./set-cookie.ts";
import type { SessionStorage } from "./storage.ts";
import type { AbsoluteRule } from "./timeouts.ts";

/** What the engine works with and options cannot name. */
export interface SessionParts {
  /** Keeps the payloads; without one the cookies carry them. */
  readonly storage?: SessionStorage | undefined;
  /**
   * Keeps the records of lua-resty-session 2.x or 3.x (option `legacy`); `storage` when absent. Apart from Kong's, which are
   * text, its texts have one character for each byte of a record.
   */
  readonly legacyStorage?: SessionStorage | undefined;
  /** Source of session ids; `crypto.randomBytes` by default. */
  readonly randomBytes?: ((size: number) => Uint8Array) | undefined;
  /** Characters of all cookies of one session together, names included, at most; 36,864 (nine cookies) by default. */
  readonly maxCookieSize?: number | undefined;
}

/** One of the two cookies: the session's, or the remember cookie. They differ in these points only. */
export interface CookieKind extends HeaderLimits {
  /** Name as written, with prefix, and as looked for, in lower case. */
  readonly name: string;
  readonly lookup: string;
  readonly safety: RememberSafety;
}

/** Options made ready for requests: everything derivable is derived here, once. */
export interface Settings {
  readonly options: ParsedOptions;
  readonly storage: SessionStorage | undefined;
  readonly randomBytes: (size: number) => Uint8Array;
  readonly maxCookieSize: number;
  /** The keys a save uses, and all an open tries, in order. */
  readonly keys: SessionKeys;
  readonly allKeys: readonly SessionKeys[];
  readonly session: CookieKind;
  readonly remember: CookieKind;
  readonly attributes: string;
  /** How older cookies are read; undefined when they are not. */
  readonly legacy: LegacySettings | undefined;
  /** The flags of new cookies that bind them, as far as the release knows such. */
  readonly bindFlags: number;
  readonly strict: boolean;
  readonly release40: boolean;
  readonly absoluteRule: AbsoluteRule;
  readonly requestHeaders: readonly HeaderProperty[];
  readonly responseHeaders: readonly HeaderProperty[];
}

/** Compile options. Throws `ERR_SESSION_OPTION`. */
export function compile(given: SessionOptions, parts: SessionParts): Settings {
  const options = parseOptions(given);
  const strict = options.compatibility === "strict";
  const release40 = options.release === "4.0";
  const keys = createKeys(options.ikm ?? (options.secret === undefined ? randomIkm() : ikmOfSecret(options.secret)));
  const fallbacks = options.ikm_fallbacks ?? options.secret_fallbacks?.map(ikmOfSecret) ?? [];
  const storage = parts.storage !== undefined;
  const session = named(options, options.cookie_name);
  return {
    options,
    storage: parts.storage,
    randomBytes: parts.randomBytes ?? randomId,
    maxCookieSize: Math.min(parts.maxCookieSize ?? LARGEST_COOKIES, LARGEST_COOKIES),
    keys,
    allKeys: [keys, ...fallbacks.map((ikm) => createKeys(ikm))],
    session: {
      ...session,
      storage,
      remember: false,
      absolute: options.absolute_timeout,
      rolling: options.rolling_timeout,
      idling: options.idling_timeout,
      safety: "None",
    },
    remember: {
      ...named(options, options.remember_cookie_name),
      storage,
      remember: true,
      absolute: options.remember_absolute_timeout,
      rolling: options.remember_rolling_timeout,
      idling: 0,
      safety: options.remember_safety,
    },
    attributes: attributesText(options),
    legacy: options.legacy && compileLegacy(options.legacy, session.name, parts.legacyStorage ?? parts.storage),
    bindFlags: release40 ? 0 : bindFlags(options.bind ?? []),
    strict,
    release40,
    absoluteRule: strict ? (release40 ? "ignored" : "plus_age") : "less_age",
    requestHeaders: (options.request_headers ?? []).map((name) => headerPropertyOf(name)!),
    responseHeaders: (options.response_headers ?? []).map((name) => headerPropertyOf(name)!),
  };
}

function named({ cookie_prefix }: ParsedOptions, cookieName: string): Pick<CookieKind, "name" | "lookup"> {
  const name = `${cookie_prefix ?? ""}${cookieName}`;
  return { name, lookup: name.toLowerCase() };
}
