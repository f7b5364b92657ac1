import assert from "node:assert/strict";
import { createHmac, hkdfSync, pbkdf2Sync } from "node:crypto";
import { test } from "node:test";
import { isPromise } from "./awaitable.ts";
import { Hmac } from "./hmac.ts";
import { createKeys, ikmOfSecret, type RememberSafety } from "./keys.ts";

// The worked example of SPEC-session-v4 §14.
const ikm = ikmOfSecret("interop-public-secret");
const sid = Buffer.from("bc8eab8e5abdb42acece3f3d079146fca489c0d044c646ec468354cee99c46cc", "hex");
const keys = createKeys(ikm, false);

test("a secret stands for its SHA-256 digest, and the empty one too", () => {
  assert.equal(Buffer.from(ikm).toString("hex"), "620e66d09f7db14782fa1fdd8dee73ee50899472d55e3c257b6d577ecbadea5d");
  assert.equal(ikmOfSecret("").length, 32);
});

test("the key and nonce of a payload", async () => {
  const { key, nonce } = await keys.seal(sid, "None");
  const hex = Buffer.from(key, "latin1").toString("hex");
  assert.equal(hex, "9a16a672c200832b1cd8fd82738f1ce9fda4531fcbe9ec4965a572c2ba124a50");
  assert.equal(Buffer.from(nonce).toString("hex"), "aca1310552fd6f5505e4a2ca");
});

test("the key of a MAC", () => {
  const key = Buffer.from("aff56345929adda69d26e5d27025258f3d6f3c3bb38c9bd7c6b4d1415b3f1af4", "hex");
  assert.equal(keys.mac(sid, sid), createHmac("sha256", key).update(sid).digest("binary"));
});

test("HMAC agrees with the one of OpenSSL", () => {
  const hmac = new Hmac("another key");
  for (const first of [0, 150, 255]) {
    const key = Buffer.alloc(32, first);
    hmac.setKey(key.toString("latin1"));
    for (const length of [0, 55, 64, 300]) {
      const message = Buffer.alloc(length, length);
      assert.equal(hmac.digest(message), createHmac("sha256", key).update(message).digest("binary"));
    }
  }
});

test("one set of keys serves many session ids", async () => {
  for (const byte of [1, 2, 1]) {
    const other = Buffer.alloc(32, byte);
    const { key, nonce } = await keys.seal(other, "None");
    const info = Buffer.concat([Buffer.from("encryption:"), other]);
    const expected = Buffer.from(hkdfSync("sha256", ikm, "", info, 44));
    assert.deepEqual(Buffer.concat([Buffer.from(key, "latin1"), nonce]), expected);
  }
});

const rounds: readonly (readonly [RememberSafety, number])[] = [
  ["Low", 1_000],
  ["Medium", 10_000],
  ["High", 100_000],
];
for (const [safety, count] of rounds) {
  test(`remember safety ${safety} takes ${count} rounds of PBKDF2`, async () => {
    const salt = Buffer.concat([Buffer.from("encryption:"), sid]);
    const { key, nonce } = await keys.seal(sid, safety);
    assert.deepEqual(Buffer.concat([Buffer.from(key, "latin1"), nonce]), pbkdf2Sync(ikm, salt, count, 44, "sha256"));
  });
}

test("only slow derivations are waited for", () => {
  assert.equal(isPromise(keys.seal(sid, "None")), false);
  assert.equal(isPromise(keys.seal(sid, "Low")), false);
  assert.equal(isPromise(keys.seal(sid, "Medium")), true);
});

test("in FIPS mode one round of PBKDF2 takes the place of HKDF", async () => {
  const fips = createKeys(ikm, true);
  const derived = (label: string, size: number) =>
    pbkdf2Sync(ikm, Buffer.concat([Buffer.from(`${label}:`), sid]), 1, size, "sha256");
  const { key, nonce } = await fips.seal(sid, "None");
  assert.deepEqual(Buffer.concat([Buffer.from(key, "latin1"), nonce]), derived("encryption", 44));
  assert.equal(fips.mac(sid, sid), createHmac("sha256", derived("authentication", 32)).update(sid).digest("binary"));
});
