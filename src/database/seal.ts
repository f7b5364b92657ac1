import { createCipheriv, createDecipheriv, createHmac, randomBytes } from "node:crypto";

const NONCE = 16;
const TAG = 16;
/** Each message has a key of its own, so its initialisation vector need not differ. */
const IV = Buffer.alloc(12);

/** Bytes of the longest text whose sealed form has at most so many characters. */
export function sealable(characters: number): number {
  return Math.floor(characters / 4) * 3 - NONCE - TAG;
}

/**
 * Encrypt and authenticate a text; AES-256-GCM under a key of its own, made from the shared key and a nonce (bytes):
 *
 *   base64( nonce 16 | tag 16 | ciphertext ),  key = HMAC-SHA-256(shared key, nonce)
 */
export function seal(key: Uint8Array, text: string): string {
  const nonce = randomBytes(NONCE);
  const cipher = createCipheriv("aes-256-gcm", messageKey(key, nonce), IV, { authTagLength: TAG });
  const sealed = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString("base64");
}

/** Undefined when the text was not sealed under this key. */
export function unseal(key: Uint8Array, sealed: string): string | undefined {
  const bytes = Buffer.from(sealed, "base64");
  if (bytes.length < NONCE + TAG) return undefined;
  const nonce = bytes.subarray(0, NONCE);
  const decipher = createDecipheriv("aes-256-gcm", messageKey(key, nonce), IV, { authTagLength: TAG });
  decipher.setAuthTag(bytes.subarray(NONCE, NONCE + TAG));
  try {
    return decipher.update(bytes.subarray(NONCE + TAG), undefined, "utf8") + decipher.final("utf8");
  } catch {
    return undefined;
  }
}

function messageKey(key: Uint8Array, nonce: Uint8Array): Buffer {
  return createHmac("sha256", key).update(nonce).digest();
}
