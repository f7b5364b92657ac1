import { type Awaitable, attempt, chain } from "./awaitable.ts";
import { SessionError } from "./errors.ts";
import { sidOf } from "./header.ts";
import type { JsonValue } from "./payload.ts";
import { findRemembered } from "./read.ts";
import { recordText, storageKey } from "./record.ts";
import { saveSession } from "./save.ts";
import type { SetCookie } from "./set-cookie.ts";
import type { CookieKind } from "./settings.ts";
import { currentEntry, isRemembering, metaOf, type SessionState, setMeta } from "./state.ts";
import { remainingTtl } from "./timeouts.ts";
import { readValue, writeValue } from "./values.ts";

/** Marks an info value among the data of a stateless session. */
const MARK = "@";

/** A value of this audience's info; undefined when there is none. */
export function getInfo(state: SessionState, key: string): JsonValue | undefined {
  const entry = currentEntry(state);
  if (!state.settings.storage) return readValue(entry.data, MARK + key);
  return state.info?.get(entry.audience)?.get(key);
}

/** Set a value of this audience's info, or remove it (undefined). */
export function setInfo(state: SessionState, key: string, value: JsonValue | undefined): void {
  const entry = currentEntry(state);
  if (!state.settings.storage) {
    writeValue(entry.data, MARK + key, value);
    return;
  }
  const values = new Map(state.info?.get(entry.audience));
  if (value === undefined) values.delete(key);
  else values.set(key, value);
  state.info = new Map(state.info).set(entry.audience, values);
}

/**
 * Save the info without a new session id (SPEC-session-v4 §12): the record is rewritten in place. Without a storage the info
 * is part of the data, and this is a save.
 */
export function saveInfo(state: SessionState, now: number): Awaitable<readonly SetCookie[]> {
  const { settings, info } = state;
  if (!settings.storage) return hasMarked(currentEntry(state).data) ? saveSession(state, now) : [];
  if (info === undefined) return [];
  if (state.legacy) return saveSession(state, now);
  return chain(rewrite(state, settings.session, now), () => {
    // lua-resty-session means to do this too, and never gets here (Q9).
    if (settings.strict || !isRemembering(state)) return [];
    return chain(findRemembered(state, now), () => chain(rewrite(state, settings.remember, now), () => []));
  });
}

function hasMarked(data: JsonValue): boolean {
  return typeof data === "object" && data !== null && Object.keys(data).some((key) => key.startsWith(MARK));
}

function rewrite(state: SessionState, kind: CookieKind, now: number): Awaitable<void> {
  const { storage, options } = state.settings;
  const old = metaOf(state, kind);
  if (storage === undefined || old === undefined) return;
  const meta = { ...old, info: state.info };
  const age = now - meta.header.created_at;
  const ttl = remainingTtl(kind, age, age - meta.header.rolling_offset);
  const text = recordText(meta);
  return attempt(
    () =>
      chain(storage.set(kind.name, storageKey(options, sidOf(meta.header)), text, { now, ttl }), () =>
        setMeta(state, kind, meta),
      ),
    (cause) => {
      throw new SessionError("ERR_SESSION_STORAGE", "unable to store session info", { cause });
    },
  );
}
