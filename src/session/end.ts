import { type Awaitable, attempt, chain } from "./awaitable.ts";
import { chunkName } from "./chunks.ts";
import { SessionError } from "./errors.ts";
import { sidOf } from "./header.ts";
import { removeLegacyRecord } from "./legacy/leave.ts";
import { findRemembered } from "./read.ts";
import { indexesOf, storageKey } from "./record.ts";
import { expiredCookie, saveCookie, saveRemembered, writtenCookies } from "./save.ts";
import type { SetCookie } from "./set-cookie.ts";
import type { CookieKind } from "./settings.ts";
import { currentEntry, isRemembering, metaOf, type SessionState } from "./state.ts";

/**
 * End this audience's part of the session (SPEC-session-v4 §10.6): the last one destroys it, others live on under a new
 * session id.
 */
export function logoutSession(state: SessionState, now: number): Awaitable<readonly SetCookie[]> {
  if (state.entries.length === 1) return destroySession(state, now);
  const { entries, index, info } = state;
  const leaving = currentEntry(state);
  state.entries = entries.filter((entry) => entry !== leaving);
  state.index = 0;
  if (info?.has(leaving.audience)) {
    const left = [...info].filter(([audience]) => audience !== leaving.audience);
    state.info = left.length > 0 ? new Map(left) : undefined;
  }
  return attempt(
    () => saveLeft(state, now),
    (error) => {
      Object.assign(state, { entries, index, info });
      throw error;
    },
  );
}

/** Save what a logout left. Here a remember cookie that cannot be saved is a failure: it would still open. */
function saveLeft(state: SessionState, now: number): Awaitable<readonly SetCookie[]> {
  return chain(saveCookie(state, state.settings.session, now), (cookies) =>
    chain(isRemembering(state) ? saveRemembered(state, now) : [], (more) => {
      state.phase = "closed";
      return [...cookies, ...more];
    }),
  );
}

/** End the session with all its audiences, and its remembrance. Throws `ERR_SESSION_STORAGE` when a record stays. */
export function destroySession(state: SessionState, now: number): Awaitable<readonly SetCookie[]> {
  const { session, remember } = state.settings;
  const remembering = isRemembering(state);
  return chain(destroyCookie(state, session, now), (cookies) => {
    if (!remembering) {
      state.phase = "closed";
      return cookies;
    }
    return chain(findRemembered(state, now), () =>
      chain(destroyCookie(state, remember, now), (more) => {
        state.phase = "closed";
        return [...cookies, ...more];
      }),
    );
  });
}

function destroyCookie(state: SessionState, kind: CookieKind, now: number): Awaitable<readonly SetCookie[]> {
  const meta = metaOf(state, kind);
  const legacy = kind.remember ? undefined : state.legacy;
  const names = new Set<string>();
  for (let number = 1; number <= writtenCookies(kind, meta); number++) names.add(chunkName(kind.name, number));
  for (const name of legacy?.names ?? []) names.add(name);
  const removed = legacy && removeLegacyRecord(state, now);
  return chain(removed, () =>
    chain(meta && removeRecord(state, kind, sidOf(meta.header), now), () =>
      Array.from(names, (name) => expiredCookie(state.settings, name)),
    ),
  );
}

function removeRecord(state: SessionState, kind: CookieKind, sid: Buffer, now: number): Awaitable<void> {
  const { storage, options } = state.settings;
  if (storage === undefined) return;
  return attempt(
    () => storage.delete(kind.name, storageKey(options, sid), now, indexesOf(options, state.entries)),
    (cause) => {
      throw new SessionError("ERR_SESSION_STORAGE", "unable to destroy session", { cause });
    },
  );
}
