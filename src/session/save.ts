import { type Awaitable, attempt, chain } from "./awaitable.ts";
import { chunkCount, chunkName, splitPayload } from "./chunks.ts";
import { SessionError } from "./errors.ts";
import { createHeader, DEFLATE, FORGET, MAX_CREATED_AT, MAX_DATA_SIZE, STORAGE, sidOf } from "./header.ts";
import { leaveLegacy, replacedLegacyKey } from "./legacy/leave.ts";
import { compress, type Entry, encodeEntries } from "./payload.ts";
import { findRemembered } from "./read.ts";
import { indexesOf, recordText, storageKey } from "./record.ts";
import { encrypt, sign } from "./seal.ts";
import { EXPIRED, keptFor, type SetCookie } from "./set-cookie.ts";
import type { CookieKind, Settings } from "./settings.ts";
import { boundTo, currentEntry, isRemembering, type Meta, metaOf, type SessionState, setMeta } from "./state.ts";
import { LONGEST_AGE, recordTtl, rollingLife } from "./timeouts.ts";

/** Save the session and, when it is remembered, the remember cookie (SPEC-session-v4 §10.3). Throws `SessionError`. */
export function saveSession(state: SessionState, now: number): Awaitable<readonly SetCookie[]> {
  return chain(saveCookie(state, state.settings.session, now), (cookies) => {
    state.phase = "open";
    if (!isRemembering(state)) return cookies;
    // A remember cookie that cannot be saved does not undo the session.
    const remembered = attempt(
      () => saveRemembered(state, now),
      (error): readonly SetCookie[] => {
        state.cause = error;
        return [];
      },
    );
    return chain(remembered, (more) => [...cookies, ...more]);
  });
}

/** Save the remember cookie alone; one the visitor has keeps its creation time. */
export function saveRemembered(state: SessionState, now: number): Awaitable<readonly SetCookie[]> {
  return chain(findRemembered(state, now), () => saveCookie(state, state.settings.remember, now));
}

/** Write one of the two cookies under a new session id. Nothing of the state changes when it fails. */
export function saveCookie(state: SessionState, kind: CookieKind, now: number): Awaitable<readonly SetCookie[]> {
  const { settings } = state;
  const { options } = settings;
  const old = metaOf(state, kind);
  const created_at = old?.header.created_at ?? now;
  const rolling_offset = Math.max(now - created_at, 0);
  if (rolling_offset > LONGEST_AGE)
    throw new SessionError("ERR_SESSION_TIME", "session maximum rolling offset exceeded");
  if (created_at > MAX_CREATED_AT) throw new SessionError("ERR_SESSION_TIME", "session maximum creation time exceeded");

  const current = currentEntry(state);
  const entries = options.enforce_same_subject
    ? state.entries.filter(({ subject }) => subject === current.subject)
    : state.entries;
  const { content, size, deflated } = compress(encodeEntries(entries), options.compression_threshold);
  const data_size = Math.ceil((size * 4) / 3);
  const count = cookieCount(settings, kind, data_size);

  const forget = (state.forget && !settings.release40) || ((old?.header.flags ?? 0) & FORGET) !== 0;
  const flags = settings.bindFlags | (forget ? FORGET : 0) | (kind.storage ? STORAGE : 0) | (deflated ? DEFLATE : 0);
  const sid = newId(settings);
  const header = createHeader({ flags, sid, created_at, rolling_offset, data_size });

  return chain(settings.keys.seal(sid, kind.safety), (key) => {
    const payload = encrypt(content, header, key).toString("base64url");
    sign(header, settings.keys, boundTo(state, flags));
    const meta: Meta = {
      header,
      keys: settings.keys,
      payload,
      info: kind.storage ? state.info : undefined,
      timestamp: now,
    };
    const legacy = kind.remember ? undefined : state.legacy;
    const replaced = (legacy && replacedLegacyKey(state)) ?? (old && storageKey(options, sidOf(old.header)));
    return chain(store(settings, kind, meta, replaced, entries), () => {
      state.entries = entries;
      state.index = entries.indexOf(current);
      setMeta(state, kind, meta);
      const cookies = cookiesOf(settings, kind, meta, count, old);
      if (legacy === undefined) return cookies;
      return chain(leaveLegacy(state, now), (names) => [
        ...cookies,
        ...names
          .filter((name) => cookies.every((cookie) => cookie.name !== name))
          .map((name) => expiredCookie(settings, name)),
      ]);
    });
  });
}

/** The number of cookies for a payload of this size: one, when a storage keeps it. */
function cookieCount(settings: Settings, kind: CookieKind, dataSize: number): number {
  if (kind.storage) {
    if (dataSize <= MAX_DATA_SIZE) return 1;
    throw new SessionError("ERR_SESSION_DATA_SIZE", "session maximum data size exceeded");
  }
  const count = chunkCount(kind.name, dataSize, settings.maxCookieSize);
  if (count === undefined) throw new SessionError("ERR_SESSION_COOKIE_SIZE", "cookie size limit exceeded");
  return count;
}

function newId({ randomBytes }: Settings): Uint8Array {
  try {
    return randomBytes(32);
  } catch (cause) {
    throw new SessionError("ERR_SESSION_RANDOM", "unable to generate session id", { cause });
  }
}

/** Write the record, before any cookie leaves. */
function store(
  settings: Settings,
  kind: CookieKind,
  meta: Meta,
  replaced: string | undefined,
  entries: readonly Entry[],
): Awaitable<void> {
  const { storage, options, absoluteRule, release40 } = settings;
  if (storage === undefined) return;
  const { header, timestamp: now } = meta;
  // Release 4.0 removes a remember record when it is renewed.
  const removes = release40 && kind.remember && replaced !== undefined;
  const metadata = indexesOf(options, entries);
  const write = {
    now,
    ttl: recordTtl(kind, now - header.created_at, absoluteRule),
    replaces: removes ? undefined : replaced,
    stale_ttl: options.stale_ttl,
    metadata,
  };
  return attempt(
    () =>
      chain(storage.set(kind.name, storageKey(options, sidOf(header)), recordText(meta), write), () => {
        if (removes) return storage.delete(kind.name, replaced, now, metadata);
      }),
    (cause) => {
      if (cause instanceof SessionError) throw cause;
      throw new SessionError("ERR_SESSION_STORAGE", "unable to store session data", { cause });
    },
  );
}

/** The cookies of what was saved, and the end of those an earlier, longer payload had. */
function cookiesOf(
  settings: Settings,
  kind: CookieKind,
  { header, payload }: Meta,
  count: number,
  old: Meta | undefined,
): readonly SetCookie[] {
  const { attributes } = settings;
  const life = kind.remember ? keptFor(header.created_at, rollingLife(kind)) : "";
  const text = header.bytes.toString("base64url");
  if (kind.storage) return [{ name: kind.name, text: `${kind.name}=${text}${attributes}${life}` }];
  const cookies = splitPayload(kind.name, payload, count).map((part, index) => {
    const name = chunkName(kind.name, index + 1);
    return { name, text: `${name}=${index === 0 ? text : ""}${part}${attributes}${life}` };
  });
  for (let number = count + 1; number <= writtenCookies(kind, old); number++) {
    cookies.push(expiredCookie(settings, chunkName(kind.name, number)));
  }
  return cookies;
}

/** How many cookies an opened or written session has; 0 when there is none. */
export function writtenCookies(kind: CookieKind, meta: Meta | undefined): number {
  if (meta === undefined) return 0;
  return kind.storage ? 1 : (chunkCount(kind.name, meta.header.data_size) ?? 1);
}

/** The cookie that makes a browser drop the one of this name. */
export function expiredCookie({ attributes }: Settings, name: string): SetCookie {
  return { name, text: `${name}=${attributes}${EXPIRED}` };
}
