import { type Awaitable, chain } from "./awaitable.ts";
import type { Visit } from "./bind.ts";
import { findCookie } from "./cookies.ts";
import { type HeaderFields, inspectHeader } from "./header.ts";
import { openSession } from "./open.ts";
import type { SessionOptions } from "./options.ts";
import type { SessionReason } from "./reasons.ts";
import { indexOf } from "./record.ts";
import { Session, seconds } from "./session.ts";
import { compile, type SessionParts, type Settings } from "./settings.ts";
import { newState } from "./state.ts";
import type { SessionIndex } from "./storage.ts";

/** Sessions under one configuration. Made once, used for every request. */
export interface Sessions {
  /** Names of the cookies, with their prefix. */
  readonly cookieName: string;
  readonly rememberCookieName: string;
  /**
   * Open the session of a visit. Whatever the visitor sent, the answer is a session: an open one, or a new one with the
   * reason. Without a storage (or with one that answers at once) it is no promise. `now` is in seconds since the epoch.
   */
  open(visit: Visit, now: number): Awaitable<Session>;
  /** Start a session without looking at the visitor's session cookie. Nothing is written before `save`. */
  create(visit: Visit): Session;
  /** Show the header of a visit's session cookie without using any key: nothing of it is authenticated. */
  inspect(visit: Visit): { header: HeaderFields } | { reason: SessionReason };
  /** The index a storage keeps of these sessions, for `SessionStorage.list` (with `store_metadata`). */
  indexOf(audience: string, subject: string): SessionIndex;
}

/**
 * The session engine: Cookie text in, Set-Cookie text out, compatible with lua-resty-session 4. It has no clock and no
 * globals. Throws `ERR_SESSION_OPTION` for options it does not accept.
 */
export function createSessions(options: SessionOptions, parts: SessionParts = {}): Sessions {
  const settings = compile(options, parts);
  return {
    cookieName: settings.session.name,
    rememberCookieName: settings.remember.name,
    open: (visit, now) => open(settings, visit, seconds(now)),
    create: (visit) => new Session(newState(settings, visit)),
    inspect(visit) {
      const value = findCookie(visit.cookie, settings.session.lookup);
      return value === undefined ? { reason: "missing_session_cookie" } : inspectHeader(value);
    },
    indexOf: (audience, subject) => indexOf(settings.options, audience, subject),
  };
}

function open(settings: Settings, visit: Visit, now: number): Awaitable<Session> {
  const state = newState(settings, visit);
  return chain(openSession(state, now), () => new Session(state));
}
