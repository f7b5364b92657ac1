/** Stands for this host, whatever its name is. */
const HERE = "http://here.invalid";

/** What browsers drop or read in another way than a parser of URLs may. */
const DECEPTIVE = /[\x00-\x20\x7f\\]/;

/** What is wrong with a target as it is configured: it must be a path of this host, or a URL of HTTP. */
export function redirectFault(text: string): string | undefined {
  return parse(text) ? undefined : "must be a path, or a URL that begins with http:// or https://";
}

/** What a target reads in a Location header; undefined when it is none. */
export function locationOf(text: string): string | undefined {
  const url = parse(text);
  if (url === undefined) return undefined;
  return url.origin === HERE ? url.pathname + url.search + url.hash : url.href;
}

/**
 * What may be asked for, as it reads in a Location header: the targets named, and everything below those that end in `/`.
 * Paths are compared as browsers read them, without dots.
 */
export function createRedirects(allowed: readonly string[]): (text: string) => string | undefined {
  const rules = allowed.map(parse).filter((url) => url !== undefined);
  return (text) => {
    const url = parse(text);
    if (url === undefined || url.username !== "" || url.password !== "") return undefined;
    const isAllowed = rules.some(({ origin, pathname }) => {
      if (url.origin !== origin) return false;
      return pathname.endsWith("/") ? url.pathname.startsWith(pathname) : url.pathname === pathname;
    });
    return isAllowed ? locationOf(text) : undefined;
  };
}

function parse(text: string): URL | undefined {
  if (DECEPTIVE.test(text) || text.startsWith("//") || !/^(?:\/|https?:\/\/)/i.test(text)) return undefined;
  try {
    const url = new URL(text, HERE);
    return url.origin === HERE && !text.startsWith("/") ? undefined : url;
  } catch {
    return undefined;
  }
}
