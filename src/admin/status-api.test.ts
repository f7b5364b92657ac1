import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { createParts, openStores } from "../../test/helpers/admin.ts";
import { ask, listen } from "../../test/helpers/raw-http.ts";
import { createStatusApi, type StatusApiParts } from "./status-api.ts";

async function start(t: TestContext, changes: Partial<StatusApiParts> = {}): Promise<number> {
  const parts = createParts(await openStores());
  return listen(
    t,
    createStatusApi({ ...parts, unready: () => undefined, metrics: () => "sesame_test 1\n", ...changes }).handle,
  );
}

test("the status of a node is readable by everyone, without credentials", async (t) => {
  const port = await start(t);
  const answer = await ask(port, ["GET /status", "Origin: http://monitor.test"]);
  assert.equal(answer.status, "200 OK");
  assert.deepEqual(Object.keys(JSON.parse(answer.body)), ["memory", "server", "database"]);
  assert.equal(answer.field("Access-Control-Allow-Origin"), "*");
  assert.equal(answer.field("Access-Control-Allow-Credentials"), undefined);
  assert.equal(answer.field("Server"), "sesame/1.2.3");
});

test("a node is ready until it says why not", async (t) => {
  const port = await start(t);
  const ready = await ask(port, ["GET /status/ready"]);
  assert.deepEqual([ready.status, ready.body], ["200 OK", '{"message":"ready"}']);
  const draining = await ask(await start(t, { unready: () => "draining" }), ["GET /status/ready"]);
  assert.deepEqual([draining.status, draining.body], ["503 Service Unavailable", '{"message":"draining"}']);
});

test("a node whose database does not answer is not ready", async (t) => {
  const stores = await openStores();
  const broken = Object.assign(Object.create(stores), { tags: () => Promise.reject(new Error("gone")) });
  const port = await start(t, { stores: broken });
  const answer = await ask(port, ["GET /status/ready"]);
  assert.deepEqual(
    [answer.status, answer.body],
    ["503 Service Unavailable", '{"message":"failed to connect to database"}'],
  );
  assert.deepEqual(JSON.parse((await ask(port, ["GET /status"])).body).database, { reachable: false });
});

test("nothing else is there, and nothing can be written", async (t) => {
  const port = await start(t);
  const table: [line: string, status: string][] = [
    ["GET /nope", "404 Not Found"],
    ["GET /services", "404 Not Found"],
    ["GET /", "404 Not Found"],
    ["POST /status", "405 Not Allowed"],
    ["DELETE /status/ready", "405 Not Allowed"],
  ];
  for (const [line, status] of table) assert.equal((await ask(port, [line])).status, status, line);
});

test("metrics are text as Prometheus reads it", async (t) => {
  const answer = await ask(await start(t), ["GET /metrics"]);
  assert.equal(answer.status, "200 OK");
  assert.equal(answer.field("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
  assert.equal(answer.body, "sesame_test 1\n");
});
