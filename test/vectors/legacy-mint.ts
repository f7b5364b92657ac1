import { createCipheriv, createHash, createHmac } from "node:crypto";
import { gzipSync } from "node:zlib";
import type { LegacyConfig } from "./legacy-vectors.ts";

/** What a session of an older release is made of. `expires` and `usebefore` are in seconds since the epoch. */
export interface LegacySession {
  readonly release: 2 | 3;
  readonly id: Buffer;
  readonly expires: number;
  readonly usebefore?: number | undefined;
  readonly plaintext: string;
  /** What the cookie is bound to: user agent, address and scheme in one. */
  readonly bound: string;
}

/** A session as an older release sends and stores it. */
export interface Minted {
  /** The cookies, `name=value` each. */
  readonly cookies: readonly string[];
  /** Id and ciphertext as records have them. */
  readonly idText: string;
  readonly ciphertext: Buffer;
}

/** Write a session by the book (SPEC-session-v2-v3 §1, §2, §5), sharing no code with the engine. */
export function mint(config: LegacyConfig, session: LegacySession): Minted {
  const { id, expires, usebefore } = session;
  const encode = (bytes: Buffer): string => {
    if (config.encoder === "hex" || config.encoder === "base16") return bytes.toString("hex");
    const text = bytes.toString("base64url");
    return session.release === 2 ? text.padEnd(Math.ceil(text.length / 4) * 4, ".") : text;
  };
  const expiry = config.strategy === "regenerate" ? "" : String(expires);
  const signed = Buffer.concat([id, Buffer.from(`${expiry}${usebefore ?? ""}`)]);
  const key = createHmac("sha1", config.secret).update(signed).digest();
  const plaintext = config.compressor === "zlib" ? gzipSync(session.plaintext) : Buffer.from(session.plaintext);
  const { ciphertext, tag } = encrypt(config, key, id, plaintext);
  const hash = tag ?? createHmac("sha1", key).update(signed).update(plaintext).update(session.bound, "latin1").digest();
  const isStored = (config.storage ?? "cookie") !== "cookie";
  const value = [
    encode(id),
    usebefore === undefined ? expires : `${expires}:${usebefore}`,
    ...(isStored ? [] : [encode(ciphertext)]),
    encode(hash),
  ].join("|");
  return { cookies: split(config, value), idText: encode(id), ciphertext };
}

function encrypt({ cipher, aes = {} }: LegacyConfig, secret: Buffer, id: Buffer, plaintext: Buffer) {
  if (cipher === "none") return { ciphertext: plaintext, tag: undefined };
  const { size = 256, mode = "cbc", hash = "sha512", rounds = 1 } = aes;
  const bytes = Number(size) / 8;
  const salt = Buffer.concat(Array(8).fill(id)).subarray(0, 8);
  const digests: Buffer[] = [];
  while (Buffer.concat(digests).length < bytes + 16) {
    let digest = Buffer.concat([digests.at(-1) ?? Buffer.alloc(0), secret, salt]);
    for (let round = 0; round < Number(rounds); round++) digest = createHash(hash).update(digest).digest();
    digests.push(digest);
  }
  const derived = Buffer.concat(digests);
  const key = derived.subarray(0, bytes);
  if (mode === "gcm") {
    const nonce = Buffer.concat([derived.subarray(bytes, bytes + 12), Buffer.alloc(bytes)]).subarray(0, bytes);
    const gcm = createCipheriv(`aes-${size}-gcm` as "aes-256-gcm", key, nonce);
    const ciphertext = Buffer.concat([gcm.update(plaintext), gcm.final()]);
    return { ciphertext, tag: gcm.getAuthTag() };
  }
  const iv = mode === "ecb" ? null : derived.subarray(bytes, bytes + 16);
  const aesCipher = createCipheriv(`aes-${size}-${mode === "cfb128" ? "cfb" : mode}`, key, iv);
  return { ciphertext: Buffer.concat([aesCipher.update(plaintext), aesCipher.final()]), tag: undefined };
}

function split({ name = "session", cookie = {} }: LegacyConfig, value: string): string[] {
  const maxsize = Number(cookie.maxsize ?? 4000);
  const count = Math.ceil(value.length / maxsize);
  return Array.from({ length: count }, (_, at) => {
    const part = value.slice(at * maxsize, (at + 1) * maxsize) + (at + 1 < count ? "0" : "");
    return `${name}${at === 0 ? "" : `_${at + 1}`}=${part}`;
  });
}
