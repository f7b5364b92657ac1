/** What the upstream does with a request, which the path says: `/kind/connection/request/length`. */
export const kinds = ["length", "chunked", "close", "slow", "early", "abort", "reset", "empty", "socket"] as const;
export type Kind = (typeof kinds)[number];

/** So many bytes that belong to this mark and to no other. */
export function marked(mark: string, length: number): Buffer {
  return Buffer.alloc(length, `${mark};`);
}

/** Whether all of the bytes belong to the mark, as a beginning of its text or, with `from`, what follows behind so many. */
export function isMarked(bytes: Buffer, mark: string, from = 0): boolean {
  return bytes.equals(marked(mark, from + bytes.length).subarray(from));
}
