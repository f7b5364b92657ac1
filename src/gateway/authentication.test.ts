import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { openWorld } from "../../test/helpers/plugins.ts";
import type { Row } from "../schema/index.ts";
import { createAuthentication, type Identity } from "./authentication.ts";
import type { Context } from "./context.ts";
import { definePlugin } from "./plugin.ts";

const STRANGER = "f3a1c1de-0000-4000-8000-000000000009";

/** An auth plugin that believes the header of its own name; a value `?…` is a reason to refuse, any other a username. */
function believer(name: string, priority: number) {
  return definePlugin({
    name,
    priority,
    config: { anonymous: { type: "string", description: "As in every auth plugin." } },
    create({ anonymous }, services) {
      const authenticate = createAuthentication(
        {
          anonymous,
          identify(ctx) {
            const value = ctx.request.headers.get(name);
            if (value === undefined || value.startsWith("?")) return value?.slice(1);
            return {
              consumer: { id: name, username: value, custom_id: null },
              credential: { id: `${name}-1` },
            } as Identity;
          },
          refuse: (ctx, reason) => ctx.response.error(401, reason, { "X-From": name }),
        },
        services,
      );
      return { access: authenticate };
    },
  });
}

async function open(t: TestContext) {
  const world = await openWorld(t, [believer("one", 20), believer("two", 10)]);
  const nobody = await world.add("consumers", { username: "nobody" });
  // A consumer may be named like the id of another.
  const misleading = await world.add("consumers", { username: STRANGER });
  await world.add("consumers", { username: nobody.id });
  return { world, nobody, misleading };
}

const who = (ctx: Context) => `${ctx.client.consumer?.username ?? "-"}/${ctx.client.credential?.id ?? "-"}`;

type Anonymous = string | null;
const table: readonly [reason: string, one: Anonymous, two: Anonymous, headers: string[], expected: string][] = [
  ["AND: both succeed, the later one counts", null, null, ["one", "ann", "two", "bob"], "bob/two-1"],
  ["AND: the first fails", null, null, ["two", "bob"], "401 one Unauthorized"],
  ["AND: the second fails", null, null, ["one", "ann"], "401 two Unauthorized"],
  ["AND: a reason is told", null, null, ["one", "?Too late"], "401 one Too late"],
  ["OR: the first succeeds, the second is not asked", "nobody", "nobody", ["one", "ann", "two", "bob"], "ann/one-1"],
  ["OR: only the second succeeds", "nobody", "nobody", ["two", "bob"], "bob/two-1"],
  ["OR: none succeeds, the last anonymous counts", "nobody", STRANGER, [], `${STRANGER}/-`],
  ["OR: a reason is not told", "nobody", "nobody", ["one", "?Too late"], "nobody/-"],
  ["OR then AND: the second is mandatory", "nobody", null, ["one", "ann"], "401 two Unauthorized"],
  ["OR then AND: the second counts", "nobody", null, ["one", "ann", "two", "bob"], "bob/two-1"],
  ["AND then OR: the first is mandatory", null, "nobody", ["two", "bob"], "401 one Unauthorized"],
  ["AND then OR: the first is enough", null, "nobody", ["one", "ann"], "ann/one-1"],
  ["the anonymous consumer does not exist", "ghost", "nobody", [], "500 - An unexpected error occurred"],
  [
    "the anonymous id does not exist",
    "f3a1c1de-0000-4000-8000-00000000000a",
    "nobody",
    [],
    "500 - An unexpected error occurred",
  ],
  ["a missing anonymous consumer is not missed on success", "ghost", "ghost", ["one", "ann"], "ann/one-1"],
];

for (const [reason, one, two, headers, expected] of table) {
  test(`authentication, ${reason}`, async (t) => {
    const { world } = await open(t);
    await world.configure("one", { anonymous: one });
    await world.configure("two", { anonymous: two });
    const { ctx, exit } = await world.visit({ headers });
    const message = exit && JSON.parse(String(exit.body)).message;
    assert.equal(exit ? `${exit.status} ${exit.headers[1] ?? "-"} ${message}` : who(ctx), expected);
  });
}

test("the anonymous consumer is looked for by id first, then by username", async (t) => {
  const { world, nobody } = await open(t);
  await world.configure("one", { anonymous: nobody.id });
  const { ctx } = await world.visit();
  assert.deepEqual(ctx.client.consumer, nobody);
});

test("the anonymous consumer is not looked for by custom_id", async (t) => {
  const { world } = await open(t);
  await world.add("consumers", { username: "x", custom_id: "only-custom" });
  await world.configure("one", { anonymous: "only-custom" });
  const { exit } = await world.visit();
  assert.equal(exit?.status, 500);
  assert.deepEqual(exit?.headers, []);
  assert.deepEqual(world.logged, ["error: the anonymous consumer does not exist"]);
});

test("the upstream is told that a request is anonymous, and by no one else", async (t) => {
  const { world, nobody } = await open(t);
  await world.configure("one", { anonymous: "nobody" });
  const { ctx } = await world.visit({
    headers: ["X-Credential-Identifier", "spoofed", "X-Consumer-Custom-ID", "spoofed"],
  });
  assert.deepEqual(ctx.service.request.headers.list, [
    ...["X-Consumer-ID", nobody.id],
    ...["X-Consumer-Username", "nobody"],
    ...["X-Anonymous-Consumer", "true"],
  ]);
});

test("a change of the anonymous consumer counts at once, however its id is written", async (t) => {
  const { world, nobody } = await open(t);
  await world.configure("one", { anonymous: nobody.id.toUpperCase() });
  const consumers = world.stores.named("consumers")!;
  assert.equal((await world.visit()).ctx.client.consumer?.username, "nobody");
  await consumers.update({ id: nobody.id }, { username: "anybody" });
  assert.equal((await world.visit()).ctx.client.consumer?.username, "anybody");
  await consumers.delete({ id: nobody.id });
  assert.equal((await world.visit()).exit?.status, 500);
});

test("a deleted anonymous consumer is missed at once", async (t) => {
  const { world, nobody } = await open(t);
  await world.configure("one", { anonymous: "nobody" });
  assert.equal((await world.visit()).exit, undefined);
  await world.stores.named("consumers")!.delete({ id: nobody.id });
  assert.equal((await world.visit()).exit?.status, 500);
  const again: Row = await world.add("consumers", { username: "nobody" });
  assert.equal((await world.visit()).ctx.client.consumer?.id, again.id);
});

test("an anonymous request is let through without a promise", async (t) => {
  const { world } = await open(t);
  await world.configure("one", { anonymous: "nobody" });
  const { run } = await world.begin();
  assert.equal(run(), undefined);
});
