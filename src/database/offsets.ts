import { invalidOffset, invalidSize } from "../schema/index.ts";

/** An opaque offset: base64 without padding of the JSON list of the last row's key. SPEC-admin-api §2.8 */
export function encodeOffset(key: readonly string[]): string {
  return Buffer.from(JSON.stringify(key)).toString("base64").replace(/=+$/, "");
}

/** The key in an offset, with `length` members. Throws code 7. */
export function decodeOffset(offset: string, length: number): string[] {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(offset) || offset.replace(/=+$/, "").length % 4 === 1) {
    throw invalidOffset(offset, "bad base64 encoding");
  }
  const key = parseJson(Buffer.from(offset, "base64").toString("utf8"));
  if (Array.isArray(key) && key.length === length && key.every((member) => typeof member === "string")) return key;
  throw invalidOffset(offset, "bad json encoding");
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Rows of a page. Throws code 9. */
export function pageSize(size = 100): number {
  if (Number.isInteger(size) && size >= 1 && size <= 1000) return size;
  throw invalidSize("size must be an integer between 1 and 1000");
}
