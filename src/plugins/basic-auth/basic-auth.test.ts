import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { openWorld, type Visit } from "../../../test/helpers/plugins.ts";
import { createSubschema } from "../../entities/index.ts";
import { describeSubschema } from "../../schema/index.ts";
import { basicAuth } from "./index.ts";

async function openBasicWorld(t: TestContext) {
  const world = await openWorld(t, [basicAuth]);
  const bob = await world.add("consumers", { username: "bob" });
  const credential = await world.add("basicauth_credentials", {
    consumer: { id: bob.id },
    username: "robert",
    password: "a:b c",
  });
  await world.add("basicauth_credentials", { consumer: { id: bob.id }, username: "jürgen", password: "grün " });
  return { world, bob, credential };
}

const encode = (text: string) => `Basic ${Buffer.from(text).toString("base64")}`;
const right = encode("robert:a:b c");
const wrong = encode("robert:x");
const A = "Authorization";
const P = "Proxy-Authorization";

/** Which of `Authorization` (A) and `Proxy-Authorization` (P) reach the upstream when credentials are hidden. */
const table: readonly [reason: string, headers: string[], passes: boolean, left: string][] = [
  ["nothing", [], false, ""],
  ["the right password", [A, right], true, ""],
  ["the right password for a proxy", [P, right], true, ""],
  ["a scheme in small letters", [A, right.replace("B", "b")], true, ""],
  ["a name and a password beyond ASCII", [A, encode("jürgen:grün ")], true, ""],
  ["a wrong password", [A, wrong], false, ""],
  ["white space of a password counts", [A, encode("jürgen:grün")], false, ""],
  ["an empty password", [A, encode("robert:")], false, ""],
  ["an unknown name", [A, encode("nobody:a:b c")], false, ""],
  ["names have a case", [A, encode("Robert:a:b c")], false, ""],
  ["an empty name", [A, encode(":a:b c")], false, ""],
  ["no colon", [A, encode("robert")], false, ""],
  ["another scheme", [A, "Bearer abc"], false, ""],
  ["bad base64", [A, "Basic %%%"], false, ""],
  ["an empty value", [A, ""], false, ""],
  ["the proxy's wins", [P, right, A, wrong], true, "A"],
  ["a wrong password for a proxy is final", [P, wrong, A, right], false, "A"],
  ["an unknown name for a proxy is not", [P, encode("nobody:x"), A, right], true, ""],
  ["an unreadable value for a proxy is not", [P, "Bearer abc", A, right], true, ""],
  ["an unreadable value for a proxy alone", [P, "Bearer abc"], false, ""],
  ["binary", [A, "\xff\x80 Basic \xfe"], false, ""],
  ["binary that is base64", [A, `Basic ${Buffer.from([0xff, 0x3a, 0x00, 0xfe]).toString("base64")}`], false, ""],
  ["a zero byte in the name", [A, encode("robert\0:a:b c")], false, ""],
  ["a huge value", [A, encode(`robert:${"x".repeat(40_000)}`)], false, ""],
  ["a huge name", [A, encode(`${"x".repeat(40_000)}:x`)], false, ""],
  ["names of prototypes", [A, encode("__proto__:constructor")], false, ""],
];

for (const [reason, headers, passes, left] of table) {
  test(`basic-auth: ${reason}`, async (t) => {
    const { world } = await openBasicWorld(t);
    await world.configure("basic-auth", { hide_credentials: true });
    const visit = await world.visit({ headers });
    assert.equal(visit.exit === undefined, passes);
    if (!passes) assertRefused(visit, 'Basic realm="service"');
    const sent = visit.ctx.service.request.headers;
    assert.equal((sent.has("authorization") ? "A" : "") + (sent.has("proxy-authorization") ? "P" : ""), left);
  });
}

function assertRefused({ exit, ctx }: Visit, challenge: string): void {
  assert.equal(exit?.status, 401);
  assert.deepEqual(exit?.headers, ["WWW-Authenticate", challenge]);
  assert.equal(exit?.body, `{\n  "message":"Unauthorized",\n  "request_id":"${ctx.request.id}"\n}`);
  assert.equal(ctx.client.consumer, undefined);
}

test("the upstream is told the user name, and keeps the credentials unless they are hidden", async (t) => {
  const { world, bob, credential } = await openBasicWorld(t);
  await world.configure("basic-auth");
  const { ctx } = await world.visit({ headers: [A, right, P, right] });
  assert.deepEqual(ctx.service.request.headers.list, [
    ...[A, right, P, right],
    ...["X-Consumer-ID", bob.id],
    ...["X-Consumer-Username", "bob"],
    ...["X-Credential-Identifier", "robert"],
  ]);
  assert.equal(ctx.client.credential?.id, credential.id);
});

test("the realm stands in the challenge", async (t) => {
  const { world } = await openBasicWorld(t);
  await world.configure("basic-auth", { realm: "my realm" });
  assertRefused(await world.visit(), 'Basic realm="my realm"');
});

test("without a valid password a request is the anonymous consumer's, where there is one", async (t) => {
  const { world } = await openBasicWorld(t);
  await world.configure("basic-auth", { anonymous: "bob" });
  for (const headers of [[], [A, wrong], [A, "Bearer x"]]) {
    const { exit, ctx } = await world.visit({ headers });
    assert.equal(exit, undefined);
    assert.equal(ctx.client.credential, undefined);
    assert.equal(ctx.service.request.headers.get("x-anonymous-consumer"), "true");
  }
});

test("the stored hash is no password", async (t) => {
  const { world, credential } = await openBasicWorld(t);
  await world.configure("basic-auth");
  assert.match(String(credential["password"]), /^[0-9a-f]{40}$/);
  assertRefused(
    await world.visit({ headers: [A, encode(`robert:${credential["password"]}`)] }),
    'Basic realm="service"',
  );
});

test("a hash from another gateway is stored as it is, and its password opens", async (t) => {
  const { world, credential } = await openBasicWorld(t);
  await world.configure("basic-auth");
  const store = world.stores.named("basicauth_credentials")!;
  const { id, consumer, username, password: hash } = credential;
  const written = await store.upsert({ id }, { consumer, username, password_hash: hash });
  assert.equal(written["password"], hash);
  assert.ok(!("password_hash" in written));
  assert.equal((await world.visit({ headers: [A, right] })).exit, undefined);
  for (const password_hash of ["", "x", String(hash).toUpperCase(), `${hash}0`, 5]) {
    await assert.rejects(store.upsert({ id }, { consumer, username, password_hash }), { code: 2 });
  }
  const both = { consumer, username, password: "p", password_hash: hash };
  await assert.rejects(store.upsert({ id }, both), { code: 2, message: /password_hash: cannot be set together/ });
  await assert.rejects(store.upsert({ id }, { consumer, username }), { code: 2, message: /password: required/ });
});

test("preflights need a password, too", async (t) => {
  const { world } = await openBasicWorld(t);
  await world.configure("basic-auth");
  assertRefused(await world.visit({ method: "OPTIONS" }), 'Basic realm="service"');
});

test("a new password counts at once, the old one no more", async (t) => {
  const { world, credential } = await openBasicWorld(t);
  await world.configure("basic-auth");
  assert.equal((await world.visit({ headers: [A, right] })).exit, undefined);
  await world.stores.named("basicauth_credentials")!.update({ id: credential.id }, { password: "new" });
  assert.equal((await world.visit({ headers: [A, right] })).exit?.status, 401);
  assert.equal((await world.visit({ headers: [A, encode("robert:new")] })).exit, undefined);
});

test("a known name is answered without a promise", async (t) => {
  const { world } = await openBasicWorld(t);
  await world.configure("basic-auth");
  for (const value of [right, wrong, encode("nobody:x")]) {
    const { run } = await world.begin({ headers: [A, value] });
    assert.ok(!(run() instanceof Promise));
  }
});

test("the schema is Kong's", () => {
  const { fields } = describeSubschema(createSubschema(basicAuth));
  assert.deepEqual(Object.keys(Object.assign({}, ...fields)), ["consumer", "protocols", "config"]);
  const members = (fields[2] as { config: { fields: object[] } }).config.fields;
  const bare = JSON.parse(JSON.stringify(members), (key, value) => (key === "description" ? undefined : value));
  assert.deepEqual(bare, [
    { anonymous: { type: "string" } },
    { hide_credentials: { type: "boolean", required: true, default: false } },
    { realm: { type: "string", required: true, default: "service" } },
  ]);
});
