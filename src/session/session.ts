import { type Awaitable, chain } from "./awaitable.ts";
import { chunkName } from "./chunks.ts";
import { withoutCookies } from "./cookies.ts";
import { destroySession, logoutSession } from "./end.ts";
import { SessionError } from "./errors.ts";
import { type HeaderFields, headerFields, sidOf } from "./header.ts";
import { getInfo, saveInfo, setInfo } from "./info.ts";
import { legacyNamesIn } from "./legacy/cookie.ts";
import type { Entry, JsonValue } from "./payload.ts";
import { headersOf, type PropertyValue, propertyOf } from "./properties.ts";
import type { SessionReason } from "./reasons.ts";
import { saveCookie, saveSession, writtenCookies } from "./save.ts";
import type { SetCookie } from "./set-cookie.ts";
import { currentEntry, isRemembering, type SessionState } from "./state.ts";
import { lastQuietSecond, refreshNeed, type TimeLeft, timeLeft } from "./timeouts.ts";
import { touchSession } from "./touch.ts";
import { isTable, readValue, writeValue } from "./values.ts";

/** What a refresh did, and the cookies that have to leave for it. */
export interface Refreshed {
  readonly action: "nothing" | "touched" | "saved";
  readonly cookies: readonly SetCookie[];
}

/** Values that change often, kept beside the data (SPEC-session-v4 §12). With a storage, saving them writes no cookie. */
export interface SessionInfo {
  get(key: string): JsonValue | undefined;
  set(key: string, value: JsonValue | undefined): void;
  save(now: number): Awaitable<readonly SetCookie[]>;
}

const NOTHING: Refreshed = { action: "nothing", cookies: [] };

/**
 * One visitor's session while one request lasts:
 *
 *   new --save--> open --logout, destroy, close--> closed        (opening gives an open one, or a new one and its reason)
 *
 * Operations that write give the cookies to send; merge them with `mergeSetCookies`. They throw `SessionError` (or reject
 * with it, where a storage is waited for). On a closed session everything throws `ERR_SESSION_CLOSED`; what needs an open one
 * throws `ERR_SESSION_NOT_OPEN` on a new one. `now` is always whole seconds since the epoch.
 */
export class Session {
  readonly #state: SessionState;

  constructor(state: SessionState) {
    this.#state = state;
  }

  /** Why the session is new although a cookie was looked for; undefined when it was opened, or created. */
  get reason(): SessionReason | undefined {
    return this.#state.reason;
  }

  /** The error behind the reason, or of a remember cookie that could not be saved: for logs only. */
  get cause(): unknown {
    return this.#state.cause;
  }

  get state(): "new" | "open" | "closed" {
    return this.#state.phase;
  }

  get isOpen(): boolean {
    return this.#state.phase === "open";
  }

  /**
   * Whether it was opened by a cookie of lua-resty-session 2.x or 3.x and was not saved since: the next save, touch or refresh
   * issues a cookie of today's. Until then it has no id and no clocks.
   */
  get isLegacy(): boolean {
    return this.#state.legacy !== undefined;
  }

  /** Whether an earlier secret opened it: the next save puts it under the one of now, a touch does not. */
  get isFallback(): boolean {
    const { session, settings } = this.#state;
    return session !== undefined && session.keys !== settings.keys;
  }

  /** Cookies that opening itself has written (a remember cookie was renewed): they have to leave with the response. */
  get cookies(): readonly SetCookie[] {
    return this.#state.cookies;
  }

  /** All audiences of the session in order of creation, this one's included. */
  get entries(): readonly Readonly<Entry>[] {
    return this.#state.entries;
  }

  /** This audience's data: an object, or a list. */
  get data(): JsonValue {
    return currentEntry(this.#usable("set session data on")).data;
  }

  set data(data: JsonValue) {
    const state = this.#usable("set session data on");
    if (!isTable(data)) throw new SessionError("ERR_SESSION_DATA", "invalid session data");
    currentEntry(state).data = data;
  }

  /** One value of the data; undefined when there is none. */
  get(key: string): JsonValue | undefined {
    const state = this.#usable("get session data value on");
    return readValue(currentEntry(state).data, dataKey(state, key));
  }

  /** Set one value of the data, or remove it (undefined). Throws `ERR_SESSION_DATA` when the data is a list. */
  set(key: string, value: JsonValue | undefined): void {
    const state = this.#usable("set session data value on");
    writeValue(currentEntry(state).data, dataKey(state, key), value);
  }

  get audience(): string {
    return currentEntry(this.#usable("get audience on")).audience;
  }

  /** Renames this part of the session; another part of that audience is replaced by it. */
  set audience(audience: string) {
    const state = this.#usable("set audience on");
    const current = currentEntry(state);
    const former = current.audience;
    if (former === audience) return;
    state.entries = state.entries.filter((entry) => entry === current || entry.audience !== audience);
    state.index = state.entries.indexOf(current);
    current.audience = audience;
    if (!state.info) return;
    const info = new Map(state.info);
    const values = info.get(former);
    info.delete(former);
    info.delete(audience);
    if (values) info.set(audience, values);
    state.info = info.size > 0 ? info : undefined;
  }

  get subject(): string | undefined {
    return currentEntry(this.#usable("get subject on")).subject;
  }

  set subject(subject: string | undefined) {
    currentEntry(this.#usable("set subject on")).subject = subject;
  }

  /** Whether saves write the remember cookie. Once a cookie says "forget", setting this to true has no effect any more. */
  get remember(): boolean {
    return isRemembering(this.#usable("get remember on"));
  }

  set remember(remember: boolean) {
    const state = this.#usable("set remember on");
    state.forget = !remember;
    state.remember = remember;
  }

  /** The session's id as base64url text; undefined before the first save. It is new at every save. */
  get id(): string | undefined {
    const { session } = this.#usable("get session property on");
    return session && sidOf(session.header).toString("base64url");
  }

  /** The fields of the cookie's header; undefined before the first save. */
  get header(): HeaderFields | undefined {
    const { session } = this.#usable("get session property on");
    return session && headerFields(session.header);
  }

  /** When it was first saved, in seconds since the epoch; undefined before that. */
  get createdAt(): number | undefined {
    return this.#usable("get session property on").session?.header.created_at;
  }

  /** Seconds left of the three clocks, seen at the time of open or the last save; undefined before the first save. */
  get timeouts(): TimeLeft | undefined {
    const { settings, session } = this.#usable("get session property on");
    return session && timeLeft(settings.session, session.header, session.timestamp);
  }

  /**
   * The last second (since the epoch) in which this session is valid as it is and a refresh would do nothing: until then the
   * same cookies mean the same again, as far as the clocks go. Undefined before the first save.
   */
  get quietUntil(): number | undefined {
    const { settings, session } = this.#usable("get session property on");
    return session && lastQuietSecond(settings.session, session.header, settings.options.touch_threshold);
  }

  /**
   * A property by lua-resty-session's name, with dashes or underscores: `id`, `nonce`, `audience`, `subject`, `timeout`,
   * `idling-timeout`, `rolling-timeout`, `absolute-timeout`, or a field of the header (`creation-time`, `rolling-offset`,
   * `idling-offset`, `data-size`, `flags`, `timestamp`). Undefined for what is absent, off or unknown.
   */
  property(name: string): PropertyValue | undefined {
    return propertyOf(this.#usable("get session property on"), name);
  }

  /** The info store of this audience. */
  get info(): SessionInfo {
    return {
      get: (key) => getInfo(this.#usable("get session info on"), key),
      set: (key, value) => setInfo(this.#usable("set session info on"), key, value),
      save: (now) => saveInfo(this.#opened("save session info on"), seconds(now)),
    };
  }

  /** Write the session under a new id; also the remember cookie when it is remembered. */
  save(now: number): Awaitable<readonly SetCookie[]> {
    return saveSession(this.#usable("save"), seconds(now));
  }

  /** Write down that the session was used. */
  touch(now: number): Awaitable<readonly SetCookie[]> {
    const state = this.#opened("touch");
    return state.legacy ? saveSession(state, seconds(now)) : touchSession(state, seconds(now));
  }

  /** Save, touch or do nothing, whichever the clocks ask for (SPEC-session-v4 §10.5). */
  refresh(now: number): Awaitable<Refreshed> {
    const state = this.#opened("refresh");
    const { settings, session } = state;
    if (state.legacy) return chain(saveSession(state, seconds(now)), (cookies) => ({ action: "saved", cookies }));
    const { created_at, rolling_offset, idling_offset } = session!.header;
    const elapsed = seconds(now) - created_at - rolling_offset;
    switch (refreshNeed(settings.session, elapsed, idling_offset, settings.options.touch_threshold)) {
      case "nothing":
        return NOTHING;
      case "touch":
        return { action: "touched", cookies: touchSession(state, seconds(now)) };
      case "save":
        return chain(saveCookie(state, settings.session, seconds(now)), (cookies) => ({ action: "saved", cookies }));
    }
  }

  /** End this audience's part of the session. */
  logout(now: number): Awaitable<readonly SetCookie[]> {
    return logoutSession(this.#opened("logout"), seconds(now));
  }

  /** End the session with all its audiences. */
  destroy(now: number): Awaitable<readonly SetCookie[]> {
    return destroySession(this.#opened("destroy"), seconds(now));
  }

  /** Give the session up without writing anything. */
  close(): void {
    this.#state.phase = "closed";
  }

  /**
   * The session headers for one side as configured, or those named, as HTTP names and values. A property that is absent has
   * none; names that are not in the table of SPEC-session-v4 §11 are ignored. Times left are seen at `now`: absent, when the
   * session was opened or last saved.
   */
  headers(names: "request" | "response" | readonly string[], now?: number): Record<string, string> {
    const state = this.#opened(`set ${typeof names === "string" ? names : "request/response"} headers on`);
    if (names === "request") return headersOf(state, state.settings.requestHeaders, now);
    return headersOf(state, names === "response" ? state.settings.responseHeaders : names, now);
  }

  /** A Cookie header's value without the cookies of this session. Undefined when nothing is left of it. */
  clearRequestCookie(cookie: string): string | undefined {
    const state = this.#opened("clear session request cookie on");
    const { session, remember, legacy } = state.settings;
    const names = new Set<string>(legacy && legacyNamesIn(cookie, legacy.name));
    const count = writtenCookies(session, state.session);
    for (let number = 1; number <= count; number++) names.add(chunkName(session.name, number));
    if (isRemembering(state)) {
      const meta = state.remembered === "none" ? undefined : state.remembered;
      for (let number = 1; number <= Math.max(1, writtenCookies(remember, meta)); number++) {
        names.add(chunkName(remember.name, number));
      }
    }
    return withoutCookies(cookie, names);
  }

  /** The state, if it is not closed. */
  #usable(verb: string): SessionState {
    if (this.#state.phase !== "closed") return this.#state;
    throw new SessionError("ERR_SESSION_CLOSED", `unable to ${verb} closed session`);
  }

  /** The state, if it is open. */
  #opened(verb: string): SessionState {
    if (this.#usable(verb).phase === "open") return this.#state;
    throw new SessionError("ERR_SESSION_NOT_OPEN", `unable to ${verb} nonexistent session`);
  }
}

/** A key of the data as it is stored: without a storage `@` is the mark of info values, so it is escaped. */
function dataKey({ settings }: SessionState, key: string): string {
  return !settings.storage && key.startsWith("@") ? `$${key}` : key;
}

/** The clock handed in, in whole seconds. Throws `ERR_SESSION_TIME`. */
export function seconds(now: number): number {
  if (Number.isFinite(now) && now >= 0) return Math.floor(now);
  throw new SessionError("ERR_SESSION_TIME", "now must be seconds since the epoch");
}
