import { type Awaitable, attempt, chain } from "../awaitable.ts";
import { SessionError } from "../errors.ts";
import { sidOf } from "../header.ts";
import { storageKey } from "../record.ts";
import type { SessionState } from "../state.ts";

/** The key of the older record, where the storage that gets the new record has it under the same name. */
export function replacedLegacyKey({ settings, legacy }: SessionState): string | undefined {
  const records = settings.legacy?.records;
  const isSame = records?.storage === settings.storage && records?.name === settings.session.name;
  return isSame ? legacy?.key : undefined;
}

/**
 * Let go of the older session after it was saved as one of today's; the answer is the names of its cookies. Its record lives
 * for `stale_ttl` seconds more, for requests that are under way. When that cannot be written the record lives
 * as long as it would have, and the error is kept for logs: the visitor has a new cookie already.
 */
export function leaveLegacy(state: SessionState, now: number): Awaitable<readonly string[]> {
  const names = state.legacy?.names ?? [];
  const outdated = attempt(
    () => outdateRecord(state, now),
    (cause) => {
      state.cause = cause;
    },
  );
  return chain(outdated, () => {
    state.legacy = undefined;
    return names;
  });
}

function outdateRecord(state: SessionState, now: number): Awaitable<void> {
  const { settings, legacy, session } = state;
  const records = settings.legacy?.records;
  if (!records || legacy?.key === undefined || replacedLegacyKey(state) !== undefined) return;
  // A record of nothing takes its place and is gone in a second: that never makes the life of the older one longer.
  const write = { now, ttl: 1, replaces: legacy.key, stale_ttl: settings.options.stale_ttl };
  return records.storage.set(records.name, storageKey(settings.options, sidOf(session!.header)), "[]", write);
}

/** Remove the older record, at the end of the session. Throws `ERR_SESSION_STORAGE` when it stays. */
export function removeLegacyRecord({ settings, legacy }: SessionState, now: number): Awaitable<void> {
  const records = settings.legacy?.records;
  const key = legacy?.key;
  if (!records || key === undefined) return;
  return attempt(
    () => records.storage.delete(records.name, key, now),
    (cause) => {
      throw new SessionError("ERR_SESSION_STORAGE", "unable to destroy session", { cause });
    },
  );
}
