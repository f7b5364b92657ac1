/** What may need work: an escape, a byte of zero, a dot after a slash, a slash after a slash. */
const SUSPICIOUS = /[%\0]|\/[./]/;

/** Escapes of these stay escaped, since decoding them would change what the path means (RFC 3986 §2.2, and `%` itself). */
const RESERVED = new Set(Array.from("!*'();:@&=+$,/?%#[]", (char) => char.charCodeAt(0)));

/**
 * The path of a request as routes compare it, one character per byte: escapes of reserved characters in upper case, all other
 * escapes decoded, dot segments removed, runs of slashes merged. Undefined when there is no such path and the answer is 400:
 * an incomplete escape, a byte of zero, more `..` than segments before them (as nginx has it), no slash at the beginning.
 * `path` is as received, without query; when nothing is to be done, the same string comes back. Source: SPEC-proxy §1.1, §6.
 */
export function normalizePath(path: string): string | undefined {
  if (path.charCodeAt(0) !== SLASH) return undefined;
  if (!SUSPICIOUS.test(path)) return path;
  const decoded = path.includes("%") ? decodePath(path) : path;
  if (decoded === undefined || decoded.includes("\0")) return undefined;
  return DOUBTFUL_SEGMENT.test(decoded) ? resolveSegments(decoded) : decoded;
}

const SLASH = 0x2f;
const DOUBTFUL_SEGMENT = /\/[./]/;

function decodePath(path: string): string | undefined {
  let result = "";
  let copied = 0;
  for (let at = path.indexOf("%"); at >= 0; at = path.indexOf("%", at + 3)) {
    const byte = escapedByte(path, at);
    if (byte < 0) return undefined;
    result += path.slice(copied, at);
    result += RESERVED.has(byte) ? path.slice(at, at + 3).toUpperCase() : String.fromCharCode(byte);
    copied = at + 3;
  }
  return result + path.slice(copied);
}

/** The byte of the escape at that place, or -1 when two hexadecimal digits do not follow. */
function escapedByte(path: string, at: number): number {
  const high = hexDigit(path.charCodeAt(at + 1));
  const low = hexDigit(path.charCodeAt(at + 2));
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

/** As RFC 3986 §5.2.4, with empty segments dropped; a final `.` or `..` leaves the slash before it. */
function resolveSegments(path: string): string | undefined {
  const segments: string[] = [];
  const parts = path.split("/");
  for (const part of parts) {
    if (part === "" || part === ".") continue;
    if (part !== "..") segments.push(part);
    else if (segments.pop() === undefined) return undefined;
  }
  const last = parts.at(-1)!;
  const endsInSlash = segments.length > 0 && (last === "" || last === "." || last === "..");
  return `/${segments.join("/")}${endsInSlash ? "/" : ""}`;
}

/** All that a request target may not carry as it is; one character per byte. */
const UNSAFE = /[^!#$&'()*+,/:;=?@[\]A-Za-z0-9\-_.~%]/;
const EACH_UNSAFE = new RegExp(UNSAFE, "g");
const BEYOND_BYTES = /[^\0-\xff]/;

/**
 * Escape what may not stand in a request target, and nothing else: `%` stays, since escapes of reserved characters are still
 * in the path. Characters that are no bytes (only plugins can bring them) are sent as UTF-8. Source: SPEC-proxy §3.
 */
export function escapePath(path: string): string {
  if (!UNSAFE.test(path)) return path;
  const bytes = BEYOND_BYTES.test(path) ? Buffer.from(path, "utf8").toString("latin1") : path;
  return bytes.replace(EACH_UNSAFE, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`);
}
