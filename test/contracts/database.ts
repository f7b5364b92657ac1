import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { createStores, type Database } from "../../src/database/index.ts";
import { type Change, consumer, route, type Stores, service } from "../../src/entities/index.ts";
import { acl } from "../../src/plugins/acl/entities.ts";
import { basicauthCredential } from "../../src/plugins/basic-auth/entities.ts";
import { keyauthCredential } from "../../src/plugins/key-auth/entities.ts";
import { session } from "../../src/plugins/session/entities.ts";
import type { PluginSchema } from "../../src/schema/index.ts";

/** Plugins enough to exercise the store; their settings stand for those of real ones. */
export const plugins = [
  {
    name: "key-auth",
    config: {
      key_names: {
        type: "array",
        elements: { type: "string" },
        required: true,
        default: ["apikey"],
        description: "Names.",
      },
      anonymous: { type: "string", description: "Who is anonymous." },
      limits: {
        type: "record",
        required: true,
        description: "Limits.",
        fields: {
          low: { type: "integer", default: 1, description: "Low." },
          high: { type: "integer", default: 9, description: "High." },
        },
      },
      old_names: {
        type: "set",
        elements: { type: "string" },
        description: "More names.",
      },
      newest: { type: "boolean", newer: true, description: "A setting that Kong does not have." },
    },
    shorthand_fields: {
      who: { type: "string", description: "An older name.", expand: (value: string | null) => ({ anonymous: value }) },
    },
    noConsumer: true,
    entities: [keyauthCredential, basicauthCredential, acl, session],
  },
  { name: "request-termination", config: { status_code: { type: "integer", default: 503, description: "Status." } } },
] as const satisfies readonly (PluginSchema & { entities?: unknown })[];

/** A fresh, empty database, closed at the end of the test. */
export type CreateDatabase = (t: TestContext) => Database | Promise<Database>;

interface Fixture {
  readonly stores: Stores;
  readonly database: Database;
  /** Everything that listeners were told. */
  readonly changes: Change[];
  /** Let time pass, in seconds. */
  advance(seconds: number): void;
}

const unknownId = "0e3b8cde-3f2b-4d7f-8f4e-2a8d0a9b1c2d";

/** What every database under the entity stores must do. */
export function testDatabase(name: string, create: CreateDatabase): void {
  const contract = (sentence: string, check: (fixture: Fixture) => Promise<void>) =>
    test(`${name}: ${sentence}`, async (t) => {
      let now = 1_700_000_000.25;
      const database = await create(t);
      const stores = await createStores(database, { plugins, now: () => now });
      const changes: Change[] = [];
      stores.onChange((heard) => void changes.push(...heard));
      await check({ stores, database, changes, advance: (seconds) => void (now += seconds) });
    });

  const rejects = async (work: Promise<unknown>, code: number, message: string, rest: object = {}) => {
    await assert.rejects(work, (error) => {
      const body = JSON.parse(JSON.stringify(error));
      const { name: _, ...found } = body;
      assert.deepEqual(found, { code, message, ...rest });
      return true;
    });
  };

  contract("a row is read back as it was answered, by id and by name", async ({ stores }) => {
    const store = stores.of(service);
    const row = await store.insert({ name: "s", url: "http://h:81/x", tags: ["a", "b"], enabled: false });
    assert.equal(row.port, 81);
    assert.equal(row.enabled, false);
    assert.deepEqual(row.tags, ["a", "b"]);
    assert.equal(row.client_certificate, null);
    assert.equal(row.created_at, 1_700_000_000);
    assert.deepEqual(await store.select({ id: row.id }), row);
    assert.deepEqual(await store.select({ id: row.id.toUpperCase() }), row);
    assert.deepEqual(await store.select({ name: "s" }), row);
    assert.deepEqual(await store.all(), [row]);
    assert.equal(await store.select({ name: "t" }), undefined);
    assert.equal(await store.select({ id: unknownId }), undefined);
  });

  contract("the members of a row come in the order of its schema", async ({ stores }) => {
    const row = await stores.of(consumer).insert({ tags: ["x"], custom_id: "1", username: "u" });
    assert.deepEqual(Object.keys(row), ["id", "created_at", "updated_at", "username", "custom_id", "tags"]);
  });

  contract("a key that is none is refused", async ({ stores }) => {
    const store = stores.of(service);
    await rejects(
      (async () => store.select({ id: "x" }))(),
      1,
      "invalid primary key: '{id=\"expected a valid UUID\"}'",
      { fields: { id: "expected a valid UUID" } },
    );
    await rejects(
      (async () => store.select({ name: "a b" }))(),
      10,
      "invalid value 'a b': the only accepted ascii characters are alphanumerics or ., -, _, and ~",
    );
    await assert.rejects((async () => store.select({ host: "h" }))(), TypeError);
    await assert.rejects((async () => store.select({ '"; DROP TABLE services': "h" }))(), TypeError);
  });

  contract("clashes are told apart: id, unique field, unique tuple", async ({ stores }) => {
    const consumers = stores.of(consumer);
    const row = await consumers.insert({ username: "u", custom_id: "1" });
    await rejects(
      consumers.insert({ id: row.id, username: "v" }),
      3,
      `primary key violation on key '{id="${row.id}"}'`,
      {
        fields: { id: row.id },
      },
    );
    await rejects(consumers.insert({ username: "u" }), 5, "UNIQUE violation detected on '{username=\"u\"}'", {
      fields: { username: "u" },
    });
    const other = await consumers.insert({ username: "v" });
    await rejects(
      consumers.update({ id: other.id }, { custom_id: "1" }),
      5,
      "UNIQUE violation detected on '{custom_id=\"1\"}'",
      {
        fields: { custom_id: "1" },
      },
    );
    await stores.of(acl).insert({ consumer: { id: row.id }, group: "g" });
    await stores.of(acl).insert({ consumer: { id: other.id }, group: "g" });
    await rejects(
      stores.of(acl).insert({ consumer: { id: row.id }, group: "g" }),
      5,
      `UNIQUE violation detected on '{consumer={id="${row.id}"},group="g"}'`,
      { fields: { consumer: { id: row.id }, group: "g" } },
    );
  });

  contract("a plugin is unique by name, route, service and consumer, where none is a value", async ({ stores }) => {
    const store = stores.named("plugins")!;
    const target = await stores.of(service).insert({ host: "h" });
    await store.insert({ name: "key-auth" });
    await store.insert({ name: "key-auth", service: { id: target.id } });
    await store.insert({ name: "request-termination" });
    await rejects(
      store.insert({ name: "key-auth" }),
      5,
      "UNIQUE violation detected on '{consumer=null,name=\"key-auth\",route=null,service=null}'",
      { fields: { name: "key-auth", route: null, service: null, consumer: null } },
    );
    await rejects(
      store.insert({ name: "key-auth", service: { id: target.id } }),
      5,
      `UNIQUE violation detected on '{consumer=null,name="key-auth",route=null,service={id="${target.id}"}}'`,
      { fields: { name: "key-auth", route: null, service: { id: target.id }, consumer: null } },
    );
  });

  contract("references are resolved by unique fields and kept as ids", async ({ stores }) => {
    const target = await stores.of(service).insert({ name: "s", host: "h" });
    const routes = stores.of(route);
    const reference = async (value: unknown) => (await routes.insert({ paths: ["/"], service: value })).service;
    assert.deepEqual(await reference({ name: "s" }), { id: target.id });
    assert.deepEqual(await reference({ id: target.id.toUpperCase(), name: "other" }), { id: target.id });
    assert.equal(await reference(null), null);
    await rejects(
      reference({ name: "t" }),
      13,
      "foreign key unresolved (service.name: the foreign key cannot be resolved with '{name=\"t\"}' for an existing 'services' entity)",
      {
        fields: {
          service: { name: "the foreign key cannot be resolved with '{name=\"t\"}' for an existing 'services' entity" },
        },
      },
    );
    await rejects(
      reference({ id: unknownId }),
      4,
      `the foreign key '{id="${unknownId}"}' does not reference an existing 'services' entity.`,
      { fields: { service: { id: unknownId } } },
    );
    await rejects(reference({ id: "x" }), 2, "schema violation (service.id: expected a valid UUID)", {
      fields: { service: { id: "expected a valid UUID" } },
    });
    await rejects(reference({}), 2, "schema violation (service.id: missing primary key)", {
      fields: { service: { id: "missing primary key" } },
    });
    await rejects(reference({ foo: 1 }), 2, "schema violation (service.foo: unknown field)", {
      fields: { service: { foo: "unknown field" } },
    });
    await rejects(reference("s"), 2, "schema violation (service.id: missing primary key)", {
      fields: { service: { id: "missing primary key" } },
    });
  });

  contract("a reference to an entity that is not kept refers to nothing", async ({ stores }) => {
    await rejects(
      stores.of(service).insert({ url: "https://h", client_certificate: { id: unknownId } }),
      4,
      `the foreign key '{id="${unknownId}"}' does not reference an existing 'certificates' entity.`,
      { fields: { client_certificate: { id: unknownId } } },
    );
  });

  contract("an update merges records deeply and replaces the rest", async ({ stores, advance }) => {
    const store = stores.named("plugins")!;
    const row = await store.insert({ name: "key-auth", config: { limits: { low: 3 } }, tags: ["a", "b"] });
    advance(10);
    const changed = await store.update(
      { id: row.id },
      { config: { limits: { high: 4 }, anonymous: "a" }, tags: ["c"] },
    );
    assert.deepEqual(changed, {
      ...row,
      config: { key_names: ["apikey"], anonymous: "a", limits: { low: 3, high: 4 }, old_names: null },
      tags: ["c"],
      updated_at: 1_700_000_010,
    });
    assert.deepEqual(await store.select({ id: row.id }), changed);
    assert.deepEqual(await store.update({ id: row.id }, changed), changed);
  });

  contract(
    "an update of settings knows their older names and their sets, without the name of the plugin",
    async ({ stores }) => {
      const store = stores.named("plugins")!;
      const { id } = await store.insert({ name: "key-auth", config: { who: "a" } });
      const row = await store.update({ id }, { config: { who: "b", old_names: ["x", "x"] } });
      assert.deepEqual(row["config"], {
        key_names: ["apikey"],
        anonymous: "b",
        limits: { low: 1, high: 9 },
        old_names: ["x"],
      });
    },
  );

  contract("an empty update still moves the time of the last write", async ({ stores, advance }) => {
    const store = stores.of(service);
    const row = await store.insert({ name: "s", host: "h" });
    advance(5);
    assert.deepEqual(await store.update({ name: "s" }, {}), { ...row, updated_at: row.updated_at + 5 });
  });

  contract("an update is validated as a whole, and says so", async ({ stores }) => {
    const consumers = stores.of(consumer);
    await consumers.insert({ username: "u" });
    await rejects(
      consumers.update({ username: "u" }, { username: null }),
      2,
      "schema violation (when updating, at least one of these fields must be non-empty: 'custom_id', 'username')",
      {
        fields: {
          "@entity": ["when updating, at least one of these fields must be non-empty: 'custom_id', 'username'"],
        },
      },
    );
    await stores.of(service).insert({ name: "s", host: "h" });
    await rejects(
      stores.of(service).update({ name: "s" }, { host: null }),
      2,
      "schema violation (host: required field missing)",
      {
        fields: { host: "required field missing" },
      },
    );
  });

  contract("an update of what is not there names the key", async ({ stores }) => {
    await rejects(
      stores.of(service).update({ id: unknownId }, {}),
      6,
      `could not find the entity with primary key '{id="${unknownId}"}'`,
      { fields: { id: unknownId } },
    );
    await rejects(stores.of(service).update({ name: "x" }, {}), 6, "could not find the entity with '{name=\"x\"}'", {
      fields: { name: "x" },
    });
  });

  contract("an upsert replaces the whole row and keeps its id", async ({ stores, advance }) => {
    const store = stores.of(service);
    const made = await store.upsert({ name: "s" }, { url: "http://h", retries: 1, tags: ["t"] });
    assert.equal(made.name, "s");
    advance(5);
    const replaced = await store.upsert({ name: "s" }, { url: "http://g" });
    assert.deepEqual(replaced, {
      ...made,
      host: "g",
      retries: 5,
      tags: null,
      created_at: made.created_at + 5,
      updated_at: made.updated_at + 5,
    });
    const byId = await store.upsert({ id: unknownId }, { id: made.id, name: "t", host: "h" });
    assert.equal(byId.id, unknownId);
    assert.deepEqual((await store.all()).length, 2);
    await rejects(store.upsert({ name: "s" }, {}), 2, "schema violation (host: required field missing)", {
      fields: { host: "required field missing" },
    });
    await rejects(
      store.upsert({ id: unknownId }, { name: "s", host: "h" }),
      5,
      "UNIQUE violation detected on '{name=\"s\"}'",
      {
        fields: { name: "s" },
      },
    );
  });

  contract("a member of a tuple names the row below its parent", async ({ stores }) => {
    const { id } = await stores.of(consumer).insert({ username: "u" });
    const groups = stores.of(acl);
    const made = await groups.upsert({ consumer: { id }, group: "g" }, { consumer: { id } });
    assert.equal(made.group, "g");
    assert.deepEqual(await groups.select({ group: "g", consumer: { id } }), made);
    assert.equal(
      (await groups.upsert({ consumer: { id }, group: "g" }, { consumer: { id }, tags: ["t"] })).id,
      made.id,
    );
    await assert.rejects((async () => groups.select({ group: "g", consumer: "u" }))(), { code: 1 });
    await assert.rejects((async () => groups.select({ group: 5, consumer: { id } }))(), { code: 10 });
    assert.equal(await groups.delete({ consumer: { id }, group: "h" }), false);
    assert.equal(await groups.delete({ consumer: { id }, group: "g" }), true);
  });

  contract("a row that others refer to stays, or takes them along", async ({ stores, changes }) => {
    const target = await stores.of(service).insert({ name: "s", host: "h" });
    const way = await stores.of(route).insert({ name: "r", paths: ["/"], service: { name: "s" } });
    const { id } = await stores.of(consumer).insert({ username: "u", tags: ["who"] });
    const key = await stores.of(keyauthCredential).insert({ consumer: { id }, key: "k", tags: ["what"] });
    const plugin = await stores
      .named("plugins")!
      .insert({ name: "request-termination", route: { id: way.id }, consumer: { id } });
    await rejects(
      stores.of(service).delete({ name: "s" }),
      4,
      "an existing 'routes' entity references this 'services' entity",
      {
        fields: { "@referenced_by": "routes" },
      },
    );
    changes.length = 0;
    assert.equal(await stores.of(consumer).delete({ username: "u" }), true);
    assert.deepEqual(changes.map(({ operation, entity, row }) => [operation, entity, row.id]).sort(), [
      ["delete", "consumers", id],
      ["delete", "keyauth_credentials", key.id],
      ["delete", "plugins", plugin.id],
    ]);
    assert.equal(changes.at(-1)!.entity, "consumers");
    assert.deepEqual(await stores.of(keyauthCredential).all(), []);
    assert.deepEqual((await stores.tags()).data, []);
    assert.equal(await stores.of(consumer).delete({ username: "u" }), false);
    assert.equal(await stores.of(route).delete({ id: way.id }), true);
    assert.equal(await stores.of(service).delete({ id: target.id }), true);
  });

  contract("a thousand rows come in pages, each once, in the order of their ids", async ({ stores }) => {
    const store = stores.of(consumer);
    await Promise.all(Array.from({ length: 1000 }, (_, index) => store.insert({ username: `u${index}` })));
    const seen: string[] = [];
    for (let offset: string | undefined; ; ) {
      const page = await store.page({ size: 77, ...(offset !== undefined && { offset }) });
      assert.ok(page.data.length <= 77);
      seen.push(...page.data.map(({ id }) => id));
      offset = page.offset;
      if (offset === undefined) break;
    }
    assert.equal(new Set(seen).size, 1000);
    assert.deepEqual(seen, [...seen].sort());
    assert.equal((await store.page()).data.length, 100);
    assert.equal((await store.page({ size: 1000 })).offset, undefined);
    assert.ok(!("offset" in (await store.page({ size: 1000 }))));
  });

  contract("an offset and a size that are none are refused", async ({ stores }) => {
    const store = stores.of(consumer);
    const page = async (query: object) => store.page(query);
    await rejects(page({ offset: "*" }), 7, "'*' is not a valid offset: bad base64 encoding");
    await rejects(page({ offset: "" }), 7, "'' is not a valid offset: bad json encoding");
    await rejects(page({ offset: "eA" }), 7, "'eA' is not a valid offset: bad json encoding");
    await rejects(page({ size: 0 }), 9, "size must be an integer between 1 and 1000");
    await rejects(page({ size: 1001 }), 9, "size must be an integer between 1 and 1000");
    await rejects(page({ size: 1.5 }), 9, "size must be an integer between 1 and 1000");
  });

  contract("rows are found by all or any of their tags, and by what they refer to", async ({ stores }) => {
    const services = stores.of(service);
    const first = await services.insert({ name: "a", host: "h", tags: ["t1", "t2"] });
    const second = await services.insert({ name: "b", host: "h", tags: ["t1"] });
    await services.insert({ name: "c", host: "h" });
    const names = async (tags: readonly string[], match: "all" | "any") =>
      (await services.page({ tags: { names: tags, match } })).data.map((row) => row.name).sort();
    assert.deepEqual(await names(["t1"], "all"), ["a", "b"]);
    assert.deepEqual(await names(["t1", "t2"], "all"), ["a"]);
    assert.deepEqual(await names(["t1", "t2"], "any"), ["a", "b"]);
    assert.deepEqual(await names(["t3"], "any"), []);
    const below = await stores.of(route).insert({ paths: ["/"], service: { id: first.id } });
    await stores.of(route).insert({ paths: ["/"], service: { id: second.id } });
    assert.deepEqual((await stores.of(route).page({ foreign: { field: "service", id: first.id } })).data, [below]);
  });

  contract("uses of tags are listed, in pages, by entity id", async ({ stores }) => {
    const row = await stores.of(service).insert({ name: "a", host: "h", tags: ["t1", "t2"] });
    await stores.of(consumer).insert({ username: "u", tags: ["t1"] });
    const all = (await stores.tags()).data;
    assert.equal(all.length, 3);
    assert.deepEqual(
      all.map(({ entity_id }) => entity_id),
      all.map(({ entity_id }) => entity_id).sort(),
    );
    assert.equal((await stores.tags({ tag: "t1" })).data.length, 2);
    const first = await stores.tags({ size: 2 });
    const second = await stores.tags({ size: 2, offset: first.offset! });
    assert.deepEqual([...first.data, ...second.data], all);
    assert.equal(second.offset, undefined);
    await stores.of(service).update({ id: row.id }, { tags: ["t3"] });
    assert.deepEqual((await stores.tags({ tag: "t3" })).data, [
      { tag: "t3", entity_name: "services", entity_id: row.id },
    ]);
    assert.deepEqual((await stores.tags({ tag: "t2" })).data, []);
  });

  contract("a row with a ttl shows the whole seconds that remain, then is gone", async ({ stores, advance }) => {
    const { id } = await stores.of(consumer).insert({ username: "u" });
    const keys = stores.of(keyauthCredential);
    const row = await keys.insert({ consumer: { id }, key: "k", ttl: 60, tags: ["t"] });
    assert.equal(row.ttl, 59);
    assert.equal((await keys.insert({ consumer: { id } })).ttl, null);
    advance(30);
    assert.equal((await keys.select({ key: "k" }))?.ttl, 29);
    advance(29.5);
    assert.equal((await keys.select({ key: "k" }))?.ttl, 0);
    advance(1);
    assert.equal(await keys.select({ key: "k" }), undefined);
    assert.equal(await keys.select({ id: row.id }), undefined);
    assert.equal((await keys.all()).length, 1);
    assert.deepEqual((await stores.tags()).data, []);
    await rejects(keys.update({ key: "k" }, {}), 6, "could not find the entity with '{key=\"k\"}'", {
      fields: { key: "k" },
    });
    assert.equal(await keys.delete({ key: "k" }), false);
  });

  contract("the end of a life is set by creation, by an update, or not at all", async ({ stores, advance }) => {
    const { id } = await stores.of(consumer).insert({ username: "u" });
    const keys = stores.of(keyauthCredential);
    const made = await keys.insert({ consumer: { id }, ttl: 60, created_at: 1_700_000_000 - 50 });
    assert.equal(made.ttl, 9);
    advance(5);
    assert.equal((await keys.update({ id: made.id }, { tags: ["t"] })).ttl, 4);
    assert.equal((await keys.update({ id: made.id }, { ttl: 60 })).ttl, 59);
    assert.equal((await keys.update({ id: made.id }, { ttl: null })).ttl, 59);
    assert.equal((await keys.update({ id: made.id }, { ttl: 0 })).ttl, null);
    assert.equal((await keys.update({ id: made.id }, { ttl: 60 })).ttl, 59);
    advance(59.9);
    assert.equal((await keys.select({ id: made.id }))?.ttl, 0, "an update gives whole seconds, not up to one less");
    assert.equal((await keys.upsert({ id: made.id }, { consumer: { id }, key: "k" })).ttl, null);
    for (const ttl of [-1, 1.5, 100_000_001, "60", Number.NaN]) {
      await rejects(
        keys.insert({ consumer: { id }, ttl }),
        11,
        "invalid option (ttl: must be an integer between 0 and 100000000)",
        {
          options: { ttl: "must be an integer between 0 and 100000000" },
        },
      );
    }
    await rejects(stores.of(consumer).insert({ username: "v", ttl: 5 }), 2, "schema violation (ttl: unknown field)", {
      fields: { ttl: "unknown field" },
    });
  });

  contract("an expired row is in nobody's way, and is swept", async ({ stores, database, advance, changes }) => {
    const sessions = stores.of(session);
    const first = await sessions.insert({ session_id: "s", data: "1", expires: 1, ttl: 10 });
    for (let index = 0; index < 30; index++) await sessions.insert({ session_id: `s${index}`, ttl: 10 });
    advance(20);
    changes.length = 0;
    const second = await sessions.insert({ session_id: "s", data: "2", ttl: 10 });
    assert.notEqual(second.id, first.id);
    assert.equal((await sessions.insert({ id: first.id, session_id: "t", ttl: 10 })).id, first.id);
    const [count] = await database.execute('SELECT COUNT(*) AS "n" FROM "sessions"');
    assert.equal(count?.["n"], 2);
    assert.deepEqual(changes, [], "neither that a row went nor, of this entity, that one came");
  });

  contract("that an unannounced row was created is not told, what becomes of it is", async ({ stores, changes }) => {
    const sessions = stores.of(session);
    const row = await sessions.insert({ session_id: "s", data: "1" });
    const upserted = await sessions.upsert({ session_id: "t" }, { session_id: "t", data: "1" });
    assert.deepEqual(changes, []);
    const next = await sessions.update({ id: row.id }, { data: "2" });
    await sessions.delete({ id: upserted.id });
    assert.deepEqual(changes, [
      { entity: "sessions", operation: "update", row: next, old: row },
      { entity: "sessions", operation: "delete", row: upserted },
    ]);
  });

  contract("of writes that come together those that fail take nobody along", async ({ stores, changes }) => {
    const consumers = stores.of(consumer);
    const keys = stores.of(keyauthCredential);
    await consumers.insert({ username: "taken", tags: ["first"] });
    const gone = await consumers.insert({ username: "gone" });
    changes.length = 0;
    const results = await Promise.allSettled([
      consumers.insert({ username: "a", tags: ["t"] }),
      consumers.insert({ username: "taken" }),
      keys.insert({ consumer: { id: unknownId }, key: "k" }),
      consumers.insert({ id: gone.id, username: "b" }),
      consumers.insert({ username: 5 }),
      consumers.insert({ username: "c" }),
      consumers.insert({ username: "c" }),
      stores.write({ verb: "insert", entity: "nope", input: {} }),
      keys.insert({ consumer: { id: gone.id }, key: "l" }),
      consumers.insert({ username: "d", tags: ["t"] }),
    ]);
    const codes = results.map((result) => (result.status === "rejected" ? (result.reason.code ?? "other") : "kept"));
    assert.deepEqual(codes, ["kept", 5, 4, 3, 2, "kept", 5, "other", "kept", "kept"]);
    const refused = results[1] as PromiseRejectedResult;
    assert.equal(refused.reason.message, "UNIQUE violation detected on '{username=\"taken\"}'");
    const names = (rows: readonly { readonly username: unknown }[]) => rows.map(({ username }) => username).sort();
    assert.deepEqual(names(await consumers.all()), ["a", "c", "d", "gone", "taken"]);
    assert.equal((await stores.tags({ tag: "t" })).data.length, 2);
    assert.deepEqual(
      changes.map(({ operation, row }) => [operation, row["username"] ?? row["key"]]),
      ["a", "c", "l", "d"].map((name) => ["create", name]),
    );
  });

  contract("additions that come together are told in their order", async ({ stores, changes }) => {
    const names = Array.from({ length: 300 }, (_, index) => `u${index}`);
    await Promise.all(names.map((username) => stores.of(consumer).insert({ username })));
    assert.deepEqual(
      changes.map(({ row }) => row["username"]),
      names,
    );
  });

  contract("a password is stored as its hash, made anew with each password", async ({ stores }) => {
    const { id } = await stores.of(consumer).insert({ id: unknownId, username: "u" });
    const other = await stores.of(consumer).insert({ username: "v" });
    const store = stores.of(basicauthCredential);
    const row = await store.insert({ consumer: { id }, username: "u", password: "hello" });
    // SHA-1 of the password and the id of the consumer.
    assert.equal(row.password, "c2fbfff4d47ad802915b90b9a00540bdf4029749");
    assert.equal((await store.update({ id: row.id }, { tags: ["t"] })).password, row.password);
    assert.notEqual((await store.update({ id: row.id }, { password: "other" })).password, row.password);
    assert.equal((await store.update({ id: row.id }, { password: "hello" })).password, row.password);
    const needed = "all or none of these fields must be set: 'password', 'consumer.id'";
    await rejects(store.update({ id: row.id }, { consumer: { id: other.id } }), 2, `schema violation (${needed})`, {
      fields: { "@entity": [needed] },
    });
  });

  contract("a plugin's protocols must meet those of its route", async ({ stores }) => {
    await stores.of(service).insert({ name: "s", host: "h" });
    await stores.of(route).insert({ name: "r", paths: ["/"], protocols: ["http"], service: { name: "s" } });
    const store = stores.named("plugins")!;
    await rejects(
      store.insert({ name: "key-auth", route: { name: "r" }, protocols: ["https"] }),
      2,
      "schema violation (protocols: must match the associated route's protocols)",
      { fields: { protocols: "must match the associated route's protocols" } },
    );
    const text = "must match the protocols of at least one route pointing to this Plugin's service";
    await rejects(
      store.insert({ name: "key-auth", service: { name: "s" }, protocols: ["https"] }),
      2,
      `schema violation (protocols: ${text})`,
      {
        fields: { protocols: text },
      },
    );
    const row = await store.insert({ name: "key-auth", service: { name: "s" }, protocols: ["http"] });
    await rejects(store.update({ id: row.id }, { protocols: ["grpc"] }), 2, `schema violation (protocols: ${text})`, {
      fields: { protocols: text },
    });
  });

  contract("settings that Kong does not have are in answers only when set", async ({ stores }) => {
    const store = stores.named("plugins")!;
    const row = await store.insert({ name: "key-auth" });
    const config = (value: unknown) => (value as { config: object }).config;
    assert.ok(!("newest" in config(row)));
    assert.ok("newest" in config(await store.update({ id: row.id }, { config: { newest: true } })));
    assert.ok("newest" in config(await store.select({ id: row.id })));
    assert.ok(!("newest" in config(await store.update({ id: row.id }, { config: { newest: null } }))));
  });

  contract("of many writers of one unique value the first wins and the others are told", async ({ stores }) => {
    const results = await Promise.allSettled(
      Array.from({ length: 50 }, (_, index) => stores.of(consumer).insert({ username: "u", custom_id: String(index) })),
    );
    const refused = results.filter((result) => result.status === "rejected");
    assert.equal(refused.length, 49);
    for (const { reason } of refused) assert.equal(reason.code, 5);
    assert.equal((await stores.of(consumer).all()).length, 1);
  });

  contract("changes made at once to one row are all kept", async ({ stores }) => {
    const store = stores.named("plugins")!;
    const { id } = await store.insert({ name: "key-auth" });
    await Promise.all([
      store.update({ id }, { config: { limits: { low: 7 } } }),
      store.update({ id }, { config: { limits: { high: 8 } } }),
      store.update({ id }, { config: { anonymous: "x" } }),
    ]);
    const row = (await store.select({ id })) as unknown as { config: object };
    assert.deepEqual(row.config, {
      key_names: ["apikey"],
      anonymous: "x",
      limits: { low: 7, high: 8 },
      old_names: null,
    });
  });

  contract(
    "a write is answered when its listeners are done, and they hear writes in their order",
    async ({ stores }) => {
      const consumers = stores.of(consumer);
      const heard: unknown[] = [];
      const gate = Promise.withResolvers<void>();
      const stop = stores.onChange(
        async ([change]) => {
          if (change!.row["username"] === "u0") await gate.promise;
          heard.push(change!.row["username"]);
        },
        ["consumers"],
      );
      const writes: Promise<void>[] = [];
      for (const username of ["u0", "u1", "u2"]) {
        writes.push(consumers.insert({ username }).then(() => assert.ok(heard.includes(username))));
        while (!(await consumers.select({ username }))) await new Promise(setImmediate);
      }
      await stores.of(service).insert({ host: "h" });
      assert.deepEqual(heard, []);
      gate.resolve();
      await Promise.all(writes);
      assert.deepEqual(heard, ["u0", "u1", "u2"]);
      stop();
      await stores.of(consumer).insert({ username: "u3" });
      assert.equal(heard.length, 3);
    },
  );

  contract("a write that fails changes nothing and tells nobody", async ({ stores, changes }) => {
    await stores.of(service).insert({ name: "s", host: "h", tags: ["t"] });
    changes.length = 0;
    await assert.rejects(stores.of(service).insert({ name: "s", host: "g", tags: ["u"] }));
    await assert.rejects(stores.of(service).update({ name: "s" }, { host: "", tags: ["v"] }));
    assert.deepEqual(changes, []);
    assert.deepEqual(
      (await stores.tags()).data.map(({ tag }) => tag),
      ["t"],
    );
  });

  contract("changes tell the row, and what it was", async ({ stores, changes }) => {
    const row = await stores.of(consumer).insert({ username: "u" });
    const next = await stores.of(consumer).update({ id: row.id }, { username: "v" });
    await stores.of(consumer).delete({ id: row.id });
    assert.deepEqual(changes, [
      { entity: "consumers", operation: "create", row },
      { entity: "consumers", operation: "update", row: next, old: row },
      { entity: "consumers", operation: "delete", row: next },
    ]);
  });

  contract("a write can come as plain data", async ({ stores }) => {
    const write = JSON.parse('{"verb":"insert","entity":"consumers","input":{"username":"u"}}');
    const row = await stores.write(write);
    assert.deepEqual(await stores.of(consumer).select({ username: "u" }), row);
    assert.equal(await stores.write({ verb: "delete", entity: "consumers", key: { username: "u" } }), true);
    await assert.rejects(stores.write({ verb: "insert", entity: "nope", input: {} }), TypeError);
  });

  contract("hostile names and values are kept as they are or refused, and harm nothing", async ({ stores }) => {
    const strange = `'; DROP TABLE "consumers"; -- \u{1f600} ${"x".repeat(100_000)}`;
    const row = await stores.of(consumer).insert({ username: strange });
    assert.deepEqual(await stores.of(consumer).select({ username: strange }), row);
    const hostile = JSON.parse('{"username":"p","__proto__":{"a":1}}');
    await rejects(stores.of(consumer).insert(hostile), 2, "schema violation (__proto__: unknown field)", {
      fields: JSON.parse('{"__proto__":"unknown field"}'),
    });
    await assert.rejects(stores.of(consumer).insert({ username: "nul\0" }));
    await assert.rejects(stores.of(consumer).insert({ id: { a: 1 }, username: "x" }));
    await assert.rejects(stores.of(consumer).insert({ created_at: 1e300, username: "x" }));
    assert.equal((await stores.of(consumer).all()).length, 1);
  });
}
