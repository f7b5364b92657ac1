/** Where a part of a multipart body stands: `start` at its delimiter line, `end` at the next one. Positions in bytes. */
export interface Part {
  /** The `name` of its `Content-Disposition`; undefined without one. */
  readonly name: string | undefined;
  readonly start: number;
  readonly end: number;
  readonly value: { readonly start: number; readonly end: number };
}

/** As many arguments as a query may have. */
const MAX_PARTS = 1000;

/** Bytes of a part's fields. */
const MAX_HEAD = 16_384;

const PARAMETER = /;\s*([^=;\s]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;]*))/g;

/** A parameter of a field such as `form-data; name="a"`. */
function parameter(field: string, name: string): string | undefined {
  for (const [, key, quoted, plain] of field.matchAll(PARAMETER)) {
    if (key!.toLowerCase() === name) return quoted?.replace(/\\(.)/g, "$1") ?? plain!.trim();
  }
  return undefined;
}

/** The parts of a `multipart/form-data` body, at most the first 1000; undefined when it is no such body. RFC 2046 §5.1. */
export function readParts(body: Buffer, contentType: string): Part[] | undefined {
  const boundary = parameter(contentType, "boundary");
  if (!boundary) return undefined;
  const line = Buffer.from(`\r\n--${boundary}`, "latin1");
  const parts: Part[] = [];
  let start = body.subarray(0, line.length - 2).equals(line.subarray(2)) ? 0 : afterBreak(body.indexOf(line));
  while (start >= 0) {
    const mark = start + line.length - 2;
    if (body.toString("latin1", mark, mark + 2) === "--" || parts.length === MAX_PARTS) return parts;
    const headEnd = body.indexOf("\r\n\r\n", mark);
    const next = headEnd < 0 ? -1 : body.indexOf(line, headEnd + 4);
    if (next < 0 || headEnd - mark > MAX_HEAD) return undefined;
    const name = nameIn(body.toString("utf8", mark, headEnd));
    parts.push({ name, start, end: next + 2, value: { start: headEnd + 4, end: next } });
    start = next + 2;
  }
  return undefined;
}

/** Delimiters are found with the line break before them. */
const afterBreak = (at: number): number => (at < 0 ? -1 : at + 2);

function nameIn(head: string): string | undefined {
  const disposition = /^content-disposition:(.*)$/im.exec(head)?.[1];
  return disposition === undefined ? undefined : parameter(disposition, "name");
}
