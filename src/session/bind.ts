import { hash } from "node:crypto";
import { BIND_IP, BIND_SCHEME, BIND_USER_AGENT } from "./header.ts";

/** What came with a request, as far as sessions care. */
export interface Visit {
  /** The values of the request's Cookie headers, in their order. */
  readonly cookie?: string | readonly string[] | undefined;
  /** The address of the visitor as text. */
  readonly remoteAddress?: string | undefined;
  /** `http` or `https`. */
  readonly scheme?: string | undefined;
  /** The value of the User-Agent header, one character for each byte as `node:http` gives it. */
  readonly userAgent?: string | undefined;
}

const flagOf = {
  ip: BIND_IP,
  scheme: BIND_SCHEME,
  "user-agent": BIND_USER_AGENT,
  user_agent: BIND_USER_AGENT,
} as const;

/** The flags a cookie gets that is bound to these. */
export function bindFlags(bind: readonly (keyof typeof flagOf)[]): number {
  return bind.reduce((flags, name) => flags | flagOf[name], 0);
}

const BOUND = BIND_IP | BIND_SCHEME | BIND_USER_AGENT;
const UNBOUND = new Uint8Array(0);

/** What the MAC of a cookie with these flags covers beyond its header (SPEC-session-v4 §6); empty when nothing is bound. */
export function bindSuffix(flags: number, visit: Visit): Uint8Array {
  if ((flags & BOUND) === 0) return UNBOUND;
  const bound: string[] = [];
  if (flags & BIND_IP && visit.remoteAddress) bound.push(visit.remoteAddress);
  if (flags & BIND_SCHEME && visit.scheme) bound.push(visit.scheme);
  if (flags & BIND_USER_AGENT && visit.userAgent) bound.push(visit.userAgent);
  if (bound.length === 0) return UNBOUND;
  const text = bound.join("|");
  // Text that never was bytes of a header must not lose its upper bits and become equal to another.
  const bytes = Buffer.from(text, /[^\x00-\xff]/.test(text) ? "utf8" : "latin1");
  return Buffer.concat([Buffer.from("#"), hash("sha256", bytes, "buffer")]);
}
