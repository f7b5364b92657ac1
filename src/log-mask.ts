/** What stands in a log in place of a secret. */
export const MASK = "******";

/** Text that may reach a log, with the credentials in it replaced. */
export interface Masker {
  /** Take these for names of secrets, in place of those given before: the `key_names` in use change with the entities. */
  configure(secretNames: Iterable<string>): void;
  /** Whether a header, query argument or property of this name holds a secret. */
  isSecret(name: string): boolean;
  /** A request target or URL: values of secret query arguments, and user and password before a host. */
  target(text: string): string;
  /** Any text: URLs in it, `name: value`, `name=value`, JSON members, header lines, bearer tokens, session cookies. */
  text(text: string): string;
}

// The last word of a name decides: `client_secret`, `x-api-key`, `id_token`, but not `cookie_name`, `token_type`.
const SECRET_NAME =
  /(?:^|[-_.])(?:api-?key|access-?token|refresh-?token|id-?token|session-?id|key|token|secret|passw(?:or)?d|passphrase|pwd|ikm|cookie2?|authorization|credential|session|remember|signature|jwt)s?(?:_fallbacks)?$/;
const RUN_TOGETHER = /^(?:client_?secret|j?session_?id|phpsessid|x?csrf_?token|xsrf_?token)$/;

const URL_USER = /^([a-z][a-z0-9+.-]*:)?\/\/[^/?#@\s]*@/i;
const USER_IN_TEXT = /\b([a-z][a-z0-9+.-]{0,20}:\/\/)[^/?#@\s"']{1,200}@/gi;
const HEADER_LINE = /\b((?:proxy-)?authorization|(?:set-)?cookie2?)(["']?\s{0,4}[:=]\s{0,4})[^\r\n]+/gi;
const SCHEME = /\b([Bb]earer|[Bb]asic|BEARER|BASIC|DPoP|Negotiate)\s{1,4}(?=[\w.~+/-]{0,200}[A-Z0-9])[\w.~+/=-]{6,}/g;
// Three parts of a JSON Web Token, or as much base64url in one piece as the header of a session cookie has.
const TOKEN = /\beyJ[\w-]{4,}\.[\w-]{4,}(?:\.[\w-]*)?|[\w-]{100,}/g;

// What every secret in a text has at least one of; most texts have none, and are not looked at any closer.
const SUSPECT = /[=:@]|eyJ|[\w-]{100}|bearer|basic|dpop|negotiate/i;

/** A masker that knows the usual names of secrets and, besides, these (as the `key_names` of key-auth); in any case. */
export function createMasker(secretNames: Iterable<string> = []): Masker {
  let configured = new Set<string>();
  configure(secretNames);

  function configure(names: Iterable<string>): void {
    configured = new Set(Array.from(names, normalize));
  }

  function isSecret(name: string): boolean {
    const plain = normalize(name);
    return configured.has(plain) || SECRET_NAME.test(plain) || RUN_TOGETHER.test(plain);
  }

  /** `code` is a word of its own in messages, but a credential of OAuth in a query. */
  function isSecretArgument(name: string): boolean {
    return isSecret(name) || normalize(name) === "code";
  }

  function target(text: string): string {
    const masked = text.startsWith("/") ? text : text.replace(URL_USER, `$1//${MASK}@`);
    const start = masked.indexOf("?");
    if (start < 0) return masked;
    const query = masked.slice(start);
    return masked.slice(0, start) + query.replace(/([?&;])([^?&;=]*)=[^?&;]+/g, maskArgument);
  }

  function maskArgument(argument: string, separator: string, name: string): string {
    return isSecretArgument(name) ? `${separator}${name}=${MASK}` : argument;
  }

  function text(text: string): string {
    if (!SUSPECT.test(text)) return text;
    const masked = text
      .replace(USER_IN_TEXT, `$1${MASK}@`)
      .replace(HEADER_LINE, `$1$2${MASK}`)
      .replace(SCHEME, `$1 ${MASK}`);
    return maskPairs(masked).replace(TOKEN, MASK);
  }

  /** Walks from name to name, not from pair to pair: in `to=http://host/?apikey=1` a pair lies within a value. */
  function maskPairs(text: string): string {
    const names = /([\w.%+[\]-]{1,80})["']?[ \t]{0,4}[:=][ \t]{0,4}/g;
    const value = /"(?:[^"\\]|\\.)*"?|'[^']*'?|[^\s&;,"'<>(){}]+/y;
    let masked = "";
    let done = 0;
    for (let match = names.exec(text); match; match = names.exec(text)) {
      value.lastIndex = names.lastIndex;
      if (!isSecret(match[1]!) || !value.test(text)) continue;
      const quote = /["']/.test(text[names.lastIndex]!) ? text[names.lastIndex] : "";
      masked += text.slice(done, names.lastIndex) + quote + MASK + quote;
      done = names.lastIndex = value.lastIndex;
    }
    return masked + text.slice(done);
  }

  return { configure, isSecret, target, text };
}

/** A name in lower case, percent-decoded where it can be, without the brackets of `key[0]`. */
function normalize(name: string): string {
  if (/^[a-z_]*$/.test(name)) return name;
  return name
    .replaceAll("+", " ")
    .replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    .replace(/\[[^\]]*\]?/g, "")
    .trim()
    .toLowerCase();
}
