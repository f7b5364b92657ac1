import { findCookie } from "../cookies.ts";
import type { SessionReason } from "../reasons.ts";
import type { LegacySettings } from "./settings.ts";

/**
 * A cookie of lua-resty-session 2.x or 3.x, taken apart (SPEC-session-v2-v3 §1); nothing of it is authenticated:
 *
 *   E(id) | expires [:usebefore] | E(ciphertext) | E(hash)        without a storage
 *   E(id) | expires [:usebefore] | E(hash)                        with one
 */
export interface LegacyCookie {
  readonly id: Buffer;
  /** The id as it stands in records' names: 2.x has dots at its end. */
  readonly idText: string;
  /** Seconds since the epoch: the session's end, and its end if it is not used before (3.x, with an idle time). */
  readonly expires: number;
  readonly usebefore: number | undefined;
  /** Empty with a storage. */
  readonly ciphertext: Buffer;
  readonly hash: Buffer;
}

const NOT_HERE = Buffer.alloc(0);

/** More cookies than a browser keeps of one site's are not read. */
const MOST_CHUNKS = 50;

/**
 * The value of a cookie with that of its continuations `<name>_2`, `<name>_3` ... and how many cookies there are: one whose
 * value is longer than `maxsize` says that there is another (SPEC-session-v2-v3 §5). Undefined when the visitor has none, or
 * one of today's, in which no delimiter stands.
 */
export function joinChunks(
  headers: string | readonly string[] | undefined,
  { lookup, options }: LegacySettings,
): { readonly value: string; readonly count: number } | SessionReason | undefined {
  const maxsize = options["cookie.maxsize"];
  let chunk = findCookie(headers, lookup);
  if (!chunk?.includes(options["cookie.delimiter"])) return undefined;
  let value = "";
  for (let count = 1; count <= MOST_CHUNKS; count++) {
    if (chunk.length <= maxsize) return { value: value + chunk, count };
    value += chunk.slice(0, maxsize);
    chunk = findCookie(headers, legacyChunkName(lookup, count + 1));
    if (chunk === undefined) return "missing_session_cookie_chunk";
  }
  return "cookie_size_limit_exceeded";
}

/** The name of one of the cookies, counted from 1. */
export const legacyChunkName = (name: string, number: number): string => (number === 1 ? name : `${name}_${number}`);

/** Take a cookie's value apart and look at its clocks, in the order of SPEC-session-v2-v3 §4. */
export function parseLegacyCookie(value: string, settings: LegacySettings, now: number): LegacyCookie | SessionReason {
  const { encoding, options } = settings;
  const parts = value.split(options["cookie.delimiter"]);
  const count = settings.records === undefined ? 4 : 3;
  if (parts.length !== count) return "invalid_session_header";
  const [idPart, times, third] = parts as [string, string, string];
  const colon = times.indexOf(":");
  const expires = seconds(colon < 0 ? times : times.slice(0, colon));
  if (expires === undefined) return "invalid_session_rolling_offset";
  const usebefore = colon < 0 ? undefined : seconds(times.slice(colon + 1));
  if (colon >= 0 && usebefore === undefined) return "invalid_session_idling_offset";
  const id = encoding.decode(idPart);
  const hash = encoding.decode(parts[count - 1]!);
  if (id === undefined || hash === undefined) return "unable_to_base64url_decode_session_header";
  // Id and expiry are signed as one text, so that digits could be pushed from one to the other: the id has its length.
  if (id.length !== options["random.length"]) return "invalid_session_id";
  const ciphertext = count === 4 ? encoding.decode(third) : NOT_HERE;
  if (ciphertext === undefined) return "unable_to_base64url_decode_session_data";
  if (expires <= now) return "session_rolling_timeout_exceeded";
  if (usebefore !== undefined && usebefore <= now) return "session_idling_timeout_exceeded";
  const dots = /\.{0,2}$/.exec(idPart)![0];
  return { id, idText: encoding.encode(id) + dots, expires, usebefore, ciphertext, hash };
}

/** Numbers of more digits would lose some in Lua, and none was ever written. */
function seconds(text: string): number | undefined {
  return /^\d{1,14}$/.test(text) ? Number(text) : undefined;
}

/** The names in a Cookie header that older releases take for theirs: the cookie's, and that with `_` and a number. */
export function legacyNamesIn(header: string, name: string): string[] {
  return header
    .split(";")
    .map((pair) => pair.split("=", 1)[0]!.trim())
    .filter((other) => other === name || (other.startsWith(`${name}_`) && /^\d+$/.test(other.slice(name.length + 1))));
}
