import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { generate } from "selfsigned";
import { createStores, openSqlite } from "../src/database/index.ts";
import {
  caCertificate,
  certificate,
  key,
  keySet,
  service,
  sni,
  target,
  upstream,
  vault,
} from "../src/entities/index.ts";
import { EntityError } from "../src/schema/index.ts";

const entities = [upstream, target, certificate, sni, caCertificate, vault, keySet, key];
const stores = await createStores(openSqlite({ file: ":memory:" }), { plugins: [], entities });

const fields = (expected: unknown) => (error: unknown) => {
  assert.ok(error instanceof EntityError, String(error));
  assert.deepEqual(error.fields, expected);
  return true;
};

async function createCertificate(options: { readonly ca?: boolean; readonly expired?: boolean } = {}) {
  const day = 86_400_000;
  const from = Date.now() - 10 * day;
  return generate([{ name: "commonName", value: "example.com" }], {
    keySize: 2048,
    notBeforeDate: new Date(from),
    notAfterDate: new Date(options.expired ? from + day : from + 100 * day),
    extensions: [{ name: "basicConstraints", cA: options.ca === true }],
  });
}

test("the algorithm of an upstream and what it hashes follow each other", async () => {
  const store = stores.of(upstream);
  const row = await store.insert({ name: "u.test", hash_on: "ip" });
  assert.equal(row.algorithm, "consistent-hashing");
  const least = await store.update({ name: "u.test" }, { algorithm: "least-connections" });
  assert.equal(least.hash_on, "none");
  assert.equal((await store.update({ name: "u.test" }, { hash_on: "none" })).algorithm, "round-robin");
  await assert.rejects(
    store.insert({ name: "v.test", hash_on: "header" }),
    fields({
      hash_on_header: "required field missing",
      "@entity": ["failed conditional validation given value of field 'hash_on'"],
    }),
  );
  await assert.rejects(
    store.insert({ name: "1.2.3.4" }),
    fields({ name: "Invalid name ('1.2.3.4'); no ip addresses allowed" }),
  );
});

test("health checks are complete, whatever was given", async () => {
  const row = await stores
    .of(upstream)
    .insert({ name: "h.test", healthchecks: { active: { healthy: { interval: 5 } } } });
  assert.equal(row.healthchecks?.active.healthy.interval, 5);
  assert.deepEqual(row.healthchecks?.active.healthy.http_statuses, [200, 302]);
  assert.equal(row.healthchecks?.threshold, 0);
  assert.equal(row.healthchecks?.active.https_sni, null);
  assert.equal((await stores.of(upstream).insert({ name: "d.test" })).healthchecks?.threshold, 0);
});

test("a target has a port, and is unique below its upstream", async () => {
  const { id } = await stores.of(upstream).insert({ name: "t.test" });
  const row = await stores.of(target).insert({ upstream: { name: "t.test" }, target: "server.test" });
  assert.equal(row.target, "server.test:8000");
  const v6 = await stores.of(target).insert({ upstream: { id }, target: "[::1]:80", weight: 0 });
  assert.equal(v6.target, "[0000:0000:0000:0000:0000:0000:0000:0001]:80");
  await assert.rejects(stores.of(target).insert({ upstream: { id }, target: "server.test:8000" }), { code: 5 });
  await assert.rejects(
    stores.of(target).insert({ upstream: { id }, target: "a b" }),
    fields({ target: "Invalid target ('a b'); not a valid hostname or ip address" }),
  );
  await stores.of(upstream).delete({ id });
  assert.deepEqual(await stores.of(target).all(), []);
});

test("a certificate must match its key, and stays while a service uses it", async () => {
  const [one, other] = [await createCertificate(), await createCertificate()];
  const store = stores.of(certificate);
  await assert.rejects(
    store.insert({ cert: one.cert, key: other.private }),
    fields({ "@entity": ["certificate does not match key"] }),
  );
  await assert.rejects(store.insert({ cert: "x", key: "y" }), { code: 2 });
  const { id } = await store.insert({ cert: one.cert, key: one.private });
  await stores.of(sni).insert({ name: "*.example.com", certificate: { id } });
  const user = await stores.of(service).insert({ url: "https://h", client_certificate: { id } });
  await assert.rejects(store.delete({ id }), {
    code: 4,
    message: "an existing 'services' entity references this 'certificates' entity",
  });
  await stores.of(service).delete({ id: user.id });
  assert.equal(await store.delete({ id }), true);
  assert.deepEqual(await stores.of(sni).all(), []);
});

test("a CA certificate is one of an authority, has its digest, and stays while a service trusts it", async () => {
  const store = stores.of(caCertificate);
  const authority = await createCertificate({ ca: true });
  const reject = (cert: string, text: string) => assert.rejects(store.insert({ cert }), fields({ "@entity": [text] }));
  await reject(`${authority.cert}\n${authority.cert}`, "please submit only one certificate at a time");
  await reject(
    (await createCertificate({ ca: true, expired: true })).cert,
    'certificate expired, "Not After" time is in the past',
  );
  await reject(
    (await createCertificate()).cert,
    'certificate does not appear to be a CA because it is missing the "CA" basic constraint',
  );
  const row = await store.insert({ cert: authority.cert });
  assert.match(row.cert_digest ?? "", /^[0-9a-f]{64}$/);
  await assert.rejects(store.insert({ cert: authority.cert }), { code: 5 });
  const user = await stores.of(service).insert({ url: "https://h", ca_certificates: [row.id] });
  await assert.rejects(store.delete({ id: row.id }), {
    code: 19,
    message: `ca certificate ${row.id} is still referenced by services (id = ${user.id})`,
  });
  await stores.of(service).delete({ id: user.id });
  assert.equal(await store.delete({ id: row.id }), true);
});

test("a vault has the settings of its kind", async () => {
  const store = stores.of(vault);
  const row = await store.insert({ prefix: "my-env", name: "env", config: { prefix: "SECRET_" } });
  assert.deepEqual(row.config, { prefix: "SECRET_" });
  assert.deepEqual(await store.select({ prefix: "my-env" }), row);
  await assert.rejects(store.insert({ prefix: "x1", name: "aws" }), fields({ name: "vault 'aws' is not installed" }));
  await assert.rejects(store.insert({ prefix: "env", name: "env" }), fields({ prefix: "must not be one of: env" }));
  await assert.rejects(store.insert({ prefix: "Env", name: "env" }), fields({ prefix: "invalid value: Env" }));
});

test("a key is a JWK or a pair in PEM format, with an id that is unique in its set", async () => {
  const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const jwk = JSON.stringify({ ...pair.publicKey.export({ format: "jwk" }), kid: "1" });
  const pem = {
    public_key: pair.publicKey.export({ format: "pem", type: "spki" }),
    private_key: pair.privateKey.export({ format: "pem", type: "pkcs8" }),
  };
  await stores.of(keySet).insert({ name: "set" });
  const store = stores.of(key);
  await store.insert({ name: "a", kid: "1", jwk, set: { name: "set" } });
  await store.insert({ kid: "2", pem });
  await assert.rejects(store.insert({ kid: "1", jwk, set: { name: "set" } }), { code: 5 });
  await assert.rejects(
    store.insert({ kid: "3", jwk }),
    fields({ "@entity": ["kid in jwk.kid must be equal to keys.kid"] }),
  );
  await assert.rejects(
    store.insert({ kid: "3" }),
    fields({ "@entity": ["at least one of these fields must be non-empty: 'jwk', 'pem'"] }),
  );
  await assert.rejects(
    store.insert({ kid: "1", jwk, pem }),
    fields({ "@entity": ["only one or none of these fields must be set: 'jwk', 'pem'"] }),
  );
  await assert.rejects(
    store.insert({ kid: "4", pem: { public_key: "x" } }),
    fields({ pem: "could not load public key" }),
  );
});
