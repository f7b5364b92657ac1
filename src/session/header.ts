import { decodeBase64url } from "./base64url.ts";
import type { SessionReason } from "./reasons.ts";
import { absoluteRefusal, idlingRefusal, rollingRefusal, type Timeouts } from "./timeouts.ts";

/** Bytes of a header, and characters of its base64url text. */
export const HEADER_BYTES = 82;
export const HEADER_CHARACTERS = 110;

/** Bits of the `flags` field (SPEC-session-v4 §3). */
export const STORAGE = 0x0001;
export const FORGET = 0x0002;
export const DEFLATE = 0x0010;
export const BIND_IP = 0x0100;
export const BIND_SCHEME = 0x0200;
export const BIND_USER_AGENT = 0x0400;

/** Largest values of the fields that have to be checked before they are written. */
export const MAX_CREATED_AT = 2 ** 40 - 1;
export const MAX_IDLING_OFFSET = 2 ** 24 - 1;
export const MAX_DATA_SIZE = 2 ** 24 - 1;

/** Where the authenticated slices of a header end: AAD of the payload, what a touch keeps, input of the MAC. */
export const AAD_END = 47;
export const TOUCH_END = 63;
export const MAC_END = 66;

/**
 * The header of a session cookie (bytes, little endian; SPEC-session-v4 §2):
 *
 *   type 1 | flags 2 | sid 32 | created_at 5 | rolling_offset 4 | data_size 3 | tag 16 | idling_offset 3 | mac 16
 *   0        1         3        35             40                 44            47       63                66     82
 *
 * `created_at` is in seconds since the epoch, `rolling_offset` in seconds since `created_at` (last save), `idling_offset` in
 * seconds since both (last touch). `data_size` counts the characters of the sealed payload's text. `bytes` are all 82.
 */
export interface Header {
  readonly bytes: Buffer;
  readonly flags: number;
  readonly created_at: number;
  readonly rolling_offset: number;
  readonly data_size: number;
  readonly idling_offset: number;
}

/** What `inspectHeader` shows of a header: the fields that are neither keys' work nor secret. `id` is base64url text. */
export interface HeaderFields {
  readonly type: 1;
  readonly flags: number;
  readonly id: string;
  readonly created_at: number;
  readonly rolling_offset: number;
  readonly idling_offset: number;
  readonly data_size: number;
}

/** What a header is held against. `storage`: whether a storage keeps the payloads. */
export interface HeaderLimits extends Timeouts {
  readonly storage: boolean;
}

/** The 32 random bytes that name a session and salt its keys. */
export const sidOf = (header: Header): Buffer => header.bytes.subarray(3, 35);
export const tagOf = (header: Header): Buffer => header.bytes.subarray(AAD_END, TOUCH_END);

/**
 * Read the header at the start of a cookie's value and check it in the order of SPEC-session-v4 §10.2, steps 2 to 10: the
 * first field that is cut off or refused by `limits` gives the reason. Without limits only the form is checked. The MAC is
 * not looked at, so nothing of the answer is authenticated yet.
 */
export function readHeader(value: string, limits?: HeaderLimits, now = 0): Header | SessionReason {
  if (value.length < HEADER_CHARACTERS) return "invalid_session_header";
  const bytes = decodeBase64url(value.slice(0, HEADER_CHARACTERS));
  if (bytes === undefined) return "unable_to_base64url_decode_session_header";
  const { length } = bytes;
  if (length < 1 || bytes[0] !== 1) return "invalid_session_cookie_type";
  if (length < 3) return "invalid_session_flags";
  const flags = bytes.readUInt16LE(1);
  if (limits && ((flags & STORAGE) !== 0) !== limits.storage) return "invalid_session_flags";
  if (length < 35) return "invalid_session_id";
  if (length < 40) return "invalid_session_creation_time";
  const created_at = bytes.readUIntLE(35, 5);
  const tooOld = limits && absoluteRefusal(limits, now - created_at);
  if (tooOld) return tooOld;
  if (length < 44) return "invalid_session_rolling_offset";
  const rolling_offset = bytes.readUInt32LE(40);
  const savedLongAgo = limits && rollingRefusal(limits, now - created_at - rolling_offset);
  if (savedLongAgo) return savedLongAgo;
  if (length < AAD_END) return "invalid_session_data_size";
  const data_size = bytes.readUIntLE(44, 3);
  if (length < TOUCH_END) return "invalid_session_tag";
  if (length < MAC_END) return "invalid_session_idling_offset";
  const idling_offset = bytes.readUIntLE(TOUCH_END, 3);
  const idle = limits && idlingRefusal(limits, now - created_at - rolling_offset, idling_offset);
  if (idle) return idle;
  if (length < HEADER_BYTES) return "invalid_session_message_authentication_code";
  return { bytes, flags, created_at, rolling_offset, data_size, idling_offset };
}

/**
 * Show the header at the start of a cookie's value without any key: nothing of it is authenticated. The reason when the
 * text is no header.
 */
export function inspectHeader(value: string): { header: HeaderFields } | { reason: SessionReason } {
  const header = readHeader(value);
  return typeof header === "string" ? { reason: header } : { header: headerFields(header) };
}

/** The fields of a header as they are shown. */
export function headerFields(header: Header): HeaderFields {
  const { flags, created_at, rolling_offset, idling_offset, data_size } = header;
  return {
    type: 1,
    flags,
    id: sidOf(header).toString("base64url"),
    created_at,
    rolling_offset,
    idling_offset,
    data_size,
  };
}

/** A new header whose tag and MAC are still zero; they are written into `bytes`. Values must be within their limits. */
export function createHeader(fields: Omit<Header, "bytes" | "idling_offset"> & { readonly sid: Uint8Array }): Header {
  // From Buffer's pool, which `alloc` does not take from.
  const bytes = Buffer.allocUnsafe(HEADER_BYTES).fill(0);
  bytes[0] = 1;
  bytes.writeUInt16LE(fields.flags, 1);
  bytes.set(fields.sid, 3);
  bytes.writeUIntLE(fields.created_at, 35, 5);
  bytes.writeUInt32LE(fields.rolling_offset, 40);
  bytes.writeUIntLE(fields.data_size, 44, 3);
  const { flags, created_at, rolling_offset, data_size } = fields;
  return { bytes, flags, created_at, rolling_offset, data_size, idling_offset: 0 };
}

/** The same header with another idling offset, clamped to what the field holds; its MAC has to be made anew. */
export function touchHeader(header: Header, idlingOffset: number): Header {
  const bytes = Buffer.from(header.bytes);
  const idling_offset = Math.min(Math.max(idlingOffset, 0), MAX_IDLING_OFFSET);
  bytes.writeUIntLE(idling_offset, TOUCH_END, 3);
  return { ...header, bytes, idling_offset };
}
