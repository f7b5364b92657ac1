import { decodeBase64url } from "../base64url.ts";

/**
 * Indexes that are one growing text (file, memcached, shm, dshm; SPEC-session-v4 §9.6):
 *
 *   <key, 43>:<expiry, 5 bytes little endian as base64url, 7>;     a live session
 *   <key, 43>;                                                      one that was removed
 */
const EXPIRY_BYTES = 5;

/** The entry of a session that lives until `expires`, in seconds since the epoch. */
export function liveEntry(key: string, expires: number): string {
  const bytes = Buffer.alloc(EXPIRY_BYTES);
  bytes.writeUIntLE(expires, 0, EXPIRY_BYTES);
  return `${key}:${bytes.toString("base64url")};`;
}

/** The entry of a session that was removed. */
export const removedEntry = (key: string): string => `${key};`;

/** The keys that live at `now` with their expiry: the last entry of a key counts. What is no entry is passed over. */
export function readEntries(text: string, now: number): Map<string, number> {
  const live = new Map<string, number>();
  for (const entry of text.split(";")) {
    const [key = "", expiry] = entry.split(":");
    if (key === "") continue;
    const bytes = expiry === undefined ? undefined : decodeBase64url(expiry);
    if (bytes?.length === EXPIRY_BYTES && bytes.readUIntLE(0, EXPIRY_BYTES) > now) {
      live.set(key, bytes.readUIntLE(0, EXPIRY_BYTES));
    } else live.delete(key);
  }
  return live;
}
