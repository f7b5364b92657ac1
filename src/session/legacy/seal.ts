import { createDecipheriv, createHmac, hash, type KeyObject, timingSafeEqual } from "node:crypto";
import type { Visit } from "../bind.ts";
import type { LegacyCookie } from "./cookie.ts";
import type { LegacySettings } from "./settings.ts";

type Options = LegacySettings["options"];

const BLOCK = 16;
const TAG = 16;
const SALT = 8;
const NOTHING = Buffer.alloc(0);

/** The names of the modes in OpenSSL, and how many bytes of an initialisation vector are derived for them. */
const modes = {
  cbc: { suffix: "cbc", iv: BLOCK },
  ecb: { suffix: "ecb", iv: 0 },
  cfb1: { suffix: "cfb1", iv: BLOCK },
  cfb8: { suffix: "cfb8", iv: BLOCK },
  cfb128: { suffix: "cfb", iv: BLOCK },
  ofb: { suffix: "ofb", iv: BLOCK },
  ctr: { suffix: "ctr", iv: BLOCK },
  gcm: { suffix: "gcm", iv: 12 },
} as const;

/**
 * Decrypt and verify (SPEC-session-v2-v3 §2). Undefined when anything does not fit: what it was is not told, and takes no
 * other time, since older releases encrypt without authenticating the ciphertext.
 */
export function unsealLegacy(
  cookie: LegacyCookie,
  ciphertext: Buffer,
  settings: LegacySettings,
  visit: Visit,
): Buffer | undefined {
  const { options, secret } = settings;
  const signed = signedText(cookie, options);
  const key = hmac(secret, signed);
  if (options.cipher === "aes" && options["aes.mode"] === "gcm") {
    return decryptGcm(ciphertext, cookie.hash, deriveKey(key, cookie.id, options), options);
  }
  const opened =
    options.cipher === "none"
      ? { plaintext: ciphertext, fits: true }
      : decrypt(ciphertext, deriveKey(key, cookie.id, options), options);
  const expected = hmac(key, signed, opened.plaintext, boundText(options, visit));
  const isSigned = expected.length === cookie.hash.length && timingSafeEqual(expected, cookie.hash);
  return isSigned && opened.fits ? opened.plaintext : undefined;
}

/** What the key of one session is made of: `K` of the specification. */
function signedText({ id, expires, usebefore }: LegacyCookie, { strategy }: Options): Buffer {
  return Buffer.concat([id, Buffer.from(`${strategy === "default" ? expires : ""}${usebefore ?? ""}`)]);
}

/** User agent, address and scheme, as far as cookies are bound to them; what a visit lacks is empty. */
function boundText(options: Options, { userAgent, remoteAddress, scheme }: Visit): Buffer {
  const agent = options["check.ua"] ? (userAgent ?? "") : "";
  const address = options["check.addr"] ? (remoteAddress ?? "") : "";
  const text = agent + address + (options["check.scheme"] ? (scheme ?? "") : "");
  // Text that never was bytes of a header must not lose its upper bits and become equal to another.
  return Buffer.from(text, /[^\x00-\xff]/.test(text) ? "utf8" : "latin1");
}

function hmac(key: Buffer | KeyObject, ...message: Uint8Array[]): Buffer {
  const code = createHmac("sha1", key);
  for (const part of message) code.update(part);
  return code.digest();
}

interface AesKey {
  readonly key: Buffer;
  readonly iv: Buffer;
}

/**
 * OpenSSL's EVP_BytesToKey: digests of digests are strung together until they suffice for key and initialisation vector.
 *
 *   D1 = H^rounds(key || salt)     Di = H^rounds(D(i-1) || key || salt)
 */
function deriveKey(key: Buffer, id: Buffer, options: Options): AesKey {
  const { iv } = modes[options["aes.mode"]];
  const size = options["aes.size"] / 8;
  // Shorter ids are repeated.
  const salt = Buffer.alloc(SALT, id);
  let derived = NOTHING;
  let digest = NOTHING;
  while (derived.length < size + iv) {
    digest = Buffer.concat([digest, key, salt]);
    for (let round = 0; round < options["aes.rounds"]; round++) digest = hash(options["aes.hash"], digest, "buffer");
    derived = Buffer.concat([derived, digest]);
  }
  return { key: derived.subarray(0, size), iv: derived.subarray(size, size + iv) };
}

/** Decrypt without an authentication code. Padding that is none leaves the text as it is, and does not fit. */
function decrypt(
  ciphertext: Buffer,
  { key, iv }: AesKey,
  options: Options,
): { readonly plaintext: Buffer; readonly fits: boolean } {
  const mode = options["aes.mode"];
  const isPadded = mode === "cbc" || mode === "ecb";
  if (isPadded && (ciphertext.length === 0 || ciphertext.length % BLOCK !== 0)) {
    return { plaintext: NOTHING, fits: false };
  }
  const algorithm = `aes-${options["aes.size"]}-${modes[mode].suffix}`;
  const decipher = createDecipheriv(algorithm, key, mode === "ecb" ? null : iv);
  decipher.setAutoPadding(false);
  const plaintext = Buffer.concat([decipher.update(ciphertext), decipher.final()]);
  if (!isPadded) return { plaintext, fits: true };
  const padding = plaintext.at(-1)!;
  let differs = padding === 0 || padding > BLOCK ? 1 : 0;
  for (let back = 1; back <= BLOCK; back++) {
    if (back <= padding) differs |= plaintext.at(-back)! ^ padding;
  }
  return differs === 0 ? { plaintext: plaintext.subarray(0, -padding), fits: true } : { plaintext, fits: false };
}

/** GCM with a nonce as long as the key, whose end is zero; its tag stands where else the signature is. */
function decryptGcm(ciphertext: Buffer, tag: Buffer, { key, iv }: AesKey, options: Options): Buffer | undefined {
  if (tag.length !== TAG) return undefined;
  const nonce = Buffer.alloc(key.length);
  iv.copy(nonce);
  const decipher = createDecipheriv(`aes-${options["aes.size"]}-gcm`, key, nonce, { authTagLength: TAG });
  decipher.setAuthTag(tag);
  const plaintext = decipher.update(ciphertext);
  try {
    decipher.final();
  } catch {
    return undefined;
  }
  return plaintext;
}
