import { createCipheriv, createDecipheriv } from "node:crypto";
import { AAD_END, type Header, MAC_END, sidOf, tagOf } from "./header.ts";
import type { SealKey, SessionKeys } from "./keys.ts";

const CIPHER = "aes-256-gcm";
/** Keys are text: a KeyObject for one use is two objects more to collect, and for a Buffer Node 24 throws and catches an error. */
const OPTIONS = { authTagLength: 16, encoding: "latin1" } as const;

const MAC = 16;

/** Encrypt a payload under the header whose first 47 bytes it is bound to, and write its tag there. */
export function encrypt(plaintext: string | Uint8Array, header: Header, { key, nonce }: SealKey): Buffer {
  const cipher = createCipheriv(CIPHER, key, nonce, OPTIONS);
  cipher.setAAD(header.bytes.subarray(0, AAD_END));
  const ciphertext = typeof plaintext === "string" ? cipher.update(plaintext, "utf8") : cipher.update(plaintext);
  cipher.final();
  header.bytes.set(cipher.getAuthTag(), AAD_END);
  return ciphertext;
}

/** Decrypt a payload. Undefined when the tag of the header does not fit. */
export function decrypt(ciphertext: Uint8Array, header: Header, { key, nonce }: SealKey): Buffer | undefined {
  const decipher = createDecipheriv(CIPHER, key, nonce, OPTIONS);
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
  const mac = macOf(header, keys, suffix);
  let differs = 0;
  // All of it, so that the time tells nothing.
  for (let at = 0; at < MAC; at++) differs |= mac.charCodeAt(at) ^ header.bytes[MAC_END + at]!;
  return differs === 0;
}

/** HMAC-SHA-256 over the first 66 bytes and the suffix, cut to 16 bytes (SPEC-session-v4 §6). */
function macOf(header: Header, keys: SessionKeys, suffix: Uint8Array): string {
  const signed = header.bytes.subarray(0, MAC_END);
  const message = suffix.length === 0 ? signed : Buffer.concat([signed, suffix]);
  return keys.mac(sidOf(header), message).slice(0, MAC);
}
