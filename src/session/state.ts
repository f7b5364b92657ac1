import { bindSuffix, type Visit } from "./bind.ts";
import { FORGET, type Header } from "./header.ts";
import type { SessionKeys } from "./keys.ts";
import type { Entry } from "./payload.ts";
import type { SessionReason } from "./reasons.ts";
import type { InfoTable, SessionRecord } from "./record.ts";
import type { SetCookie } from "./set-cookie.ts";
import type { CookieKind, Settings } from "./settings.ts";

/** What is known of one cookie that was opened or written. */
export interface Meta extends SessionRecord {
  readonly header: Header;
  /** The keys its MAC was made with: a fallback's, when it was opened by one. */
  readonly keys: SessionKeys;
  /** The clock at open or save. */
  readonly timestamp: number;
}

/** What is known of an older session, opened by a cookie of lua-resty-session 2.x or 3.x. */
export interface LegacyMeta {
  /** The cookies it came in. */
  readonly names: readonly string[];
  /** The key of its record; undefined when the cookies had the data. */
  readonly key: string | undefined;
}

/** One session while a request lasts: what the operations read and change. */
export interface SessionState {
  readonly settings: Settings;
  readonly visit: Visit;
  phase: "new" | "open" | "closed";
  reason: SessionReason | undefined;
  /** The error behind a reason or a failed remember cookie, for logs. */
  cause: unknown;
  entries: Entry[];
  /** Where in `entries` the entry of this session's audience is. */
  index: number;
  info: InfoTable | undefined;
  /** Whether saves write the remember cookie, as far as this session has a say. */
  remember: boolean;
  /** Whether it was told not to be remembered, and its next cookie shall say so. Never together with `remember`. */
  forget: boolean;
  session: Meta | undefined;
  /** Undefined until the remember cookie was looked for. `none`: there is no usable one. */
  remembered: Meta | "none" | undefined;
  /** The older session this one was opened by, until it is saved. */
  legacy: LegacyMeta | undefined;
  /** Cookies that opening has written. */
  cookies: readonly SetCookie[];
}

const NO_COOKIES: readonly SetCookie[] = [];

/** The state of a session of which nothing was read yet. */
export function newState(settings: Settings, visit: Visit): SessionState {
  return {
    settings,
    visit,
    phase: "new",
    reason: undefined,
    cause: undefined,
    entries: [newEntry(settings)],
    index: 0,
    info: undefined,
    remember: settings.options.remember,
    forget: false,
    session: undefined,
    remembered: undefined,
    legacy: undefined,
    cookies: NO_COOKIES,
  };
}

/** The entry a configuration starts with. */
export function newEntry({ options }: Settings): Entry {
  return { data: {}, audience: options.audience, subject: options.subject };
}

/** The entry of this session's audience. */
export const currentEntry = (state: SessionState): Entry => state.entries[state.index]!;

/** What is known of the cookie of this kind. */
export function metaOf(state: SessionState, kind: CookieKind): Meta | undefined {
  if (!kind.remember) return state.session;
  return state.remembered === "none" ? undefined : state.remembered;
}

/** Keep what is known of the cookie of this kind. */
export function setMeta(state: SessionState, kind: CookieKind, meta: Meta): void {
  if (kind.remember) state.remembered = meta;
  else state.session = meta;
}

/** Whether saves write the remember cookie too. A cookie that says "forget" cannot be talked out of it. */
export function isRemembering(state: SessionState): boolean {
  return state.remember && ((state.session?.header.flags ?? 0) & FORGET) === 0;
}

/** What MACs of cookies with these flags are bound to for this visitor; release 4.0 knows no binding. */
export function boundTo(state: SessionState, flags: number): Uint8Array {
  return bindSuffix(state.settings.release40 ? 0 : flags, state.visit);
}
