import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestRequest } from "../../../test/helpers/inbound.ts";
import { openWorld, START } from "../../../test/helpers/plugins.ts";
import { createSubschema } from "../../entities/index.ts";
import { describeSubschema } from "../../schema/index.ts";
import { requestTermination } from "./index.ts";

const JSON_TYPE = "application/json; charset=utf-8";
const page = (title: string) =>
  `<html>\r\n<head><title>${title}</title></head>\r\n<body>\r\n<center><h1>${title}</h1></center>\r\n</body>\r\n</html>\r\n`;

const answers: readonly [config: object, status: number, contentType: string | undefined, body: string][] = [
  [{}, 503, JSON_TYPE, '{"message":"Service unavailable"}'],
  [{ message: "So long" }, 503, JSON_TYPE, '{"message":"So long"}'],
  [{ status_code: 403, message: 'no "way" <b>/ü' }, 403, JSON_TYPE, '{"message":"no \\"way\\" <b>/ü"}'],
  [{ status_code: 401 }, 401, JSON_TYPE, '{"message":"Unauthorized"}'],
  [{ status_code: 404 }, 404, JSON_TYPE, '{"message":"Not found"}'],
  [{ status_code: 405 }, 405, JSON_TYPE, '{"message":"Method not allowed"}'],
  [{ status_code: 500 }, 500, JSON_TYPE, '{"message":"An unexpected error occurred"}'],
  [{ status_code: 502 }, 502, JSON_TYPE, '{"message":"Bad Gateway"}'],
  [{ status_code: 403 }, 403, "text/html; charset=UTF-8", page("403 Forbidden")],
  [{ status_code: 302 }, 302, "text/html", page("302 Found")],
  [{ status_code: 200 }, 200, undefined, ""],
  [{ status_code: 204 }, 204, undefined, ""],
  [{ status_code: 418 }, 418, undefined, ""],
  [{ status_code: 599 }, 599, undefined, ""],
  [{ status_code: 200, body: "hello" }, 200, undefined, "hello"],
  [{ body: "<b>ü", content_type: "text/html; charset=x" }, 503, "text/html; charset=x", "<b>ü"],
  [{ body: "x", content_type: "text/plain\r\nX: y" }, 503, "text/plain  X: y", "x"],
];

for (const [config, status, contentType, body] of answers) {
  test(`request-termination: ${JSON.stringify(config)} answers ${status} ${JSON.stringify(body)}`, async (t) => {
    const world = await openWorld(t, [requestTermination]);
    await world.configure("request-termination", config);
    const { exit } = await world.visit({ headers: ["Accept", "text/html"] });
    assert.deepEqual(exit, { status, contentType, body, headers: [] });
  });
}

const triggers: readonly [trigger: string, request: TestRequest, answered: boolean][] = [
  ["x-stop", {}, false],
  ["x-stop", { headers: ["X-Stop", "1"] }, true],
  ["X-Stop", { headers: ["x-stop", ""] }, true],
  ["x-stop", { target: "/?x-stop=1" }, true],
  ["x-stop", { target: "/?a=1&x-stop" }, true],
  ["x-stop", { target: "/?x-stop=" }, true],
  ["x-stop", { target: "/?X-Stop=1" }, false],
  ["X-Stop", { target: "/?X-Stop=1" }, true],
  ["x-stop", { target: "/?y=x-stop" }, false],
  ["x_stop", { headers: ["x-stop", "1"] }, true],
  ["x_stop", { headers: ["x_stop", "1"] }, true],
  [
    "x-stop",
    { method: "POST", headers: ["Content-Type", "application/x-www-form-urlencoded"], body: "x-stop=1" },
    false,
  ],
  ["__proto__", {}, false],
  ["constructor", { target: "/?a=1" }, false],
];

for (const [trigger, request, answered] of triggers) {
  test(`the trigger ${trigger} and ${JSON.stringify(request)}: ${answered ? "answered" : "passed"}`, async (t) => {
    const world = await openWorld(t, [requestTermination]);
    await world.configure("request-termination", { trigger });
    const { exit } = await world.visit(request);
    assert.equal(exit?.status, answered ? 503 : undefined);
  });
}

test("an answer is made once and given without a promise", async (t) => {
  const world = await openWorld(t, [requestTermination]);
  await world.configure("request-termination", { message: "no" }, { id: "f3a1c1de-0000-4000-8000-000000000003" });
  const { run } = await world.begin();
  const exit = run();
  assert.ok(!(exit instanceof Promise));
  assert.equal(run(), exit);
});

async function echoOf(t: Parameters<typeof openWorld>[0], request: TestRequest, config: object = {}) {
  const world = await openWorld(t, [requestTermination]);
  await world.configure("request-termination", { status_code: 200, echo: true, ...config });
  const { exit } = await world.visit(request);
  assert.equal(exit?.contentType, JSON_TYPE);
  return { world, exit: exit!, shown: JSON.parse(String(exit!.body)) };
}

test("echo shows node, route and service", async (t) => {
  const { world, shown } = await echoOf(t, {});
  const workspace = { ws_id: "0dc6f45b-8f8d-40d2-a504-473544ee190b" };
  const set = (row: object) => Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null));
  const [service] = await world.stores.named("services")!.all();
  const [route] = await world.stores.named("routes")!.all();
  assert.deepEqual(shown.kong, { node_id: world.services.node.id, worker_pid: process.pid, hostname: "gateway" });
  assert.deepEqual(shown.matched_service, { ...set(service!), ...workspace });
  assert.deepEqual(shown.matched_route, { ...set(route!), ...workspace });
  assert.equal(shown.matched_route.created_at, START);
  assert.equal("hosts" in shown.matched_route, false);
  assert.equal("message" in shown, false);
});

test("echo shows a request without body", async (t) => {
  const { shown } = await echoOf(t, {
    target: "/k/sub?q=1&q=2&v&a=+b",
    headers: ["Host", "Example.com:8000", "X-Two", "1", "x-two", "ü".normalize(), "__proto__", "p"].map((text) =>
      Buffer.from(text).toString("latin1"),
    ),
  });
  assert.deepEqual(shown.request, {
    scheme: "http",
    host: "example.com",
    port: 8000,
    headers: JSON.parse('{"host":"Example.com:8000","x-two":["1","ü"],"__proto__":"p"}'),
    query: { q: ["1", "2"], v: true, a: " b" },
    raw_body: "",
    method: "GET",
    path: "/k/sub",
    uri_captures: { unnamed: [], named: {} },
  });
});

const bodies: readonly [reason: string, headers: string[], body: string, parsed: unknown, raw: unknown][] = [
  [
    "a form",
    ["Content-Type", "application/x-www-form-urlencoded"],
    "a=b&c=1&c=2",
    { a: "b", c: ["1", "2"] },
    "a=b&c=1&c=2",
  ],
  ["JSON", ["Content-Type", "application/json"], '{"a":{"b":[1]}}', { a: { b: [1] } }, '{"a":{"b":[1]}}'],
  ["broken JSON", ["Content-Type", "application/json"], "{", undefined, "{"],
  ["another type", ["Content-Type", "text/plain"], "a=b", undefined, "a=b"],
  ["no type", [], "a=b", undefined, "a=b"],
  [
    "more than 1 MiB",
    ["Content-Type", "application/x-www-form-urlencoded"],
    `a=${"x".repeat(1024 * 1024)}`,
    undefined,
    undefined,
  ],
];

for (const [reason, headers, body, parsed, raw] of bodies) {
  for (const chunked of [false, true]) {
    test(`echo shows a body that is ${reason}${chunked ? ", of unknown length" : ""}`, async (t) => {
      const { shown } = await echoOf(t, {
        method: "POST",
        headers,
        body,
        chunked,
        connection: { tls: true, localPort: 8443 },
      });
      assert.deepEqual(shown.request.body, parsed);
      assert.equal(shown.request.raw_body, raw);
      assert.equal(shown.request.scheme, "https");
      assert.equal(shown.request.port, 8443);
    });
  }
}

test("echo shows the message, configured or by status, and the captures of a regex", async (t) => {
  const world = await openWorld(t, [requestTermination]);
  await world.add("routes", { name: "regex", paths: ["~/u/(?<name>[a-z]+)/(\\d+)"] });
  await world.configure("request-termination", { echo: true });
  const { exit } = await world.visit({ target: "/u/ann/42" });
  const shown = JSON.parse(String(exit?.body));
  assert.equal(exit?.status, 503);
  assert.equal(shown.message, "Service unavailable");
  assert.deepEqual(shown.request.uri_captures, { unnamed: ["ann", "42"], named: { name: "ann" } });
  assert.equal(shown.matched_route.name, "regex");
  assert.equal("matched_service" in shown, false);
});

test("only an anonymous consumer is stopped where the row is its own", async (t) => {
  const world = await openWorld(t, [requestTermination]);
  const nobody = await world.add("consumers", { username: "nobody" });
  const somebody = await world.add("consumers", { username: "somebody" });
  await world.configure(
    "request-termination",
    { status_code: 403, message: "Log in" },
    { consumer: { id: nobody.id } },
  );
  const as = (row: object) => world.visit({}, (ctx) => ctx.client.authenticate(row as never, undefined));
  assert.equal((await as(nobody)).exit?.body, '{"message":"Log in"}');
  assert.equal((await as(somebody)).exit, undefined);
  assert.equal((await world.visit()).exit, undefined);
});

const TEXTS = {
  message: "message cannot be used with content_type or body",
  type: "content_type requires a body",
  echo: "echo cannot be used with content_type and body",
};

const faults: readonly [config: object, fault: unknown][] = [
  [{ message: "a", body: "b" }, TEXTS.message],
  [{ message: "a", content_type: "text/plain" }, TEXTS.message],
  [{ message: "a", body: "b", content_type: "text/plain", echo: true }, TEXTS.message],
  [{ content_type: "text/plain" }, TEXTS.type],
  [{ content_type: "text/plain", echo: true }, TEXTS.type],
  [{ body: "b", echo: true }, TEXTS.echo],
  [{ body: "b", content_type: "text/plain", echo: true }, TEXTS.echo],
  [{ status_code: 99 }, { status_code: "value should be between 100 and 599" }],
  [{ status_code: 600 }, { status_code: "value should be between 100 and 599" }],
  [{ status_code: 200.5 }, { status_code: "expected an integer" }],
  [{ trigger: "a b" }, { trigger: "bad header name 'a b', allowed characters are A-Z, a-z, 0-9, '_', and '-'" }],
];

for (const [config, fault] of faults) {
  test(`request-termination cannot be configured with ${JSON.stringify(config)}`, async (t) => {
    const world = await openWorld(t, [requestTermination]);
    const message = typeof fault === "string" ? { message: `schema violation (config: ${fault})` } : {};
    await assert.rejects(world.configure("request-termination", config), {
      code: 2,
      fields: { config: fault },
      ...message,
    });
  });
}

test("the schema is Kong's", () => {
  const { fields, entity_checks } = describeSubschema(createSubschema(requestTermination));
  assert.deepEqual(Object.keys(Object.assign({}, ...fields)), ["protocols", "config"]);
  assert.deepEqual(entity_checks, []);
  const members = (fields[1] as { config: { fields: object[] } }).config.fields;
  const bare = JSON.parse(JSON.stringify(members), (key, value) => (key === "description" ? undefined : value));
  assert.deepEqual(bare, [
    { status_code: { type: "integer", required: true, default: 503, between: [100, 599] } },
    { message: { type: "string" } },
    { content_type: { type: "string" } },
    { body: { type: "string" } },
    { echo: { type: "boolean", required: true, default: false } },
    { trigger: { type: "string" } },
  ]);
});
