import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { openWorld } from "../../../test/helpers/plugins.ts";
import { createSubschema } from "../../entities/index.ts";
import type { Consumer } from "../../gateway/client.ts";
import { describeSubschema } from "../../schema/index.ts";
import { acl } from "./index.ts";

/** Who sends the request: `member` is in the groups `a` and `b`, `loner` in none. */
interface Visitor {
  readonly consumer?: "member" | "loner";
  /** `own`: a credential whose consumer is `member` though no consumer is known; `bare`: one that tells of no consumer. */
  readonly credential?: "plain" | "own" | "bare";
  readonly groups?: readonly string[];
}

async function openAclWorld(t: TestContext) {
  const world = await openWorld(t, [acl]);
  const member = (await world.add("consumers", { username: "member" })) as unknown as Consumer;
  const loner = (await world.add("consumers", { username: "loner" })) as unknown as Consumer;
  for (const group of ["a", "b"]) await world.add("acls", { consumer: { id: member.id }, group });
  const visit = (visitor: Visitor, headers: readonly string[] = []) =>
    world.visit({ headers }, (ctx) => {
      const consumer = visitor.consumer && { member, loner }[visitor.consumer];
      const owner = visitor.credential === "own" ? member : consumer;
      const credential = visitor.credential && { id: "c-1", ...(owner && { consumer: { id: owner.id } }) };
      if (consumer || credential) ctx.client.authenticate(consumer, credential);
      ctx.client.authenticatedGroups = visitor.groups;
    });
  return { world, visit, member };
}

const CONSUMER_GROUPS = "X-Consumer-Groups";
const AUTHENTICATED_GROUPS = "X-Authenticated-Groups";

const always = { always_use_authenticated_groups: true };
const strangers: Visitor = {};
const anonymous: Visitor = { consumer: "member" };
const known: Visitor = { consumer: "member", credential: "plain" };
const loner: Visitor = { consumer: "loner", credential: "plain" };

/** The expected status, or what the upstream is told. */
const table: readonly [
  config: object,
  visitor: Visitor,
  expected: number | readonly [header: string, value: string],
][] = [
  [{ allow: ["a"] }, strangers, 401],
  [{ deny: ["a"] }, strangers, 401],
  [{ allow: ["a"] }, { credential: "bare" }, 403],
  [{ deny: ["a"] }, { credential: "bare" }, 403],
  [{ allow: ["g"] }, { groups: ["f", "g"] }, [AUTHENTICATED_GROUPS, "f, g"]],
  [{ allow: ["x"] }, { groups: ["f", "g"] }, 403],
  [{ allow: ["x"] }, { groups: [] }, 403],
  [{ deny: ["g"] }, { groups: ["f", "g"] }, 403],
  [{ deny: ["x"] }, { groups: ["f", "g"] }, [AUTHENTICATED_GROUPS, "f, g"]],
  [{ deny: ["x"] }, { groups: [] }, [AUTHENTICATED_GROUPS, ""]],
  [{ allow: ["g"] }, { credential: "bare", groups: ["g"] }, [AUTHENTICATED_GROUPS, "g"]],

  [{ allow: ["a"] }, known, [CONSUMER_GROUPS, "a, b"]],
  [{ allow: ["x", "b"] }, known, [CONSUMER_GROUPS, "a, b"]],
  [{ allow: ["x"] }, known, 403],
  [{ allow: ["A"] }, known, 403],
  [{ deny: ["x"] }, known, [CONSUMER_GROUPS, "a, b"]],
  [{ deny: ["x", "b"] }, known, 403],
  [{ allow: ["a"] }, loner, 403],
  [{ deny: ["a"] }, loner, [CONSUMER_GROUPS, ""]],
  [{ allow: ["a"] }, { consumer: "loner" }, 401],
  [{ deny: ["a"] }, { consumer: "loner" }, [CONSUMER_GROUPS, ""]],
  [{ allow: ["a"] }, anonymous, [CONSUMER_GROUPS, "a, b"]],
  [{ allow: ["x"] }, anonymous, 403],
  [{ allow: ["a"] }, { credential: "own" }, [CONSUMER_GROUPS, "a, b"]],
  [{ allow: ["x"] }, { credential: "own" }, 403],

  [{ allow: ["g"] }, { ...anonymous, groups: ["g"] }, [AUTHENTICATED_GROUPS, "g"]],
  [{ allow: ["a"] }, { ...anonymous, groups: ["g"] }, 403],
  [{ allow: ["a"] }, { ...known, groups: ["g"] }, [CONSUMER_GROUPS, "a, b"]],
  [{ allow: ["g"] }, { ...known, groups: ["g"] }, 403],
  [{ allow: ["g"], ...always }, { ...known, groups: ["g"] }, [AUTHENTICATED_GROUPS, "g"]],
  [{ allow: ["a"], ...always }, { ...known, groups: ["g"] }, 403],
  [{ deny: ["a"], ...always }, { ...known, groups: ["g"] }, [AUTHENTICATED_GROUPS, "g"]],
  [{ allow: ["a"], ...always }, known, [CONSUMER_GROUPS, "a, b"]],
  [{ allow: ["g"], ...always }, { credential: "own", groups: ["g"] }, [AUTHENTICATED_GROUPS, "g"]],

  [{ allow: ["__proto__"] }, known, 403],
  [{ deny: ["toString"] }, { groups: ["toString"] }, 403],
  [{ allow: ["ü\n"] }, { groups: ["ü\n"] }, [AUTHENTICATED_GROUPS, "Ã¼ "]],
];

for (const [config, visitor, expected] of table) {
  test(`acl: ${JSON.stringify(config)} for ${JSON.stringify(visitor)} gives ${expected}`, async (t) => {
    const { world, visit } = await openAclWorld(t);
    await world.configure("acl", config);
    const { ctx, exit } = await visit(visitor);
    const sent = ctx.service.request.headers;
    if (typeof expected === "number") {
      const message = expected === 401 ? "Unauthorized" : "You cannot consume this service";
      assert.equal(exit?.status, expected);
      assert.equal(exit?.body, `{\n  "message":"${message}",\n  "request_id":"${ctx.request.id}"\n}`);
      assert.deepEqual(exit?.headers, []);
      return;
    }
    assert.equal(exit, undefined);
    const [header, value] = expected;
    const groups = (text: string | undefined) => text?.split(", ").sort();
    assert.deepEqual(groups(sent.get(header.toLowerCase())), groups(value));
    const other = header === CONSUMER_GROUPS ? AUTHENTICATED_GROUPS : CONSUMER_GROUPS;
    assert.equal(sent.get(other.toLowerCase()), undefined);
  });
}

test("the groups can be kept from the upstream", async (t) => {
  const { world, visit } = await openAclWorld(t);
  await world.configure("acl", { allow: ["a", "g"], hide_groups_header: true });
  for (const visitor of [known, { groups: ["g"] }]) {
    const { ctx, exit } = await visit(visitor, ["X-Consumer-Groups", "spoofed", "X-Authenticated-Groups", "spoofed"]);
    assert.equal(exit, undefined);
    assert.equal(ctx.service.request.headers.has("x-consumer-groups"), false);
    assert.equal(ctx.service.request.headers.has("x-authenticated-groups"), false);
  }
});

test("a change of a consumer's groups counts at once", async (t) => {
  const { world, visit, member } = await openAclWorld(t);
  await world.configure("acl", { allow: ["new"] });
  assert.equal((await visit(known)).exit?.status, 403);
  const row = await world.add("acls", { consumer: { id: member.id }, group: "new" });
  assert.equal((await visit(known)).exit, undefined);
  await world.stores.named("acls")!.delete({ id: row.id });
  assert.equal((await visit(known)).exit?.status, 403);
});

test("a decision is made without a promise", async (t) => {
  const { world } = await openAclWorld(t);
  await world.configure("acl", { allow: ["a"] });
  const { run } = await world.begin({}, (ctx) =>
    ctx.client.authenticate(undefined, { id: "c", consumer: { id: world.services.node.id } }),
  );
  assert.ok(!(run() instanceof Promise));
});

const EXACTLY = "exactly one of these fields must be non-empty: 'config.allow', 'config.deny'";
const AT_LEAST = "at least one of these fields must be non-empty: 'config.allow', 'config.deny'";

const faults: readonly [config: object, fields: object][] = [
  [{}, { "@entity": [EXACTLY, AT_LEAST] }],
  [{ allow: ["a"], deny: ["b"] }, { "@entity": [EXACTLY] }],
  [{ allow: [], deny: [] }, { "@entity": [EXACTLY, AT_LEAST] }],
];

for (const [config, fields] of faults) {
  test(`acl cannot be configured with ${JSON.stringify(config)}`, async (t) => {
    const world = await openWorld(t, [acl]);
    await assert.rejects(world.configure("acl", config), (error: { code: number; fields: Record<string, unknown> }) => {
      assert.equal(error.code, 2);
      assert.deepEqual(error.fields["@entity"], (fields as Record<string, unknown>)["@entity"]);
      return true;
    });
  });
}

test("an empty list beside the other one does not count", async (t) => {
  const { world, visit } = await openAclWorld(t);
  await world.configure("acl", { allow: ["a"], deny: [] });
  assert.equal((await visit(known)).exit, undefined);
});

test("the schema is Kong's", () => {
  const flag = { type: "boolean", required: true, default: false };
  const { fields, entity_checks } = describeSubschema(createSubschema(acl));
  assert.deepEqual(Object.keys(Object.assign({}, ...fields)), ["consumer", "protocols", "config"]);
  const members = (fields[2] as { config: { fields: object[] } }).config.fields;
  const bare = JSON.parse(JSON.stringify(members), (key, value) => (key === "description" ? undefined : value));
  assert.deepEqual(bare, [
    { allow: { type: "array", elements: { type: "string" } } },
    { deny: { type: "array", elements: { type: "string" } } },
    { hide_groups_header: flag },
    { always_use_authenticated_groups: flag },
  ]);
  assert.deepEqual(entity_checks, [
    { only_one_of: ["config.allow", "config.deny"] },
    { at_least_one_of: ["config.allow", "config.deny"] },
  ]);
});
