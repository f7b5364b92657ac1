/**
 * The same Latin-1 text in one piece, for what is written again and again. V8 keeps what was joined as a tree, and goes through
 * that with every write.
 */
export function flat(text: string): string {
  return Buffer.from(text, "latin1").toString("latin1");
}
