import { constants, gunzipSync } from "node:zlib";
import { type Awaitable, attempt, chain } from "../awaitable.ts";
import { fromJson, type JsonValue, LARGEST_PAYLOAD } from "../payload.ts";
import type { SessionReason } from "../reasons.ts";
import { currentEntry, type LegacyMeta, type SessionState } from "../state.ts";
import { isTable } from "../values.ts";
import { joinChunks, type LegacyCookie, legacyChunkName, parseLegacyCookie } from "./cookie.ts";
import { unsealLegacy } from "./seal.ts";
import type { LegacyRecords, LegacySettings } from "./settings.ts";

/**
 * Open the session of a visit by its cookie of lua-resty-session 2.x or 3.x (SPEC-session-v2-v3 §4), after it did not open
 * by one of today's for `reason`, which stays when the visitor has no older one. Undefined when the session is open: then the
 * whole of the older data is that of the configured audience, and the next save, touch or refresh issues a cookie of today's.
 */
export function openLegacy(
  state: SessionState,
  settings: LegacySettings,
  reason: SessionReason,
  now: number,
): Awaitable<SessionReason | undefined> {
  const joined = joinChunks(state.visit.cookie, settings);
  if (joined === undefined) return reason;
  if (typeof joined === "string") return joined;
  const cookie = parseLegacyCookie(joined.value, settings, now);
  if (typeof cookie === "string") return cookie;
  const names = Array.from({ length: joined.count }, (_, at) => legacyChunkName(settings.name, at + 1));
  const { records } = settings;
  if (records === undefined) return adopt(state, settings, cookie, cookie.ciphertext, { names, key: undefined });
  return chain(loadRecord(state, records, cookie, now), (text) => {
    if (typeof text !== "string") return text.reason;
    const ciphertext = records.encoding ? records.encoding.decode(text) : Buffer.from(text, "latin1");
    if (ciphertext === undefined) return "unable_to_base64url_decode_session_data";
    return adopt(state, settings, cookie, ciphertext, { names, key: cookie.idText });
  });
}

function adopt(
  state: SessionState,
  settings: LegacySettings,
  cookie: LegacyCookie,
  ciphertext: Buffer,
  meta: LegacyMeta,
): SessionReason | undefined {
  const plaintext = unsealLegacy(cookie, ciphertext, settings, state.visit);
  if (plaintext === undefined) return "invalid_session_message_authentication_code";
  const data = settings.options.compressor === "zlib" ? inflate(plaintext) : plaintext;
  if (data === undefined) return "unable_to_inflate_session_data";
  const value = fromJson(data.toString());
  if (value === undefined) return "unable_to_json_decode_session_data";
  currentEntry(state).data = isTable(value) ? (value as JsonValue) : {};
  state.legacy = meta;
  return undefined;
}

function loadRecord(
  state: SessionState,
  { storage, name }: LegacyRecords,
  { idText }: LegacyCookie,
  now: number,
): Awaitable<string | { readonly reason: SessionReason }> {
  return attempt(
    () => chain(storage.get(name, idText, now), (text) => text ?? { reason: "unable_to_load_session" as const }),
    (cause) => {
      state.cause = cause;
      return { reason: state.settings.strict ? "unable_to_load_session" : ("storage_unavailable" as const) };
    },
  );
}

function inflate(bytes: Buffer): Buffer | undefined {
  try {
    return gunzipSync(bytes, { maxOutputLength: LARGEST_PAYLOAD, finishFlush: constants.Z_FINISH });
  } catch {
    return undefined;
  }
}
