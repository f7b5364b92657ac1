import { formatFields } from "./format.ts";
import type { Headers } from "./headers.ts";

/** The end of a chunked body, to be written as Latin-1. */
export function encodeLastChunk(trailers?: Headers): string {
  return trailers === undefined ? "0\r\n\r\n" : formatFields("0", trailers);
}
