import { HEADER_CHARACTERS } from "./header.ts";

/** Characters of `name=value` a browser accepts in one cookie, and the number of cookies a session may be split into. */
const COOKIE = 4096;
const COOKIES = 9;

/** Characters of all cookies of a session, names included: never more than this (36,864). */
export const LARGEST_COOKIES = COOKIE * COOKIES;

/**
 * The number of cookies that hold a header and so many payload characters (SPEC-session-v4 §7.1):
 *
 *   session=<header, 110><payload, at most 4096 - 110 - name - 1>
 *   session2=<payload, at most 4096 - name - 2>    ...    session9=<the rest>
 *
 * Undefined when they do not fit into nine, or into `limit` characters altogether.
 */
export function chunkCount(name: string, payloadSize: number, limit = LARGEST_COOKIES): number | undefined {
  let total = name.length + 1 + HEADER_CHARACTERS + payloadSize;
  for (let count = 1; count <= COOKIES && total <= limit; count++) {
    if (total <= COOKIE * count) return count;
    total += name.length + 2;
  }
  return undefined;
}

/** The name of one of the cookies, counted from 1. */
export const chunkName = (name: string, number: number): string => (number === 1 ? name : `${name}${number}`);

/** Split a payload into the parts that the cookies carry; the first one follows the header. */
export function splitPayload(name: string, payload: string, count: number): string[] {
  const first = COOKIE - HEADER_CHARACTERS - name.length - 1;
  const next = COOKIE - name.length - 2;
  const parts = [payload.slice(0, first)];
  for (let number = 2; number <= count; number++) {
    const start = first + (number - 2) * next;
    parts.push(payload.slice(start, start + next));
  }
  return parts;
}
