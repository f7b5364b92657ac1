import type { SessionReason } from "./reasons.ts";

/** No cookie and no record lives longer (seconds, 400 days): what browsers allow. */
export const LONGEST_LIFE = 34_560_000;

/** Seconds since its creation that a header can express. */
export const LONGEST_AGE = 2 ** 32 - 1;

/**
 * The three clocks of a session, in seconds, 0 meaning off:
 *
 *   created_at ------------- rolling_offset -- idling_offset ---- now
 *   |<------------------------ absolute ------------------------->|    since the login
 *                            |<--------------- rolling ---------->|    since the last save
 *                                              |<--- idling ----->|    since the last touch
 *
 * A session is still valid when as much time has passed as a clock allows, and when the time lies in the future. A remember
 * cookie has no idling clock: its idling offset must be 0.
 */
export interface Timeouts {
  readonly absolute: number;
  readonly rolling: number;
  readonly idling: number;
  readonly remember: boolean;
}

/** `age` is in seconds since the creation. */
export function absoluteRefusal(timeouts: Timeouts, age: number): SessionReason | undefined {
  if (age > LONGEST_AGE) return "session_lifetime_exceeded";
  if (timeouts.absolute === 0 || age <= timeouts.absolute) return undefined;
  return timeouts.remember ? "session_remember_absolute_timeout_exceeded" : "session_absolute_timeout_exceeded";
}

/** `elapsed` is in seconds since the last save. */
export function rollingRefusal(timeouts: Timeouts, elapsed: number): SessionReason | undefined {
  if (timeouts.rolling === 0 || elapsed <= timeouts.rolling) return undefined;
  return timeouts.remember ? "session_remember_rolling_timeout_exceeded" : "session_rolling_timeout_exceeded";
}

/** `elapsed` is in seconds since the last save, `idlingOffset` what the header says. */
export function idlingRefusal(timeouts: Timeouts, elapsed: number, idlingOffset: number): SessionReason | undefined {
  if (timeouts.remember) return idlingOffset === 0 ? undefined : "invalid_session_idling_offset";
  if (timeouts.idling === 0 || elapsed - idlingOffset <= timeouts.idling) return undefined;
  return "session_idling_timeout_exceeded";
}

/** What a refresh has to do `elapsed` seconds after the last save (SPEC-session-v4 §10.5). */
export function refreshNeed(
  timeouts: Timeouts,
  elapsed: number,
  idlingOffset: number,
  touchThreshold: number,
): "nothing" | "touch" | "save" {
  // Rounded up, as lua-resty-session does: with a rolling timeout of 10 a session is saved after more than 8 seconds.
  if (timeouts.rolling > 0 && elapsed > Math.ceil(0.75 * timeouts.rolling)) return "save";
  if (timeouts.idling > 0 && elapsed - idlingOffset > touchThreshold) return "touch";
  return "nothing";
}

/**
 * The last second in which a session with these times is valid and a refresh would do nothing; infinite when no clock is on.
 */
export function lastQuietSecond(timeouts: Timeouts, times: Times, touchThreshold: number): number {
  const { absolute, rolling, idling } = timeouts;
  const saved = times.created_at + times.rolling_offset;
  const touched = saved + times.idling_offset;
  return Math.min(
    absolute > 0 ? times.created_at + absolute : Number.POSITIVE_INFINITY,
    rolling > 0 ? saved + Math.min(Math.ceil(0.75 * rolling), rolling) : Number.POSITIVE_INFINITY,
    idling > 0 ? touched + Math.min(touchThreshold, idling) : Number.POSITIVE_INFINITY,
  );
}

/** Seconds that are left of each clock; undefined when it is off. `remaining` is the least of them. */
export interface TimeLeft {
  readonly idling: number | undefined;
  readonly rolling: number | undefined;
  readonly absolute: number | undefined;
  readonly remaining: number | undefined;
}

/** The times of a header, as `Header` has them. */
interface Times {
  readonly created_at: number;
  readonly rolling_offset: number;
  readonly idling_offset: number;
}

/** How long a session with these times may still be used, seen at `now`. Negative when a clock has run out. */
export function timeLeft(timeouts: Timeouts, times: Times, now: number): TimeLeft {
  const age = now - times.created_at;
  const elapsed = age - times.rolling_offset;
  const idling = timeouts.idling > 0 ? timeouts.idling - (elapsed - times.idling_offset) : undefined;
  const rolling = timeouts.rolling > 0 ? timeouts.rolling - elapsed : undefined;
  const absolute = timeouts.absolute > 0 ? timeouts.absolute - age : undefined;
  const running = [idling, rolling, absolute].filter((left) => left !== undefined);
  return { idling, rolling, absolute, remaining: running.length > 0 ? Math.min(...running) : undefined };
}

/** Whether a timeout limits a life at all. */
const limits = (timeout: number): boolean => timeout > 0 && timeout < LONGEST_LIFE;

/** How long a cookie or record may live from its save on, the absolute clock aside. */
export const rollingLife = (timeouts: Timeouts): number => (limits(timeouts.rolling) ? timeouts.rolling : LONGEST_LIFE);

/** How the absolute timeout shortens the life of a record: not at all, by what passed, or lengthened by what passed. */
export type AbsoluteRule = "ignored" | "less_age" | "plus_age";

/**
 * Seconds a storage keeps a record that is saved now, `age` seconds after the session's creation (SPEC-session-v4 §8.1).
 * `plus_age` is the arithmetic of lua-resty-session 4.1 (Q2), `ignored` that of 4.0.
 */
export function recordTtl(timeouts: Timeouts, age: number, rule: AbsoluteRule): number {
  const life = rollingLife(timeouts);
  if (rule === "ignored" || !limits(timeouts.absolute)) return life;
  return Math.max(1, Math.min(life, rule === "plus_age" ? timeouts.absolute + age : timeouts.absolute - age));
}

/** Seconds that are left for a record saved `elapsed` seconds ago when it is rewritten in place. */
export function remainingTtl(timeouts: Timeouts, age: number, elapsed: number): number {
  const life = rollingLife(timeouts) - elapsed;
  return Math.max(1, limits(timeouts.absolute) ? Math.min(life, timeouts.absolute - age) : life);
}
