import { type Awaitable, attempt, chain } from "./awaitable.ts";
import { decodeBase64url } from "./base64url.ts";
import { chunkCount, chunkName } from "./chunks.ts";
import { findCookie } from "./cookies.ts";
import { DEFLATE, HEADER_CHARACTERS, type Header, readHeader, sidOf } from "./header.ts";
import type { SessionKeys } from "./keys.ts";
import { decodeEntries, type Entry } from "./payload.ts";
import type { SessionReason } from "./reasons.ts";
import { type InfoTable, readRecord, type SessionRecord, storageKey } from "./record.ts";
import { decrypt, isSigned } from "./seal.ts";
import type { CookieKind } from "./settings.ts";
import { boundTo, currentEntry, type Meta, type SessionState, setMeta } from "./state.ts";

/** Open one cookie into the state. Undefined when it is open. */
export function openCookie(state: SessionState, kind: CookieKind, now: number): Awaitable<SessionReason | undefined> {
  return chain(authenticate(state, kind, now), (meta) => {
    if (typeof meta === "string") return meta;
    const ciphertext = decodeBase64url(meta.payload);
    if (ciphertext === undefined) return "unable_to_base64url_decode_session_data";
    // Strictly compatible, a payload that fails from here on leaves its header behind (Q6).
    if (state.settings.strict) setMeta(state, kind, meta);
    return chain(meta.keys.seal(sidOf(meta.header), kind.safety), (key) => {
      const plaintext = decrypt(ciphertext, meta.header, key);
      if (plaintext === undefined) return "unable_to_decrypt_session_data";
      const entries = decodeEntries(plaintext, (meta.header.flags & DEFLATE) !== 0);
      if (typeof entries === "string") return entries;
      setMeta(state, kind, meta);
      return adopt(state, entries, meta.info);
    });
  });
}

/** Take over the entries of a cookie; an audience that is not among them is appended as configured. */
function adopt(state: SessionState, entries: Entry[], info: InfoTable | undefined): SessionReason | undefined {
  const current = currentEntry(state);
  const { audience } = state.settings.options;
  const index = entries.findIndex((entry) => entry.audience === audience);
  state.entries = entries;
  state.info = info;
  if (index >= 0) {
    state.index = index;
    return undefined;
  }
  state.index = entries.push(current) - 1;
  return "missing_session_audience";
}

/**
 * Look for the remember cookie, once, if it was not read yet: its header keeps the creation time across saves and names what
 * a logout removes. Its payload stays closed.
 */
export function findRemembered(state: SessionState, now: number): Awaitable<void> {
  if (state.remembered !== undefined) return;
  return chain(authenticate(state, state.settings.remember, now), (meta) => {
    state.remembered = typeof meta === "string" || decodeBase64url(meta.payload) === undefined ? "none" : meta;
  });
}

/** Steps 1 to 13: an authenticated header and the text of its payload. */
function authenticate(state: SessionState, kind: CookieKind, now: number): Awaitable<Meta | SessionReason> {
  const value = findCookie(state.visit.cookie, kind.lookup);
  if (value === undefined) return "missing_session_cookie";
  const header = readHeader(value, kind, now);
  if (typeof header === "string") return header;
  const keys = signer(state, header);
  if (keys === undefined) return "invalid_session_message_authentication_code";
  if (!kind.storage) {
    const payload = payloadOfCookies(state, kind, value, header.data_size);
    return typeof payload === "string" ? payload : { header, keys, ...payload, timestamp: now };
  }
  return chain(loadRecord(state, kind, header, now), (payload) => {
    if (typeof payload === "string") return payload;
    if (payload.payload.length !== header.data_size) return "invalid_session_payload";
    return { header, keys, ...payload, timestamp: now };
  });
}

/** The first of the configured keys that made the header's MAC. */
function signer(state: SessionState, header: Header): SessionKeys | undefined {
  const suffix = boundTo(state, header.flags);
  for (const keys of state.settings.allKeys) if (isSigned(header, keys, suffix)) return keys;
  return undefined;
}

/** Collect the payload from the cookies of a visit (SPEC-session-v4 §7.1). */
function payloadOfCookies(
  state: SessionState,
  kind: CookieKind,
  value: string,
  size: number,
): SessionRecord | SessionReason {
  const count = chunkCount(kind.name, size);
  if (count === undefined) return "cookie_size_limit_exceeded";
  if (count === 1) {
    if (size === 0 || value.length < size) return "invalid_session_payload";
    return { payload: value.slice(-size), info: undefined };
  }
  let payload = value.slice(HEADER_CHARACTERS);
  for (let number = 2; number <= count; number++) {
    const chunk = findCookie(state.visit.cookie, chunkName(kind.lookup, number));
    if (chunk === undefined) return "missing_session_cookie_chunk";
    payload += chunk;
  }
  return payload.length === size ? { payload, info: undefined } : "invalid_session_payload";
}

/** Load the payload from the storage, and the session's info with it. */
function loadRecord(
  state: SessionState,
  kind: CookieKind,
  header: Header,
  now: number,
): Awaitable<SessionRecord | SessionReason> {
  const { storage, strict, options } = state.settings;
  const loaded = attempt(
    () => storage!.get(kind.name, storageKey(options, sidOf(header)), now),
    (cause) => ({ cause }),
  );
  return chain(loaded, (record) => {
    if (typeof record === "string") return readRecord(record);
    if (!record) return "unable_to_load_session";
    state.cause = record.cause;
    return strict ? "unable_to_load_session" : "storage_unavailable";
  });
}
