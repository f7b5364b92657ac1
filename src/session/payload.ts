import { constants, deflateRawSync, inflateRawSync } from "node:zlib";
import { SessionError } from "./errors.ts";
import type { SessionReason } from "./reasons.ts";

/** What JSON can carry. */
export type JsonValue = null | boolean | number | string | JsonValue[] | { [key: string]: JsonValue };

/** One application's part of a session. */
export interface Entry {
  data: JsonValue;
  audience: string;
  subject: string | undefined;
}

/** Bytes a compressed payload may grow to: far more than any session, far less than a memory. */
export const LARGEST_PAYLOAD = 16 * 1024 * 1024;

/**
 * The entries as JSON text, `[[data, audience, subject], ...]`, the subject left out where there is none. Written as
 * lua-cjson does, so that cookies are the same byte for byte. Throws `ERR_SESSION_DATA`.
 */
export function encodeEntries(entries: readonly Entry[]): string {
  const list = entries.map(({ data, audience, subject }) =>
    subject === undefined ? [data, audience] : [data, audience, subject],
  );
  return toJson(list, "unable to json encode session data");
}

/** JSON text as lua-cjson writes it. Throws `ERR_SESSION_DATA` with this message for what JSON cannot carry. */
export function toJson(value: unknown, message: string): string {
  try {
    const text = JSON.stringify(value);
    // What lua-cjson escapes and JSON does not have to is rare, and to look for it is cheaper than to replace nothing.
    if (!text.includes("/") && !text.includes("\x7f")) return text;
    return text.replaceAll("/", "\\/").replaceAll("\x7f", "\\u007f");
  } catch (cause) {
    throw new SessionError("ERR_SESSION_DATA", message, { cause });
  }
}

/** Parse JSON text; undefined when it is none. */
export function fromJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A text, or what it was deflated to, and the number of its bytes. */
export interface Plaintext {
  readonly content: string | Uint8Array;
  readonly size: number;
  readonly deflated: boolean;
}

/** A text, raw-deflated when it has more bytes than `threshold` (0: never) and gets shorter by it. */
export function compress(text: string, threshold: number): Plaintext {
  const size = Buffer.byteLength(text);
  const whole = { content: text, size, deflated: false };
  if (threshold === 0 || size <= threshold) return whole;
  const smaller = deflateRawSync(text);
  return smaller.length < size ? { content: smaller, size: smaller.length, deflated: true } : whole;
}

/** Read the entries from decrypted bytes. */
export function decodeEntries(plaintext: Buffer, deflated: boolean): Entry[] | SessionReason {
  const bytes = deflated ? inflate(plaintext) : plaintext;
  if (bytes === undefined) return "unable_to_inflate_session_data";
  const list = fromJson(bytes.toString());
  if (!Array.isArray(list)) return "unable_to_json_decode_session_data";
  const entries: Entry[] = [];
  for (const item of list) {
    if (!Array.isArray(item) || typeof item[1] !== "string") return "unable_to_json_decode_session_data";
    entries.push({ data: item[0], audience: item[1], subject: typeof item[2] === "string" ? item[2] : undefined });
  }
  return entries;
}

function inflate(bytes: Buffer): Buffer | undefined {
  try {
    return inflateRawSync(bytes, { maxOutputLength: LARGEST_PAYLOAD, finishFlush: constants.Z_FINISH });
  } catch {
    return undefined;
  }
}
