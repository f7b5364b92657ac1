import type { Writable } from "node:stream";
import { formatFields } from "./format.ts";
import type { Headers } from "./headers.ts";

/** Write bytes as one chunk, in one system call; nothing when there are none, since an empty chunk would end the body. */
export function writeChunk(stream: Writable, bytes: Uint8Array): boolean {
  if (bytes.length === 0) return !stream.writableNeedDrain;
  stream.cork();
  stream.write(`${bytes.length.toString(16)}\r\n`, "latin1");
  stream.write(bytes);
  const more = stream.write("\r\n", "latin1");
  stream.uncork();
  return more;
}

/** The end of a chunked body, to be written as Latin-1. */
export function encodeLastChunk(trailers?: Headers): string {
  return trailers === undefined ? "0\r\n\r\n" : `0\r\n${formatFields(trailers)}`;
}
