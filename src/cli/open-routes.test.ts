import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { createStores, openSqlite } from "../database/index.ts";
import type { Log } from "../gateway/index.ts";
import { plugins } from "../plugins/index.ts";
import { warnOfOpenRoutes } from "./open-routes.ts";

const session = (config: object = {}) => ({ name: "session", config });
const keyAuth = (anonymous?: string) => ({ name: "key-auth", config: anonymous ? { anonymous } : {} });

/** Plugins of one route; `consumer: "nobody"` stands for the anonymous consumer. */
const rows: readonly [what: string, plugins: readonly Record<string, unknown>[], why: RegExp | undefined][] = [
  ["no session plugin", [keyAuth("nobody")], undefined],
  ["a session alone", [session()], /no plugin authenticates there/],
  ["a session that is required", [session({ require: true })], undefined],
  ["authentication that is mandatory", [session(), keyAuth()], undefined],
  [
    "an anonymous consumer that may do anything",
    [session(), keyAuth("nobody")],
    /anonymous consumer nobody is not refused/,
  ],
  ["the same, required", [session({ require: true }), keyAuth("nobody")], undefined],
  ["an anonymous consumer that does not exist", [session(), keyAuth("missing")], undefined],
  ["Kong's pattern", [session(), keyAuth("nobody"), { name: "request-termination", consumer: "nobody" }], undefined],
  [
    "Kong's pattern, switched off",
    [session(), keyAuth("nobody"), { name: "request-termination", consumer: "nobody", enabled: false }],
    /anonymous consumer nobody/,
  ],
  ["groups", [session(), keyAuth("nobody"), { name: "acl", config: { allow: ["staff"] } }], undefined],
  ["a session for the whole gateway", [{ ...session(), isGlobal: true }], /no plugin authenticates there/],
];

async function open() {
  const database = openSqlite({ file: ":memory:" });
  const stores = await createStores(database, { plugins });
  const warnings: string[] = [];
  const none = () => {};
  const warn = (message: string) => void warnings.push(message);
  const log: Log = { debug: none, info: none, notice: none, warn, error: warn, isDebug: false };
  const nobody = await stores.named("consumers")!.insert({ username: "nobody" });
  const route = await stores.named("routes")!.insert({ paths: ["/"] });
  const add = ({ isGlobal, consumer, ...row }: Record<string, unknown>) =>
    stores.named("plugins")!.insert({
      ...row,
      ...(!isGlobal && { route: { id: route.id } }),
      ...(consumer !== undefined && { consumer: { id: nobody.id } }),
    });
  return { database, stores, warnings, log, add, route };
}

for (const [what, configured, why] of rows) {
  test(`${what}: ${why ? "warned of" : "no warning"}`, async (t) => {
    const { database, stores, warnings, log, add } = await open();
    t.after(() => database.close());
    for (const plugin of configured) await add(plugin);
    t.after(await warnOfOpenRoutes(stores, plugins, log));
    assert.equal(warnings.length, why ? 1 : 0, warnings.join());
    if (why) assert.match(warnings[0]!, why);
  });
}

test("a route that a change leaves open is named when it happens, once", async (t) => {
  const { database, stores, warnings, log, add, route } = await open();
  t.after(() => database.close());
  await add(session());
  const guard = await add(keyAuth());
  t.after(await warnOfOpenRoutes(stores, plugins, log));
  assert.deepEqual(warnings, []);
  await stores.named("plugins")!.update({ id: guard.id }, { config: { anonymous: "nobody" } });
  await pause(400);
  assert.equal(warnings.length, 1);
  assert.match(warnings.join(), new RegExp(`^route ${route.id} has a session plugin and lets everybody through`));
  await stores.named("plugins")!.update({ id: guard.id }, { tags: ["a"] });
  await pause(400);
  assert.equal(warnings.length, 1);
});
