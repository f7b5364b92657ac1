import assert from "node:assert/strict";
import { createDecipheriv, createHmac, hkdfSync, pbkdf2Sync } from "node:crypto";
import { inflateRawSync } from "node:zlib";

const rounds: Record<string, number> = { Low: 1_000, Medium: 10_000, High: 100_000, "Very High": 1_000_000 };

/** A session cookie as it reads on the wire. */
export interface DecodedCookie {
  /** Header fields, in hexadecimal: all that does not depend on the payload's bytes. */
  readonly fields: string;
  readonly deflated: boolean;
  /** The JSON text that was sealed. */
  readonly text: string;
}

/**
 * Decode a cookie by the book (SPEC-session-v4 §2 to §6), sharing no code with the engine: header and payload text are given,
 * tag and MAC are checked, the MAC only of a cookie that is bound to nothing.
 */
export function decodeCookie(headerText: string, payload: string, ikm: Buffer, safety: string): DecodedCookie {
  const header = Buffer.from(headerText, "base64url");
  assert.equal(header.length, 82);
  const flags = header.readUInt16LE(1);
  const sid = header.subarray(3, 35);
  const info = (label: string) => Buffer.concat([Buffer.from(`${label}:`), sid]);
  const hkdf = (label: string, size: number) => Buffer.from(hkdfSync("sha256", ikm, "", info(label), size));
  const count = rounds[safety];
  const key = count === undefined ? hkdf("encryption", 44) : pbkdf2Sync(ikm, info("encryption"), count, 44, "sha256");
  if ((flags & 0x0700) === 0) {
    const mac = createHmac("sha256", hkdf("authentication", 32)).update(header.subarray(0, 66)).digest();
    assert.deepEqual(header.subarray(66), mac.subarray(0, 16), "the MAC");
  }
  assert.equal(header.readUIntLE(44, 3), payload.length, "the data size");
  const decipher = createDecipheriv("aes-256-gcm", key.subarray(0, 32), key.subarray(32));
  decipher.setAAD(header.subarray(0, 47));
  decipher.setAuthTag(header.subarray(47, 63));
  const plaintext = Buffer.concat([decipher.update(Buffer.from(payload, "base64url")), decipher.final()]);
  const deflated = (flags & 0x0010) !== 0;
  return {
    fields: header.subarray(0, 44).toString("hex") + header.subarray(63, 66).toString("hex"),
    deflated,
    text: (deflated ? inflateRawSync(plaintext) : plaintext).toString(),
  };
}

/** The cookies of a response: header and payload text of each session, and the attributes of each cookie. */
export function readSetCookies(texts: readonly string[], names: readonly string[]) {
  const attributes = new Map<string, string>();
  const values = new Map<string, string>();
  for (const text of texts) {
    const [, name = "", value = "", rest = ""] = /^([^=]*)=([^;]*)(.*)$/s.exec(text) ?? [];
    attributes.set(name, value === "" ? `expired${rest}` : rest);
    values.set(name, value);
  }
  const sessions = names
    .filter((name) => values.get(name))
    .map((name) => {
      let payload = values.get(name)!.slice(110);
      for (let number = 2; number <= 9; number++) payload += values.get(`${name}${number}`) ?? "";
      return { name, header: values.get(name)!.slice(0, 110), payload };
    });
  return { order: [...attributes.keys()], attributes, sessions };
}
