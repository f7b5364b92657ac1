import { getFips, hash, pbkdf2, pbkdf2Sync, randomBytes } from "node:crypto";
import { promisify } from "node:util";
import type { Awaitable } from "./awaitable.ts";
import { Hmac } from "./hmac.ts";

const pbkdf2Async = promisify(pbkdf2);

const AES_KEY = 32;
const NONCE = 12;

/** Iterations of the slow derivation by `remember_safety`; "None" is derived like a session cookie. */
const iterations = { None: 0, Low: 1_000, Medium: 10_000, High: 100_000, "Very High": 1_000_000 } as const;

export type RememberSafety = keyof typeof iterations;

/** What the payload of one session id is sealed with. `key` has one character for each of its 32 bytes. */
export interface SealKey {
  readonly key: string;
  readonly nonce: Uint8Array;
}

/** All keys that come from one initial key material. The material itself stays inside. */
export interface SessionKeys {
  /** The 32 bytes of a message's MAC, one character for each, under the key for a session id of 32 bytes. */
  mac(sid: Uint8Array, message: Uint8Array): string;
  /**
   * The key of the payload for a session id. A promise where the derivation is so slow (Medium and up: more than a
   * millisecond) that it is done beside the event loop.
   */
  seal(sid: Uint8Array, safety: RememberSafety): Awaitable<SealKey>;
}

/**
 * Derive keys from 32 bytes of initial key material (SPEC-session-v4 §4): HKDF-SHA-256 with an empty salt, whose first
 * half is done here once, or PBKDF2 for remember cookies and wherever OpenSSL is in FIPS mode.
 */
export function createKeys(ikm: Uint8Array, fips = getFips() === 1): SessionKeys {
  // RFC 5869 §2.2: an empty salt stands for as many zeros as the digest has bytes.
  const pseudorandom = new Hmac("").digest(ikm);
  // One for each length of message.
  const [expandMac, expandSeal, expandNext] = [1, 2, 3].map(() => new Hmac(pseudorandom)) as [Hmac, Hmac, Hmac];
  const mac = new Hmac("");
  const macInfo = infoBuffer("authentication");
  const sealInfo = infoBuffer("encryption");
  const sealNext = Buffer.alloc(32 + sealInfo.length);

  function seal(sid: Uint8Array): SealKey {
    // RFC 5869 §2.3: T(1) = HMAC(info | 1), T(2) = HMAC(T(1) | info | 2); 44 bytes are wanted.
    const first = expandSeal.digest(withSid(sealInfo, sid));
    sealNext.write(first, 0, "latin1");
    sealNext.set(sealInfo, 32);
    sealNext[sealNext.length - 1] = 2;
    return { key: first, nonce: Buffer.from(expandNext.digest(sealNext).slice(0, NONCE), "latin1") };
  }

  return {
    mac(sid, message) {
      mac.setKey(
        fips
          ? pbkdf2Sync(ikm, salt("authentication", sid), 1, 32, "sha256").toString("latin1")
          : expandMac.digest(withSid(macInfo, sid)),
      );
      return mac.digest(message);
    },
    seal(sid, safety) {
      const rounds = iterations[safety] || (fips ? 1 : 0);
      if (rounds === 0) return seal(sid);
      if (rounds <= iterations.Low)
        return split(pbkdf2Sync(ikm, salt("encryption", sid), rounds, AES_KEY + NONCE, "sha256"));
      return pbkdf2Async(ikm, salt("encryption", sid), rounds, AES_KEY + NONCE, "sha256").then(split);
    },
  };
}

/** The initial key material that a configured secret stands for. */
export const ikmOfSecret = (secret: string): Uint8Array => hash("sha256", secret, "buffer");

/** Key material for a process that was given none: its cookies open nowhere else. */
export const randomIkm = (): Uint8Array => randomBytes(32);

/** `label:` with room for a session id, and the counter of RFC 5869 at the end. */
function infoBuffer(label: string): Buffer {
  const info = Buffer.alloc(label.length + 1 + 32 + 1);
  info.write(`${label}:`, "latin1");
  info[info.length - 1] = 1;
  return info;
}

function withSid(info: Buffer, sid: Uint8Array): Buffer {
  info.set(sid, info.length - 33);
  return info;
}

const salt = (label: string, sid: Uint8Array): Buffer => Buffer.concat([Buffer.from(`${label}:`), sid]);

const split = (bytes: Buffer): SealKey => ({
  key: bytes.toString("latin1", 0, AES_KEY),
  nonce: bytes.subarray(AES_KEY),
});
