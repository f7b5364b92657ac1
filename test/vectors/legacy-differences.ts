/** Where our answer is another than that of lua-resty-session 2.26 or 3.10: what is asserted instead. */
export interface Difference {
  readonly vector: string;
  /** Counted from 0. */
  readonly request: number;
  readonly reason: string;
  /** A session that was left as it is gets a cookie of ours. */
  readonly issued?: true;
  /** What is left of the Cookie header. */
  readonly cookie_header?: string;
  /** Seconds that the older record lives on. */
  readonly ttl?: number;
}

const issued = "whatever time is left, an older session that is started gets a cookie of today's";

export const differences: readonly Difference[] = [
  { vector: "v2-018", request: 1, reason: issued, issued: true },
  { vector: "v3-023", request: 1, reason: issued, issued: true },
  { vector: "v3-030", request: 1, reason: issued, issued: true },
  {
    vector: "v2-019",
    request: 1,
    reason: "the older record lives on for stale_ttl; in 2.26 with redis that step fails, and a lock stays behind",
    ttl: 10,
  },
  {
    vector: "v2-022",
    request: 1,
    reason: "cookies are joined by one blank, as 3.x and 4.x do; 2.26 keeps the blanks before them too",
    cookie_header: "a=1; sessionx=1; b=2",
  },
];
