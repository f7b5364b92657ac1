export interface NameAndPassword {
  readonly username: string;
  /** May be empty and may contain colons. */
  readonly password: string;
}

/** What is decoded ends at the first `=`; whatever follows it is not looked at, as in nginx. */
const BASE64 = /^[A-Za-z0-9+/]+(?==|$)/;

/**
 * Parse the value of an `Authorization` field: the word `Basic` or `basic` anywhere, blanks, then base64 of
 * `username:password`. Undefined when there is no such pair. Source: SPEC-auth-plugins §2.2.
 */
export function parseBasic(value: string): NameAndPassword | undefined {
  const rest = /[Bb]asic\s*(\S.*)/.exec(value)?.[1];
  const encoded = rest && BASE64.exec(rest)?.[0];
  if (!encoded || encoded.length % 4 === 1) return undefined;
  const decoded = Buffer.from(encoded, "base64").toString("utf8");
  const colon = decoded.indexOf(":");
  if (colon < 1) return undefined;
  return { username: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
}
