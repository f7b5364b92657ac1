import { createCipheriv, createDecipheriv, timingSafeEqual } from "node:crypto";
import { AAD_END, type Header, MAC_END, sidOf, tagOf } from "./header.ts";
import type { SealKey, SessionKeys } from "./keys.ts";

const CIPHER = "aes-256-gcm";
const TAG = { authTagLength: 16 };

/** Encrypt a payload under the header whose first 47 bytes it is bound to, and write its tag there. */
export function encrypt(plaintext: Uint8Array, header: Header, { key, nonce }: SealKey): Buffer {
  const cipher = createCipheriv(CIPHER, key, nonce, TAG);
  cipher.setAAD(header.bytes.subarray(0, AAD_END));
  const ciphertext = cipher.update(plaintext);
  cipher.final();
  header.bytes.set(cipher.getAuthTag(), AAD_END);
  return ciphertext;
}

/** Decrypt a payload. Undefined when the tag of the header does not fit. */
export function decrypt(ciphertext: Uint8Array, header: Header, { key, nonce }: SealKey): Buffer | undefined {
  const decipher = createDecipheriv(CIPHER, key, nonce, TAG);
  decipher.setAAD(header.bytes.subarray(0, AAD_END));
  decipher.setAuthTag(tagOf(header));
  const plaintext = decipher.update(ciphertext);
  try {
    decipher.final();
  } catch {
    return undefined;
  }
  return plaintext;
}

/** Write the MAC of a header into it. `suffix` is what the cookie is bound to, or empty. */
export function sign(header: Header, keys: SessionKeys, suffix: Uint8Array): void {
  header.bytes.write(macOf(header, keys, suffix), MAC_END, "latin1");
}

/** Whether a header has the MAC these keys give it. */
export function isSigned(header: Header, keys: SessionKeys, suffix: Uint8Array): boolean {
  return timingSafeEqual(Buffer.from(macOf(header, keys, suffix), "latin1"), header.bytes.subarray(MAC_END));
}

/** HMAC-SHA-256 over the first 66 bytes and the suffix, cut to 16 bytes (SPEC-session-v4 §6). */
function macOf(header: Header, keys: SessionKeys, suffix: Uint8Array): string {
  const signed = header.bytes.subarray(0, MAC_END);
  const message = suffix.length === 0 ? signed : Buffer.concat([signed, suffix]);
  return keys.mac(sidOf(header), message).slice(0, 16);
}
