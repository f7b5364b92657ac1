import { type Awaitable, attempt, chain } from "./awaitable.ts";
import { SessionError } from "./errors.ts";
import { openLegacy } from "./legacy/open.ts";
import { openCookie } from "./read.ts";
import type { SessionReason } from "./reasons.ts";
import { saveCookie } from "./save.ts";
import { newEntry, type SessionState } from "./state.ts";

/**
 * Open the session of a visit (SPEC-session-v4 §10.2): by its session cookie, be it of today's or an older release's, else
 * by its remember cookie if the options say so. Whatever the visitor sent, it ends with an open session or with a reason;
 * nothing is thrown.
 */
export function openSession(state: SessionState, now: number): Awaitable<void> {
  const { session, legacy } = state.settings;
  return chain(openCookie(state, session, now), (reason) => {
    if (reason === undefined || legacy === undefined) return opened(state, reason, now);
    return chain(openLegacy(state, legacy, reason, now), (left) => {
      // Today's cookie is another application's, which a remember cookie must not push out.
      return opened(state, left && reason === "missing_session_audience" ? reason : left, now);
    });
  });
}

function opened(state: SessionState, reason: SessionReason | undefined, now: number): Awaitable<void> {
  if (reason === undefined) {
    state.phase = "open";
    return;
  }
  state.reason = reason;
  if (reason !== "missing_session_audience" && state.settings.options.remember) return openRemembered(state, now);
}

/** A remember cookie that opens is renewed, and gives a session that starts now; else the first reason stays. */
function openRemembered(state: SessionState, now: number): Awaitable<void> {
  return chain(openCookie(state, state.settings.remember, now), (reason) => {
    if (reason !== undefined) {
      // A storage that is out of order says nothing about the visitor, whatever became of the session cookie.
      if (reason === "storage_unavailable") state.reason = reason;
      return;
    }
    return attempt(
      () => renewRemembered(state, now),
      (error) => {
        state.entries = [newEntry(state.settings)];
        state.index = 0;
        state.reason = renewalFailure(error, state.settings.strict);
        state.cause = error;
      },
    );
  });
}

function renewRemembered(state: SessionState, now: number): Awaitable<void> {
  const { settings } = state;
  return chain(saveCookie(state, settings.remember, now), (remember) => {
    state.cookies = remember;
    state.session = undefined;
    return chain(saveCookie(state, settings.session, now), (session) => {
      state.phase = "open";
      state.reason = undefined;
      state.cause = undefined;
      state.cookies = [...remember, ...session];
    });
  });
}

function renewalFailure(error: unknown, strict: boolean): SessionReason {
  const code = error instanceof SessionError ? error.code : undefined;
  if (code === "ERR_SESSION_COOKIE_SIZE") return "cookie_size_limit_exceeded";
  return code === "ERR_SESSION_STORAGE" && !strict ? "storage_unavailable" : "unable_to_store_session_data";
}
