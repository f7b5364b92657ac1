/** The value of one query argument: text, or `true` where the argument has no `=`. */
export type QueryValue = string | true;

const MAX_ARGUMENTS = 1000;

/** Decode `%XX` and `+`; a malformed escape stays as it is, bytes that are no UTF-8 become U+FFFD. */
export function decodeQueryText(text: string): string {
  if (!text.includes("%") && !text.includes("+")) return text;
  const spaced = text.replaceAll("+", " ");
  try {
    return decodeURIComponent(spaced);
  } catch {
    const bytes = spaced.replace(/%([0-9a-f]{2})|[^\x00-\x7f]/gi, (match, hex: string | undefined) =>
      hex ? String.fromCharCode(Number.parseInt(hex, 16)) : Buffer.from(match).toString("latin1"),
    );
    return Buffer.from(bytes, "latin1").toString("utf8");
  }
}

/**
 * Parse a query string (without `?`) or an urlencoded body. Arguments keep their order; the first 1000 count, as in Kong
 * (`kong.request.get_query`).
 */
export function parseQuery(query: string): Map<string, QueryValue[]> {
  const values = new Map<string, QueryValue[]>();
  let count = 0;
  for (let start = 0; start < query.length && count < MAX_ARGUMENTS; ) {
    let end = query.indexOf("&", start);
    if (end < 0) end = query.length;
    if (end > start) {
      const piece = query.slice(start, end);
      const equals = piece.indexOf("=");
      const name = decodeQueryText(equals < 0 ? piece : piece.slice(0, equals));
      const value = equals < 0 ? true : decodeQueryText(piece.slice(equals + 1));
      const known = values.get(name);
      if (known) known.push(value);
      else values.set(name, [value]);
      count++;
    }
    start = end + 1;
  }
  return values;
}

/** The query without the argument; the others keep their order and spelling, but a `+` becomes `%20`, as in Kong. */
export function withoutArgument(query: string, name: string): string {
  const pieces = query.split("&");
  const others = pieces.filter((piece) => decodeQueryText(piece.split("=", 1)[0]!) !== name);
  return others.length === pieces.length ? query : others.join("&").replaceAll("+", "%20");
}
