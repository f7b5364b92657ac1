import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { TestRequest } from "../../../test/helpers/inbound.ts";
import { openWorld, START, type Visit } from "../../../test/helpers/plugins.ts";
import { createSubschema } from "../../entities/index.ts";
import { describeSubschema } from "../../schema/index.ts";
import { keyAuth } from "./index.ts";

/** A world where bob has the keys `secret1`, `secret2` and one that only he can type. */
async function openKeyWorld(t: TestContext) {
  const world = await openWorld(t, [keyAuth]);
  const consumer = await world.add("consumers", { username: "bob", custom_id: "b-1" });
  const first = await world.add("keyauth_credentials", { consumer: { id: consumer.id }, key: "secret1" });
  await world.add("keyauth_credentials", { consumer: { id: consumer.id }, key: "secret2" });
  await world.add("keyauth_credentials", { consumer: { id: consumer.id }, key: "clé secrète" });
  return { world, consumer, credential: first };
}

const textOf = ({ exit }: Visit) => (exit ? String(exit.body) : undefined);
const body = (message: string, { ctx }: Visit) => `{\n  "message":"${message}",\n  "request_id":"${ctx.request.id}"\n}`;

const NONE = "No API key found in request";
const TWICE = "Duplicate API key found";
const WRONG = "Unauthorized";
const form = ["Content-Type", "application/x-www-form-urlencoded"];
const json = ["Content-Type", "application/json"];
const inBody = { key_in_body: true };
const post = (headers: readonly string[], text: string): TestRequest => ({ method: "POST", headers, body: text });

/** What becomes of a request: the message of a 401, or undefined where it passes as bob. */
const outcomes: readonly [reason: string, config: object, request: TestRequest, message: string | undefined][] = [
  ["no key", {}, {}, NONE],
  ["a key in a header", {}, { headers: ["apikey", "secret1"] }, undefined],
  ["header names have no case", {}, { headers: ["APIKEY", "secret1"] }, undefined],
  ["a key in the query", {}, { target: "/?a=1&apikey=secret1" }, undefined],
  ["a key in the query, escaped", {}, { target: "/?%61pikey=secret%31" }, undefined],
  ["query names have a case", {}, { target: "/?APIKEY=secret1" }, NONE],
  ["keys have a case", {}, { headers: ["apikey", "SECRET1"] }, WRONG],
  ["an unknown key", {}, { headers: ["apikey", "x"] }, WRONG],
  [
    "beyond ASCII a header is UTF-8",
    {},
    { headers: ["apikey", Buffer.from("clé secrète").toString("latin1")] },
    undefined,
  ],
  ["beyond ASCII a query is UTF-8", {}, { target: `/?apikey=${encodeURIComponent("clé secrète")}` }, undefined],
  ["an empty header", {}, { headers: ["apikey", ""] }, NONE],
  ["an empty header hides the query", {}, { headers: ["apikey", ""], target: "/?apikey=secret1" }, NONE],
  ["an empty argument", {}, { target: "/?apikey=" }, NONE],
  ["an argument without value", {}, { target: "/?apikey" }, NONE],
  ["two headers", {}, { headers: ["apikey", "secret1", "APIkey", "secret1"] }, TWICE],
  ["two arguments", {}, { target: "/?apikey=secret1&apikey=secret1" }, TWICE],
  ["two arguments, one without value", {}, { target: "/?apikey&apikey=secret1" }, TWICE],
  ["a wrong header wins over a right query", {}, { headers: ["apikey", "x"], target: "/?apikey=secret1" }, WRONG],
  ["a right header wins over a wrong query", {}, { headers: ["apikey", "secret1"], target: "/?apikey=x" }, undefined],
  ["headers are not asked", { key_in_header: false }, { headers: ["apikey", "secret1"] }, NONE],
  [
    "only the query is asked",
    { key_in_header: false },
    { headers: ["apikey", "x"], target: "/?apikey=secret1" },
    undefined,
  ],
  ["the query is not asked", { key_in_query: false }, { target: "/?apikey=secret1" }, NONE],
  ["the body is not asked", {}, post(form, "apikey=secret1"), NONE],
  ["a key in a form", inBody, post(form, "a=1&apikey=secret1"), undefined],
  ["a key in JSON", inBody, post(json, '{"a":1,"apikey":"secret1"}'), undefined],
  [
    "the type of a body has parameters",
    inBody,
    post(["Content-Type", "Application/JSON; charset=utf-8"], '{"apikey":"secret1"}'),
    undefined,
  ],
  [
    "a key in multipart",
    inBody,
    post(
      ["Content-Type", "multipart/form-data; boundary=B"],
      '--B\r\nContent-Disposition: form-data; name="apikey"\r\n\r\nsecret1\r\n--B--\r\n',
    ),
    undefined,
  ],
  ["a body without length", inBody, { ...post(form, "apikey=secret1"), chunked: true }, undefined],
  ["the header wins over the body", inBody, { ...post([...form, "apikey", "x"], "apikey=secret1") }, WRONG],
  ["an argument without value hides the body", inBody, { ...post(form, "apikey=secret1"), target: "/?apikey" }, NONE],
  ["a body of another type", inBody, post(["Content-Type", "text/plain"], "apikey=secret1"), NONE],
  ["a body without type", inBody, post([], "apikey=secret1"), NONE],
  ["no body", inBody, { method: "POST", headers: form }, NONE],
  ["two values in a form", inBody, post(form, "apikey=secret1&apikey=secret1"), TWICE],
  ["a list in JSON", inBody, post(json, '{"apikey":["secret1"]}'), TWICE],
  ["an object in JSON", inBody, post(json, '{"apikey":{"a":"secret1"}}'), TWICE],
  ["a number in JSON", inBody, post(json, '{"apikey":1}'), NONE],
  ["null in JSON", inBody, post(json, '{"apikey":null}'), NONE],
  ["JSON that is no object", inBody, post(json, '["apikey"]'), NONE],
  ["broken JSON", inBody, post(json, '{"apikey":"secret1"'), NONE],
  ["JSON that is null", inBody, post(json, "null"), NONE],
  [
    "very deep JSON",
    inBody,
    post(json, `{"apikey":"secret1","a":${"[".repeat(200_000)}${"]".repeat(200_000)}}`),
    undefined,
  ],
  ["a body beyond 1 MiB", inBody, post(form, `a=${"x".repeat(1024 * 1024)}&apikey=secret1`), NONE],
  ["the first name wins", { key_names: ["x-a", "x_b"] }, { headers: ["x_b", "secret1", "x-a", "x"] }, WRONG],
  ["the second name", { key_names: ["x-a", "x_b"] }, { headers: ["x_b", "secret1"] }, undefined],
  ["an underscore finds a dash", { key_names: ["x_b"] }, { headers: ["X-B", "secret1"] }, undefined],
  ["a name without value is passed over", { key_names: ["a", "b"] }, { target: "/?a&b=secret1" }, undefined],
  ["a name repeated ends the search", { key_names: ["a", "b"] }, { target: "/?a=1&a=2&b=secret1" }, TWICE],
  [
    "a first name in the body, a second in a header",
    { ...inBody, key_names: ["a", "b"] },
    post([...form, "b", "secret1"], "a=x"),
    WRONG,
  ],
  ["names of prototypes are names", { ...inBody, key_names: ["__proto__", "constructor"] }, post(json, "{}"), NONE],
  [
    "a member named __proto__",
    { ...inBody, key_names: ["__proto__"] },
    post(json, '{"__proto__":"secret1"}'),
    undefined,
  ],
  ["a header named __proto__", { key_names: ["__proto__"] }, { headers: ["__proto__", "secret1"] }, undefined],
  ["an argument named __proto__", { key_names: ["__proto__"] }, { target: "/?__proto__=secret1" }, undefined],
  ["a zero byte", {}, { target: "/?apikey=secret1%00" }, WRONG],
  ["bytes that are no UTF-8", {}, { target: "/?apikey=%ff%fe" }, WRONG],
  ["half a surrogate pair", inBody, post(json, '{"apikey":"\\ud800"}'), WRONG],
  ["a huge key", {}, { headers: ["apikey", "k".repeat(48_000)] }, WRONG],
  ["binary", {}, { headers: ["apikey", "\x80\xff\xc0"] }, WRONG],
  ["SQL", {}, { headers: ["apikey", "' OR 1=1 --"] }, WRONG],
  ["a preflight", {}, { method: "OPTIONS" }, NONE],
];

for (const [reason, config, request, message] of outcomes) {
  test(`key-auth: ${reason}`, async (t) => {
    const { world } = await openKeyWorld(t);
    await world.configure("key-auth", config);
    const visit = await world.visit(request);
    assert.equal(textOf(visit), message && body(message, visit));
    assert.equal(visit.exit?.status, message && 401);
    assert.deepEqual(visit.exit?.headers, message && ["WWW-Authenticate", "Key"]);
    assert.equal(visit.ctx.client.consumer?.username, message === undefined ? "bob" : undefined);
  });
}

test("a request with a key is told to the upstream", async (t) => {
  const { world, consumer, credential } = await openKeyWorld(t);
  await world.configure("key-auth");
  const { ctx } = await world.visit({ headers: ["apikey", "secret1", "X-Anonymous-Consumer", "true"] });
  assert.deepEqual(ctx.service.request.headers.list, [
    ...["apikey", "secret1"],
    ...["X-Consumer-ID", consumer.id],
    ...["X-Consumer-Custom-ID", "b-1"],
    ...["X-Consumer-Username", "bob"],
    ...["X-Credential-Identifier", credential.id],
  ]);
  assert.equal(ctx.client.credential?.id, credential.id);
});

test("the realm stands in the challenge", async (t) => {
  const { world } = await openKeyWorld(t);
  await world.configure("key-auth", { realm: "my realm\r\nX: ü" });
  const { exit } = await world.visit();
  assert.deepEqual(exit?.headers, ["WWW-Authenticate", 'Key realm="my realm  X: Ã¼"']);
});

test("a refusal has the form that the client accepts", async (t) => {
  const { world } = await openKeyWorld(t);
  await world.configure("key-auth");
  const { exit } = await world.visit({ headers: ["Accept", "text/html"] });
  assert.equal(exit?.contentType, "text/html; charset=utf-8");
  assert.match(String(exit?.body), /<p>No API key found in request\.<\/p>/);
});

test("a preflight passes without a key where it need not have one", async (t) => {
  const { world } = await openKeyWorld(t);
  await world.configure("key-auth", { run_on_preflight: false });
  const preflight = await world.visit({ method: "OPTIONS" });
  assert.equal(preflight.exit, undefined);
  assert.equal(preflight.ctx.client.consumer, undefined);
  assert.equal((await world.visit({ method: "GET" })).exit?.status, 401);
});

test("the body is read only when the search comes so far", async (t) => {
  const { world } = await openKeyWorld(t);
  await world.configure("key-auth", { key_in_body: true });
  const request = post([...form, "apikey", "secret1"], "a=1");
  assert.equal((await world.visit(request)).inbound.wasRead, false);
  assert.equal((await world.visit({ ...request, headers: form })).inbound.wasRead, true);
});

test("known keys and unknown ones are answered without a promise", async (t) => {
  const { world } = await openKeyWorld(t);
  await world.configure("key-auth");
  for (const key of ["secret1", "unknown"]) {
    const { run } = await world.begin({ headers: ["apikey", key] });
    assert.ok(!(run() instanceof Promise));
  }
});

/** What the upstream gets of a request whose key is hidden. */
const hidden: readonly [
  reason: string,
  request: TestRequest,
  upstream: { query?: string; headers?: string[]; body?: string },
][] = [
  ["from the headers", { headers: ["A", "1", "apikey", "secret1"] }, { headers: ["A", "1"] }],
  [
    "from the query, too, when it was in a header",
    { headers: ["apikey", "secret1"], target: "/?apikey=x&b=+1" },
    { query: "b=%201" },
  ],
  ["from the query", { target: "/?c=v1&b=v2&apikey=secret1&a=v3" }, { query: "c=v1&b=v2&a=v3" }],
  [
    "and the rest of the query keeps its spelling",
    { target: "/?C=%7e&&b=%zz&apikey=secret1&a" },
    { query: "C=%7e&&b=%zz&a" },
  ],
  ["and a + of the query becomes %20", { target: "/?a+b=c+d&apikey=secret1" }, { query: "a%20b=c%20d" }],
  ["also under another spelling", { target: "/?%61pi%6Bey=secret1&a=1" }, { query: "a=1" }],
  ["and nothing is left of the query", { target: "/?apikey=secret1" }, {}],
  ["and a query without key is left alone", { headers: ["apikey", "secret1"], target: "/?a=+&b" }, { query: "a=+&b" }],
  ["from a form", post(form, "a=+1&apikey=secret1&b=%7e"), { headers: form, body: "a=+1&b=%7e" }],
  ["from JSON", post(json, '{"apikey":"secret1","a":1}'), { headers: json, body: '{"a":1}' }],
  [
    "and the rest of JSON is not touched",
    post(
      json,
      '{ "n": 12345678901234567890.10, "apikey":"secret1", "a": [{"apikey":"x}"}], "api\\u006bey": "secret1" }',
    ),
    { headers: json, body: '{ "n": 12345678901234567890.10, "a": [{"apikey":"x}"}]}' },
  ],
  [
    "from the body, too, when it was in a header",
    post([...json, "apikey", "secret1"], '{"apikey":"x","a":1}'),
    { headers: json, body: '{"a":1}' },
  ],
  [
    "from multipart",
    post(
      ["Content-Type", "multipart/form-data; boundary=B"],
      '--B\r\nContent-Disposition: form-data; name="apikey"\r\n\r\nsecret1\r\n--B\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--B--\r\n',
    ),
    {
      headers: ["Content-Type", "multipart/form-data; boundary=B"],
      body: "--B\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--B--\r\n",
    },
  ],
  [
    "from multipart of which only the end is left",
    post(
      ["Content-Type", "multipart/form-data; boundary=B"],
      '--B\r\nContent-Disposition: form-data; name="apikey"\r\n\r\nsecret1\r\n--B--\r\n',
    ),
    { headers: ["Content-Type", "multipart/form-data; boundary=B"], body: "--B--\r\n" },
  ],
];

for (const [reason, request, upstream] of hidden) {
  test(`a key is hidden ${reason}`, async (t) => {
    const { world } = await openKeyWorld(t);
    await world.configure("key-auth", { hide_credentials: true, key_in_body: true });
    const { ctx, exit } = await world.visit(request);
    assert.equal(exit, undefined);
    assert.equal(ctx.service.request.rawQuery, upstream.query);
    const sent = ctx.service.request.headers.list;
    assert.deepEqual(sent.slice(0, sent.indexOf("X-Consumer-ID")), upstream.headers ?? []);
    const { bytes, length } = ctx.request.body;
    assert.equal(Buffer.from(bytes ?? []).toString(), upstream.body ?? "");
    assert.equal(length, Buffer.byteLength(upstream.body ?? ""));
  });
}

test("a wrong key is hidden from the upstream of an anonymous request, too", async (t) => {
  const { world } = await openKeyWorld(t);
  await world.configure("key-auth", { hide_credentials: true, anonymous: "bob" });
  const { ctx } = await world.visit({ headers: ["apikey", "x"], target: "/?apikey=x" });
  assert.equal(ctx.service.request.headers.has("apikey"), false);
  assert.equal(ctx.service.request.rawQuery, undefined);
  assert.equal(ctx.service.request.headers.get("x-anonymous-consumer"), "true");
});

test("a key is valid until its ttl has passed", async (t) => {
  const { world, consumer } = await openKeyWorld(t);
  await world.configure("key-auth");
  const row = { consumer: { id: consumer.id }, ttl: 10, created_at: START };
  // Three keys, as the memory of what was found has a clock of its own.
  for (const key of ["early", "late", "over"]) await world.add("keyauth_credentials", { ...row, key });
  const statusAt = async (now: number, key: string) => {
    world.now = now;
    return (await world.visit({ headers: ["apikey", key] })).exit?.status;
  };
  assert.equal(await statusAt(START + 8, "early"), undefined);
  assert.equal(await statusAt(START + 9.5, "late"), 401, "the last second does not count");
  assert.equal(await statusAt(START + 10, "over"), 401);
});

test("a change of a credential or its consumer counts at once", async (t) => {
  const { world, consumer } = await openKeyWorld(t);
  await world.configure("key-auth");
  const statusOf = async (key: string) => (await world.visit({ headers: ["apikey", key] })).exit?.status;
  assert.equal(await statusOf("later"), 401);
  await world.add("keyauth_credentials", { consumer: { id: consumer.id }, key: "later" });
  assert.equal(await statusOf("later"), undefined);
  await world.stores.named("consumers")!.delete({ id: consumer.id });
  assert.equal(await statusOf("later"), 401);
  assert.equal(await statusOf("secret1"), 401);
});

test("the schema is Kong's", () => {
  const flag = (value: boolean) => ({ type: "boolean", required: true, default: value });
  const expected = {
    key_names: { type: "array", required: true, default: ["apikey"], elements: { type: "string" } },
    hide_credentials: flag(false),
    anonymous: { type: "string" },
    key_in_header: flag(true),
    key_in_query: flag(true),
    key_in_body: flag(false),
    run_on_preflight: flag(true),
    realm: { type: "string", required: false },
  };
  const { fields, entity_checks } = describeSubschema(createSubschema(keyAuth));
  assert.deepEqual(Object.keys(Object.assign({}, ...fields)), ["consumer", "protocols", "config"]);
  assert.deepEqual(entity_checks, []);
  const members = (fields[2] as { config: { fields: object[] } }).config.fields;
  const bare = JSON.parse(JSON.stringify(members), (key, value) => (key === "description" ? undefined : value));
  assert.deepEqual(
    bare,
    Object.entries(expected).map(([name, field]) => ({ [name]: field })),
  );
});

const faults: readonly [reason: string, config: object, scope: object, fields: object][] = [
  [
    "a key name that is no header name",
    { key_names: ["apikey", "a b"] },
    {},
    {
      config: {
        key_names: [null, "bad header name 'a b', allowed characters are A-Z, a-z, 0-9, '_', and '-'"],
      },
    },
  ],
  ["a consumer", {}, { consumer: { id: "f3a1c1de-0000-4000-8000-000000000002" } }, { consumer: "value must be null" }],
  ["an empty anonymous", { anonymous: "" }, {}, { config: { anonymous: "length must be at least 1" } }],
];

for (const [reason, config, scope, fields] of faults) {
  test(`key-auth cannot be configured with ${reason}`, async (t) => {
    const world = await openWorld(t, [keyAuth]);
    await assert.rejects(world.configure("key-auth", config, scope), { code: 2, fields });
  });
}
