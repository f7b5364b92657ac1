import assert from "node:assert/strict";
import { test } from "node:test";
import { startAdmin } from "../../../test/helpers/admin.ts";

interface Config {
  readonly secret: string;
  readonly secret_fallbacks?: readonly string[];
}

async function start(t: Parameters<typeof startAdmin>[0]) {
  const { stores, call } = await startAdmin(t);
  const plugins = stores.named("plugins")!;
  const add = async (config: object) => {
    const consumerless = await stores.named("services")!.insert({ host: "a.test" });
    return (await plugins.insert({ name: "session", service: { id: consumerless.id }, config })).id;
  };
  const configOf = async (id: string) => (await plugins.select({ id }))!["config"] as Config;
  return { stores, call, add, configOf };
}

test("every session plugin gets a new secret and keeps the old one, and who shared one shares the next", async (t) => {
  const { stores, call, add, configOf } = await start(t);
  const [a, b, c] = [await add({ secret: "one" }), await add({ secret: "one" }), await add({ secret: "two" })];
  await stores.named("plugins")!.insert({ name: "request-termination" });
  const seen: string[][] = [];
  stores.onChange((changes) => {
    for (const { row } of changes) {
      const { secret, secret_fallbacks = [] } = row["config"] as Config;
      if (row.id === a) seen.push([secret, ...secret_fallbacks]);
    }
  });
  const { status, text, body } = await call("POST", "/sessions/secrets/rotate", {});
  assert.equal(status, 200);
  assert.deepEqual(body.left, []);
  assert.deepEqual(body.rotated.map(({ id }: { id: string }) => id).sort(), [a, b, c].sort());
  const [first, second, third] = [await configOf(a), await configOf(b), await configOf(c)];
  assert.equal(first.secret, second.secret);
  assert.notEqual(first.secret, third.secret);
  assert.deepEqual([first.secret_fallbacks, third.secret_fallbacks], [["one"], ["two"]]);
  assert.ok(first.secret.length >= 43 && !text.includes(first.secret) && !text.includes('one"'));
  assert.deepEqual(seen, [
    ["one", first.secret],
    [first.secret, "one"],
  ]);
});

test("so many earlier secrets stay as are asked for, and never more than eight", async (t) => {
  const { call, add, configOf } = await start(t);
  const id = await add({ secret: "first" });
  const secrets = ["first"];
  for (let i = 0; i < 10; i++) {
    await call("POST", "/sessions/secrets/rotate");
    secrets.unshift((await configOf(id)).secret);
  }
  assert.deepEqual((await configOf(id)).secret_fallbacks, secrets.slice(1, 9));
  assert.equal((await call("POST", "/sessions/secrets/rotate", "keep=2")).status, 200);
  assert.deepEqual((await configOf(id)).secret_fallbacks, secrets.slice(0, 2));
});

test("a secret that is a reference is left to who keeps it", async (t) => {
  const { call, add, configOf } = await start(t);
  const id = await add({ secret: "{vault://env/secret}" });
  const { body } = await call("POST", "/sessions/secrets/rotate", {});
  assert.deepEqual(body, {
    rotated: [],
    left: [{ id, reason: "has a reference as its secret: change what it refers to" }],
  });
  assert.equal((await configOf(id)).secret, "{vault://env/secret}");
});

test("what is no number of secrets is refused", async (t) => {
  const { call } = await start(t);
  for (const sent of [{ keep: 0 }, { keep: 9 }, { keep: "2" }, { keep: 1.5 }, { other: 1 }, "keep=x"]) {
    assert.equal((await call("POST", "/sessions/secrets/rotate", sent)).status, 400, JSON.stringify(sent));
  }
});
