import { fields, type Headers } from "../http1/index.ts";

/** The fields that a `Connection` field declares to belong to this connection only, in lower case; undefined when it names none. */
export function connectionOptions(headers: Headers): ReadonlySet<string> | undefined {
  if (!headers.mayHave(fields.connection.bit)) return undefined;
  const only = headers.only(fields.connection);
  if (only === "keep-alive" || only === "close" || only === "Keep-Alive") return undefined;
  const names = new Set<string>();
  for (const line of headers.getAll("connection")) {
    for (const name of line.split(",")) names.add(name.trim().toLowerCase());
  }
  return names;
}

const TRAILERS = /(^|[,\s])trailers([,\s;]|$)/i;

/** Whether who sent this head wants the trailers of the answer. */
export function acceptsTrailers(headers: Headers): boolean {
  return headers.mayHave(fields.te.bit) && headers.getAll("te").some((value) => TRAILERS.test(value));
}
