/**
 * The value of a cookie as nginx finds it (SPEC-session-v4 §7.1): names compare without case, the first match of the first
 * header wins, blanks before a name and around `=` are skipped, and the value runs to the next `;` with its quotes and its
 * trailing blanks. A pair that does not match ends at `;` or at `,`. `name` must be in lower case.
 */
export function findCookie(headers: string | readonly string[] | undefined, name: string): string | undefined {
  if (headers === undefined) return undefined;
  if (typeof headers === "string") return findInHeader(headers, name);
  for (const header of headers) {
    const value = findInHeader(header, name);
    if (value !== undefined) return value;
  }
  return undefined;
}

const BLANK = 0x20;
const COMMA = 0x2c;
const SEMICOLON = 0x3b;
const EQUALS = 0x3d;

function findInHeader(header: string, name: string): string | undefined {
  const end = header.length;
  let at = 0;
  while (at < end) {
    if (startsWithName(header, at, name)) {
      at = skipBlanks(header, at + name.length);
      if (header.charCodeAt(at) === EQUALS) {
        const start = skipBlanks(header, at + 1);
        const semicolon = header.indexOf(";", start);
        return header.slice(start, semicolon < 0 ? end : semicolon);
      }
    }
    while (at < end) {
      const code = header.charCodeAt(at++);
      if (code === SEMICOLON || code === COMMA) break;
    }
    at = skipBlanks(header, at);
  }
  return undefined;
}

function startsWithName(header: string, at: number, name: string): boolean {
  if (at + name.length > header.length) return false;
  for (let index = 0; index < name.length; index++) {
    const code = header.charCodeAt(at + index);
    // Only A to Z have a lower case here, as in C.
    const lower = code >= 0x41 && code <= 0x5a ? code + 0x20 : code;
    if (lower !== name.charCodeAt(index)) return false;
  }
  return true;
}

function skipBlanks(header: string, at: number): number {
  while (header.charCodeAt(at) === BLANK) at++;
  return at;
}

/**
 * A Cookie header without the named cookies (exact names), its pairs joined the way lua-resty-session does
 * (SPEC-session-v4 §11): trimmed, `name=value; ` each but the last of the original, a name alone with `;`. Undefined when
 * nothing is left.
 */
export function withoutCookies(header: string, names: ReadonlySet<string>): string | undefined {
  const pairs = header.split(";");
  let left = "";
  for (const [index, pair] of pairs.entries()) {
    const equals = pair.indexOf("=");
    const name = (equals < 0 ? pair : pair.slice(0, equals)).trim();
    if (name === "" && equals < 0) continue;
    if (equals >= 0 && names.has(name)) continue;
    const last = index === pairs.length - 1;
    if (equals < 0) left += last ? name : `${name};`;
    else left += `${name}=${pair.slice(equals + 1).trim()}${last ? "" : "; "}`;
  }
  return left === "" ? undefined : left;
}
