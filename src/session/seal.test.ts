import assert from "node:assert/strict";
import { createCipheriv } from "node:crypto";
import { test } from "node:test";
import { AAD_END, createHeader, HEADER_BYTES, type Header, MAC_END, TOUCH_END } from "./header.ts";
import { createKeys, ikmOfSecret, type SealKey } from "./keys.ts";
import { decrypt, encrypt, isSigned, sign } from "./seal.ts";

const keys = createKeys(ikmOfSecret("a secret"), false);
const sid = Buffer.alloc(32, 7);
const text = '[[{"café":"中 😀"},"default"]]';
const plain = Buffer.from(text);
const bound = Buffer.alloc(33, 9);
const newHeader = () => createHeader({ flags: 0, sid, created_at: 1_900_000_000, rolling_offset: 5, data_size: 40 });

/** The header with one bit of one byte turned over. */
function damaged(header: Header, at: number, bit: number): Header {
  const bytes = Buffer.from(header.bytes);
  bytes[at]! ^= 1 << bit;
  return { ...header, bytes };
}

test("a MAC fits only as it is: any other bit of it, or of what it covers, is refused", () => {
  for (const suffix of [Buffer.alloc(0), bound]) {
    const header = newHeader();
    sign(header, keys, suffix);
    assert.equal(isSigned(header, keys, suffix), true);
    for (let at = 0; at < HEADER_BYTES; at++) {
      for (let bit = 0; bit < 8; bit++) assert.equal(isSigned(damaged(header, at, bit), keys, suffix), false);
    }
    assert.equal(isSigned(header, keys, suffix === bound ? Buffer.alloc(0) : bound), false);
    assert.equal(isSigned(header, createKeys(ikmOfSecret("another"), false), suffix), false);
  }
});

test("a payload is encrypted as AES-256-GCM says, be it text or bytes", () => {
  const { key, nonce } = keys.seal(sid, "None") as SealKey;
  const header = newHeader();
  const cipher = createCipheriv("aes-256-gcm", Buffer.from(key, "latin1"), nonce);
  cipher.setAAD(header.bytes.subarray(0, AAD_END));
  const expected = Buffer.concat([cipher.update(plain), cipher.final()]);
  for (const content of [text, plain]) {
    assert.deepEqual(encrypt(content, header, { key, nonce }), expected);
    assert.deepEqual(header.bytes.subarray(AAD_END, TOUCH_END), cipher.getAuthTag());
  }
});

test("a payload opens only with its header, tag and bytes as they are", () => {
  const key = keys.seal(sid, "None") as SealKey;
  const header = newHeader();
  const ciphertext = encrypt(text, header, key);
  assert.equal(decrypt(ciphertext, header, key)?.toString(), text);
  for (let at = 0; at < TOUCH_END; at++) assert.equal(decrypt(ciphertext, damaged(header, at, at % 8), key), undefined);
  for (let at = 0; at < ciphertext.length; at++) {
    const other = Buffer.from(ciphertext);
    other[at]! ^= 1;
    assert.equal(decrypt(other, header, key), undefined);
  }
  // A touch changes what stands behind the tag.
  assert.equal(decrypt(ciphertext, damaged(header, MAC_END - 1, 0), key)?.toString(), text);
});
