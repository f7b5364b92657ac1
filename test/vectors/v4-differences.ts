import type { JsonValue } from "../../src/session/index.ts";

/** Where we do better than lua-resty-session 4.1.5 even when strictly compatible: what is asserted instead of its answer. */
export interface Difference {
  readonly vector: string;
  /** Counted from 0, as the steps. */
  readonly request: number;
  readonly reason: string;
  /** Our results, by step. */
  readonly results?: { readonly [step: number]: { readonly ok: true; readonly state: string } };
  /** The entries of the session cookie we send, and of the session after the request. */
  readonly entries?: readonly (readonly JsonValue[])[];
  /** The info in the record we write. */
  readonly info?: JsonValue;
}

const rewritten = "info:save answers that it worked (Q9); the original answers nothing although it did";

export const differences: readonly Difference[] = [
  { vector: "v4-130", request: 1, reason: rewritten, results: { 3: { ok: true, state: "open" } } },
  { vector: "v4-159", request: 2, reason: rewritten, results: { 2: { ok: true, state: "open" } } },
  {
    vector: "v4-132",
    request: 2,
    reason: "the original crashes in a logout of one of several audiences when there is info (Q8); we log out",
    results: { 1: { ok: true, state: "closed" } },
    entries: [[{ cart: "c-1001" }, "second-app"]],
    info: { "second-app": { k: "w" } },
  },
  {
    vector: "v4-164",
    request: 0,
    reason: "an empty list stays a list; a Lua table cannot tell it from an empty object",
    entries: [[{ e: [], o: {}, n: [1, 2, 3] }, "default"]],
  },
  {
    vector: "v4-169",
    request: 0,
    reason: "an empty bind list binds to nothing; the original crashes in save (Q10)",
    results: { 1: { ok: true, state: "open" } },
    entries: [[{}, "default"]],
  },
];
