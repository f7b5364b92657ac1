import type { ParsedOptions } from "./options.ts";

/** One Set-Cookie header: the cookie's name, and the whole text of the header's value. */
export interface SetCookie {
  readonly name: string;
  readonly text: string;
}

type AttributeOptions = Pick<
  ParsedOptions,
  | "cookie_prefix"
  | "cookie_domain"
  | "cookie_path"
  | "cookie_same_site"
  | "cookie_priority"
  | "cookie_same_party"
  | "cookie_partitioned"
  | "cookie_secure"
  | "cookie_http_only"
>;

/** The attributes that every cookie of a configuration has, in the order of SPEC-session-v4 §7.2. */
export function attributesText(options: AttributeOptions): string {
  const host = options.cookie_prefix === "__Host-";
  const domain = host || options.cookie_domain === "localhost" ? undefined : options.cookie_domain;
  const needsSecure = options.cookie_prefix || options.cookie_same_site === "None" || options.cookie_same_party;
  return [
    domain ? `; Domain=${domain}` : "",
    `; Path=${host ? "/" : options.cookie_path}`,
    `; SameSite=${options.cookie_same_site}`,
    options.cookie_priority ? `; Priority=${options.cookie_priority}` : "",
    options.cookie_same_party ? "; SameParty" : "",
    options.cookie_partitioned ? "; Partitioned" : "",
    options.cookie_secure || needsSecure ? "; Secure" : "",
    options.cookie_http_only ? "; HttpOnly" : "",
  ].join("");
}

/** The attributes by which a browser drops a cookie. */
export const EXPIRED = "; Expires=Thu, 01 Jan 1970 00:00:01 GMT; Max-Age=0";

/**
 * The attributes by which a browser keeps a cookie of a session created at `createdAt` for `life` seconds. The date counts
 * from the creation and not from now, as lua-resty-session does (Q1); browsers go by Max-Age.
 */
export function keptFor(createdAt: number, life: number): string {
  return `; Expires=${new Date((createdAt + life) * 1000).toUTCString()}; Max-Age=${life}`;
}

/**
 * The Set-Cookie values of a response after these cookies were written: one of the same name is replaced where it stands,
 * others are appended (SPEC-session-v4 §7.3).
 */
export function mergeSetCookies(existing: readonly string[], cookies: readonly SetCookie[]): string[] {
  const merged = [...existing];
  for (const { name, text } of cookies) {
    const at = merged.findIndex((other) => other.startsWith(`${name}=`));
    if (at < 0) merged.push(text);
    else merged[at] = text;
  }
  return merged;
}
