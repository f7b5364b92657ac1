import assert from "node:assert/strict";
import { test } from "node:test";
import { startAdmin } from "../../test/helpers/admin.ts";

const ID = "00000000-0000-4000-8000-000000000001";
const OTHER_ID = "00000000-0000-4000-8000-000000000002";
const NOT_FOUND = { message: "Not found" };

test("a service is created from a form, whose texts get the types of the schema", async (t) => {
  const { call } = await startAdmin(t);
  const form = "name=s&host=h&port=8081&enabled=false&retries=0&path=&tags[]=t1&tags[]=t2";
  const { status, body } = await call("POST", "/services", form);
  assert.equal(status, 201);
  const { id, created_at, updated_at, ...rest } = body;
  assert.match(id, /^[\da-f-]{36}$/);
  assert.ok(Number.isInteger(created_at) && created_at === updated_at);
  assert.deepEqual(rest, {
    name: "s",
    retries: 0,
    path: null,
    port: 8081,
    protocol: "http",
    client_certificate: null,
    tls_verify: null,
    tls_verify_depth: null,
    connect_timeout: 60000,
    enabled: false,
    read_timeout: 60000,
    host: "h",
    ca_certificates: null,
    tags: ["t1", "t2"],
    write_timeout: 60000,
  });
});

test("the values of a JSON body keep their types", async (t) => {
  const { call } = await startAdmin(t);
  const refused = await call("POST", "/services", { host: "h", port: "80" });
  assert.equal(refused.status, 400);
  assert.deepEqual(refused.body, {
    code: 2,
    name: "schema violation",
    message: "schema violation (port: expected an integer)",
    fields: { port: "expected an integer" },
  });
});

test("dotted and bracketed names of a form nest by the schema", async (t) => {
  const { call } = await startAdmin(t);
  await call("POST", "/services", "name=s&url=http://127.0.0.1:1/a");
  const form =
    "name=r&paths[]=/a&paths[]=/b&methods[]=GET&hosts[1]=a.test&hosts[2]=b.test&headers.x-a=1&protocols=http&service.name=s";
  const { status, body } = await call("POST", "/routes", form);
  assert.equal(status, 201);
  assert.deepEqual(body.paths, ["/a", "/b"]);
  assert.deepEqual(body.hosts, ["a.test", "b.test"]);
  assert.deepEqual(body.headers, { "x-a": ["1"] });
  assert.deepEqual(body.protocols, ["http"]);
  assert.deepEqual(Object.keys(body.service), ["id"]);
});

test("a multipart body creates as a form does", async (t) => {
  const { call } = await startAdmin(t);
  const form = new FormData();
  form.append("name", "multi");
  form.append("url", "http://127.0.0.1:1");
  form.append("tags[]", new File(["t1"], "tag.txt"));
  const { status, body } = await call("POST", "/services", form);
  assert.equal(status, 201);
  assert.equal(body.port, 1);
  assert.deepEqual(body.tags, ["t1"]);
});

test("a member named __proto__ is unknown to the schema and pollutes nothing", async (t) => {
  const { call } = await startAdmin(t);
  for (const input of ["host=h&__proto__.polluted=1", '{"host":"h","__proto__":{"polluted":1}}']) {
    const { status, body } = await call("POST", "/services", input, { json: input.startsWith("{") });
    assert.equal(status, 400);
    assert.match(body.message, /__proto__: unknown field/);
  }
  const route = await call("POST", "/routes", '{"paths":["/a"],"headers":{"__proto__":["1"]}}', { json: true });
  assert.equal(route.status, 201);
  assert.match(route.text, /"headers":\{"__proto__":\["1"\]\}/);
  assert.equal("polluted" in {}, false);
});

test("a row is read by id and by name, with one slash more at the end too", async (t) => {
  const { call } = await startAdmin(t);
  await call("POST", "/services", { id: ID, name: "a b".replace(" ", "~"), host: "h" });
  for (const key of [ID, ID.toUpperCase(), "a~b", "a%7Eb", `${ID}/`]) {
    const { status, body } = await call("GET", `/services/${key}`);
    assert.equal(status, 200, key);
    assert.equal(body.id, ID);
  }
  assert.deepEqual(await call("GET", "/services/nope").then(({ status, body }) => [status, body]), [404, NOT_FOUND]);
});

test("keys that no row can have are refused as the field would", async (t) => {
  const { call } = await startAdmin(t);
  const name = await call("GET", "/services/bad%20name");
  assert.equal(name.status, 400);
  assert.equal(name.body.code, 10);
  assert.equal(name.body.name, "invalid unique name");
  assert.equal("fields" in name.body, false);
  const id = await call("GET", "/acls/no-uuid");
  assert.equal(id.status, 400);
  assert.equal(id.body.code, 1);
});

test("POST with an id or a name that exists is refused: 400 code 3, 409 code 5", async (t) => {
  const { call } = await startAdmin(t);
  await call("POST", "/services", { id: ID, name: "s", host: "h" });
  const id = await call("POST", "/services", { id: ID, host: "h" });
  assert.deepEqual([id.status, id.body.code], [400, 3]);
  const name = await call("POST", "/services", { name: "s", host: "h" });
  assert.deepEqual([name.status, name.body.code], [409, 5]);
  assert.equal(name.body.message, `UNIQUE violation detected on '{name="s"}'`);
});

test("PUT creates a row by id or name, then replaces it whole", async (t) => {
  const { call } = await startAdmin(t);
  const made = await call("PUT", "/services/s", { url: "http://h:1", retries: 1 });
  assert.deepEqual([made.status, made.body.name, made.body.retries], [200, "s", 1]);
  const replaced = await call("PUT", "/services/s", { url: "http://h:2" });
  assert.deepEqual([replaced.body.id, replaced.body.port, replaced.body.retries], [made.body.id, 2, 5]);
  const byId = await call("PUT", `/services/${ID}`, { name: "t", host: "h" });
  assert.deepEqual([byId.status, byId.body.id, byId.body.name], [200, ID, "t"]);
  const missing = await call("PUT", "/services/u", {});
  assert.deepEqual([missing.status, missing.body.fields], [400, { host: "required field missing" }]);
  assert.equal((await call("PUT", "/consumers/carol")).body.username, "carol");
});

test("PATCH changes what is sent, accepts a row as it was read, and clears by null", async (t) => {
  const { call } = await startAdmin(t);
  const { body: row } = await call("POST", "/services", { name: "s", url: "http://h:1/p", tags: ["a"] });
  assert.equal((await call("PATCH", "/services/s", "retries=7")).body.retries, 7);
  assert.equal((await call("PATCH", "/services/s", { ...row, retries: 8 })).body.retries, 8);
  assert.equal((await call("PATCH", "/services/s", { path: null })).body.path, null);
  assert.equal((await call("PATCH", "/services/s")).status, 200);
  const cleared = await call("PATCH", "/services/s", { host: null });
  assert.deepEqual([cleared.status, cleared.body.fields], [400, { host: "required field missing" }]);
});

test("Kong's name of the nodes of a Redis cluster is translated, as in a form, and a change by it takes their place", async (t) => {
  const { call } = await startAdmin(t);
  const form = "name=session&config.redis.cluster_nodes[1].ip=a&config.redis.cluster_nodes[1].port=1";
  const { status, body } = await call("POST", "/plugins", form);
  assert.equal(status, 201);
  assert.deepEqual(body.config.redis, { nodes: [{ ip: "a", port: 1 }] });
  const other = { config: { redis: { cluster_nodes: [{ ip: "b", port: 2 }] } } };
  assert.equal((await call("PATCH", `/plugins/${body.id}`, other)).status, 200);
  assert.deepEqual((await call("GET", `/plugins/${body.id}`)).body.config.redis, { nodes: [{ ip: "b", port: 2 }] });
  const both = { config: { redis: { nodes: [{ ip: "a", port: 1 }], cluster_nodes: [{ ip: "b", port: 2 }] } } };
  const refused = await call("PATCH", `/plugins/${body.id}`, both);
  assert.equal(refused.status, 400);
  assert.match(refused.body.message, /cluster_nodes: must be the same list as nodes when both are set/);
});

test("PATCH of a row that is not there says which, unless the row had to be read first", async (t) => {
  const { call } = await startAdmin(t);
  const byId = await call("PATCH", `/services/${ID}`, { retries: 1 });
  assert.equal(byId.status, 404);
  assert.equal(byId.body.message, `could not find the entity with primary key '{id="${ID}"}'`);
  const byName = await call("PATCH", "/services/x", "retries=1");
  assert.equal(byName.body.message, `could not find the entity with '{name="x"}'`);
  for (const path of [`/plugins/${ID}`, "/services/x/routes/y", `/services/x/plugins/${ID}`]) {
    const { status, body } = await call("PATCH", path, "enabled=true");
    assert.deepEqual([status, body], [404, NOT_FOUND], path);
  }
});

test("PATCH of a plugin merges its config, whose texts get the types of the stored plugin", async (t) => {
  const { call } = await startAdmin(t);
  const { body: made } = await call(
    "POST",
    "/plugins",
    "name=key-auth&config.key_names[]=k&config.hide_credentials=true",
  );
  assert.deepEqual([made.config.key_names, made.config.hide_credentials], [["k"], true]);
  const { body } = await call("PATCH", `/plugins/${made.id}`, "config.key_in_body=true&config.realm=r");
  assert.deepEqual(
    [body.config.key_names, body.config.hide_credentials, body.config.key_in_body, body.config.realm],
    [["k"], true, true, "r"],
  );
  const list = await call("PATCH", `/plugins/${made.id}`, { config: { key_names: ["a", "b"], realm: null } });
  assert.deepEqual([list.body.config.key_names, list.body.config.realm], [["a", "b"], null]);
});

test("DELETE is idempotent, but not below a parent", async (t) => {
  const { call } = await startAdmin(t);
  await call("POST", "/services", "name=s&host=h");
  await call("POST", "/services/s/routes", "name=r&paths[]=/r");
  const inUse = await call("DELETE", "/services/s");
  assert.deepEqual([inUse.status, inUse.body.code, inUse.body.fields], [400, 4, { "@referenced_by": "routes" }]);
  assert.equal((await call("DELETE", "/services/s/routes/r")).status, 204);
  assert.deepEqual((await call("DELETE", "/services/s/routes/r")).body, NOT_FOUND);
  assert.deepEqual((await call("DELETE", "/services/nope/routes/r")).body, NOT_FOUND);
  for (const path of ["/routes/r", `/routes/${ID}`, "/services/s", "/services/s"])
    assert.deepEqual([(await call("DELETE", path)).status], [204], path);
});

test("rows below a parent are only the parent's", async (t) => {
  const { call } = await startAdmin(t);
  await call("POST", "/services", "name=a&host=h");
  await call("POST", "/services", "name=b&host=h");
  await call("POST", "/services/a/routes", { name: "r", paths: ["/r"], service: { id: ID } });
  assert.equal((await call("GET", "/services/a/routes/r")).status, 200);
  assert.deepEqual((await call("GET", "/services/b/routes/r")).body, NOT_FOUND);
  assert.deepEqual((await call("GET", "/services/b/routes")).body, { data: [], next: null });
  assert.equal((await call("GET", "/services/a/routes")).body.data.length, 1);
  assert.deepEqual((await call("GET", "/services/nope/routes")).body, NOT_FOUND);
  assert.deepEqual((await call("POST", "/services/nope/routes", "paths[]=/x")).body, NOT_FOUND);
  const moved = await call("PUT", "/services/b/routes/r", { paths: ["/moved"] });
  assert.deepEqual([moved.status, moved.body.name, moved.body.paths], [200, "r", ["/moved"]]);
  assert.equal((await call("GET", "/services/a/routes/r")).status, 404);
  assert.equal((await call("PATCH", "/services/b/routes/r", "strip_path=false")).body.strip_path, false);
});

test("the row that is referred to is read, changed and made through the one that refers", async (t) => {
  const { call } = await startAdmin(t);
  await call("POST", "/services", "name=s&host=h");
  await call("POST", "/services/s/routes", "name=r&paths[]=/r");
  assert.equal((await call("GET", "/routes/r/service")).body.name, "s");
  assert.equal((await call("PATCH", "/routes/r/service", "port=81")).body.port, 81);
  assert.equal((await call("PUT", "/routes/r/service", "host=i")).body.host, "i");
  assert.deepEqual((await call("DELETE", "/routes/r/service")).body, { message: "Method not allowed" });
  await call("POST", "/routes", "name=lone&paths[]=/l");
  for (const method of ["GET", "PATCH", "DELETE"])
    assert.deepEqual((await call(method, "/routes/lone/service")).body, NOT_FOUND, method);
  const made = await call("PUT", "/routes/lone/service", "host=new");
  assert.equal(made.status, 200);
  assert.equal((await call("GET", "/routes/lone")).body.service.id, made.body.id);
  assert.deepEqual((await call("PUT", "/routes/nope/service", "host=new")).body, NOT_FOUND);
});

test("an acl below its consumer is named by its group", async (t) => {
  const { call } = await startAdmin(t);
  await call("POST", "/consumers", "username=alice");
  await call("POST", "/consumers", "username=bob");
  const { body: acl } = await call("POST", "/consumers/alice/acls", "group=admins");
  await call("POST", "/consumers/bob/acls", "group=admins");
  assert.equal((await call("GET", "/consumers/alice/acls/admins")).body.id, acl.id);
  assert.equal((await call("GET", `/consumers/alice/acls/${acl.id}`)).body.group, "admins");
  assert.equal((await call("GET", `/consumers/bob/acls/${acl.id}`)).status, 404);
  assert.equal((await call("PATCH", "/consumers/alice/acls/admins", "group=staff")).body.id, acl.id);
  assert.equal((await call("PUT", "/consumers/alice/acls/users")).body.group, "users");
  assert.equal((await call("DELETE", "/consumers/alice/acls/staff")).status, 204);
  assert.equal((await call("DELETE", "/consumers/alice/acls/staff")).status, 404);
  const twice = await call("POST", "/consumers/alice/acls", "group=users");
  assert.deepEqual([twice.status, twice.body.code], [409, 5]);
});

test("references are found by id or a unique field, and lost ones are named", async (t) => {
  const { call } = await startAdmin(t);
  await call("POST", "/consumers", "username=alice&custom_id=A1");
  for (const consumer of [{ username: "alice" }, { custom_id: "A1" }]) {
    const { status } = await call("POST", "/key-auths", { consumer });
    assert.equal(status, 201, JSON.stringify(consumer));
  }
  assert.equal((await call("POST", "/key-auths", "consumer.username=alice")).status, 201);
  const table: [consumer: unknown, code: number][] = [
    [{ username: "nobody" }, 13],
    [{ id: ID }, 4],
    [{ id: "x" }, 2],
    [{}, 2],
    ["alice", 2],
    [null, 2],
  ];
  for (const [consumer, code] of table) {
    const { status, body } = await call("POST", "/key-auths", { consumer });
    assert.deepEqual([status, body.code], [400, code], JSON.stringify(consumer));
  }
});

test("a list has pages, whose next is the path of the one after", async (t) => {
  const { call } = await startAdmin(t);
  for (const name of ["a", "b", "c"]) await call("POST", "/services", { name, host: "h", tags: ["t,".at(0)] });
  const names = new Set<string>();
  let pages = 0;
  for (let next = "/services?size=2&tags=t"; next; pages++) {
    const { body } = await call("GET", next);
    for (const { name } of body.data) names.add(name);
    next = body.next;
    if (next) assert.equal(next, `/services?offset=${encodeURIComponent(body.offset)}&tags=t&size=2`);
    else assert.equal("offset" in body, false);
  }
  assert.deepEqual([pages, names.size], [2, 3]);
  for (const name of ["x", "y"]) await call("POST", "/services/a/routes", { name, paths: ["/"] });
  const { body: a } = await call("GET", "/services/a");
  const { body } = await call("GET", "/services/a/routes?size=1&tags=nope");
  assert.equal(body.next, `/services/${a.id}/routes?offset=${encodeURIComponent(body.offset)}`);
  assert.equal((await call("GET", body.next)).body.next, null);
});

const number = "size must be a number";
const range = "size must be an integer between 1 and 1000";
const lists: [query: string, code: number | undefined, message?: string][] = [
  ["", undefined],
  ["?size=1", undefined],
  ["?size=1000", undefined],
  ["?name=x&anything", undefined],
  ["?tags=a/b", undefined],
  ["?tags=a,b,c,d,e", undefined],
  ["?tags=a&tags=,", undefined],
  ["?size=0", 9, range],
  ["?size=1001", 9, range],
  ["?size=-1", 9, range],
  ["?size=1.5", 9, range],
  ["?size=1e9", 9, range],
  ["?size=Infinity", 9, range],
  ["?size=x", 9, number],
  ["?size=", 9, number],
  ["?size", 9, number],
  ["?size=1&size=2", 9, "size must be given once"],
  ["?offset=!", 7, "'!' is not a valid offset: bad base64 encoding"],
  ["?offset=", 7, "'' is not a valid offset: bad json encoding"],
  ["?offset=e30", 7, "'e30' is not a valid offset: bad json encoding"],
  ["?tags=", 11, "invalid option (tags: cannot be null)"],
  ["?tags", 11, "invalid option (tags: cannot be null)"],
  ["?tags=a,b/c", 11, "invalid option (tags: invalid filter syntax)"],
  ["?tags=a,", 11, "invalid option (tags: invalid filter syntax)"],
  ["?tags=a%00", 11, "invalid option (tags: invalid filter syntax)"],
  ["?tags=1,2,3,4,5,6", 11, "invalid option (tags: cannot query more than 5 tags)"],
];

test("the query of a list is checked", async (t) => {
  const { call } = await startAdmin(t);
  for (const [query, code, message] of lists) {
    const { status, body } = await call("GET", `/services${query}`);
    assert.equal(status, code === undefined ? 200 : 400, query);
    if (code === undefined) continue;
    assert.deepEqual([body.code, body.message], [code, message], query);
    assert.equal("fields" in body, false);
    assert.equal("options" in body, code === 11);
  }
});

test("tags tell which rows carry them, and are not written by themselves", async (t) => {
  const { call } = await startAdmin(t);
  await call("POST", "/services", { id: ID, name: "s", host: "h", tags: ["t1", "t2"] });
  await call("POST", "/consumers", { id: OTHER_ID, username: "u", tags: ["t1"] });
  assert.equal((await call("GET", "/tags")).body.data.length, 3);
  assert.deepEqual((await call("GET", "/tags/t1")).body, {
    data: [
      { tag: "t1", entity_name: "services", entity_id: ID },
      { tag: "t1", entity_name: "consumers", entity_id: OTHER_ID },
    ],
    next: null,
  });
  assert.deepEqual((await call("GET", "/tags/nope")).body, { data: [], next: null });
  const refused = await call("POST", "/tags", "tag=x");
  assert.equal(refused.status, 400);
  assert.match(refused.body.message, /tags: does not support insert\/upsert\/update\/delete operations/);
});

test("consumers are found by their id in another system", async (t) => {
  const { call } = await startAdmin(t);
  await call("POST", "/consumers", "username=alice&custom_id=A1");
  await call("POST", "/consumers", "username=bob");
  const found = await call("GET", "/consumers?custom_id=A1");
  assert.deepEqual([found.body.data.length, found.body.data[0].username, found.body.next], [1, "alice", null]);
  assert.deepEqual((await call("GET", "/consumers?custom_id=x")).body, { data: [], next: null });
  assert.equal((await call("GET", "/consumers")).body.data.length, 2);
  const empty = await call("GET", "/consumers?custom_id=");
  assert.deepEqual([empty.status, empty.body], [400, { message: "custom_id must be an unempty string" }]);
});

test("schemas of entities and plugins are shown, and rows validated by them", async (t) => {
  const { call } = await startAdmin(t);
  const service = (await call("GET", "/schemas/services")).body;
  assert.ok(Array.isArray(service.fields) && Array.isArray(service.entity_checks));
  assert.ok(service.fields.some((field: object) => "client_certificate" in field));
  const plugin = (await call("GET", "/schemas/plugins/key-auth")).body;
  assert.deepEqual(
    plugin.fields.map((field: object) => Object.keys(field)[0]),
    ["consumer", "protocols", "config"],
  );
  const config = (await call("GET", "/plugins/schema/key-auth")).body;
  assert.ok(config.fields.some((field: object) => "key_names" in field));
  const table: [method: string, path: string, body: unknown, status: number, message: string][] = [
    ["GET", "/schemas/nope", undefined, 404, "No entity named 'nope'"],
    ["GET", "/schemas/plugins/nope", undefined, 404, "No plugin named 'nope'"],
    ["GET", "/plugins/schema/nope", undefined, 404, "No plugin named 'nope'"],
    ["POST", "/schemas/nope/validate", {}, 404, "No entity named 'nope'"],
    ["POST", "/schemas/services/validate", "host=h&port=80", 200, "schema validation successful"],
    ["POST", "/schemas/services/validate", "port=80", 400, "schema violation (host: required field missing)"],
    ["POST", "/schemas/plugins/validate", "name=key-auth", 200, "schema validation successful"],
    [
      "POST",
      "/schemas/plugins/validate",
      { name: "key-auth", config: { a: 1 } },
      400,
      "schema violation (config.a: unknown field)",
    ],
    ["POST", "/schemas/keyauth_credentials/validate", { consumer: { id: ID } }, 200, "schema validation successful"],
  ];
  for (const [method, path, sent, status, message] of table) {
    const answer = await call(method, path, sent);
    assert.deepEqual([answer.status, answer.body.message], [status, message], path);
  }
  assert.equal((await call("GET", "/services")).body.data.length, 0);
});

test("GET / tells what clients of Kong read, and no secret", async (t) => {
  const { call } = await startAdmin(t);
  await call("POST", "/plugins", "name=key-auth");
  const { body } = await call("GET", "/");
  assert.equal(body.version, "3.9.3");
  assert.equal(body.sesame_version, "1.2.3");
  assert.equal(body.edition, "community");
  assert.equal(body.configuration.database, "sqlite");
  assert.deepEqual(body.plugins.enabled_in_cluster, ["key-auth"]);
  assert.deepEqual(body.plugins.available_on_server["key-auth"], { version: "3.9.3", priority: 1250 });
  assert.deepEqual(body.pids, { master: 1, workers: [2] });
  assert.deepEqual(Object.keys((await call("GET", "/plugins/enabled")).body), ["enabled_plugins"]);
});

test("the routes without rows of their own answer as a Kong with a database", async (t) => {
  const { call } = await startAdmin(t);
  const wasm = "this endpoint is only available when wasm is enabled";
  const table: [method: string, path: string, status: number, message?: string][] = [
    ["GET", "/config", 400, "this endpoint is only available when Kong is configured to not use a database"],
    ["POST", "/config", 400, "this endpoint is only available when Kong is configured to not use a database"],
    [
      "GET",
      "/clustering/status",
      400,
      "this endpoint is only available when Kong is configured to run as Control Plane for the cluster",
    ],
    ["GET", "/filter-chains", 400, wasm],
    ["GET", "/services/x/filter-chains", 400, wasm],
    ["GET", "/cache/x", 404, "Not found"],
    ["DELETE", "/cache/x", 204],
    ["DELETE", "/cache", 204],
    ["GET", "/status/dns", 501, "The resolver keeps no statistics"],
    ["GET", "/workspaces", 404, "Not found"],
    ["GET", "/default/services", 404, "Not found"],
    ["GET", "/targets", 404, "Not found"],
    ["GET", "/session_metadatas", 404, "Not found"],
    ["GET", "/debug/node/log-level", 200, "log level: notice"],
    ["PUT", "/debug/node/log-level/notice", 200, "log level is already notice"],
    ["PUT", "/debug/node/log-level/debug?timeout=10", 200, "log level changed"],
    ["GET", "/debug/node/log-level", 200, "log level: debug"],
    ["PUT", "/debug/node/log-level/loud", 400, "unknown log level: loud"],
    ["PUT", "/debug/node/log-level/info?timeout=-5", 400, "timeout must be greater than or equal to 0"],
    ["PUT", "/debug/cluster/log-level/info?timeout=x", 400, "timeout must be greater than or equal to 0"],
  ];
  for (const [method, path, status, message] of table) {
    const answer = await call(method, path);
    assert.deepEqual([answer.status, answer.body?.message], [status, message], path);
  }
  assert.equal((await call("GET", "/robots.txt")).text, "User-agent: *\nDisallow: /");
  assert.equal((await call("GET", "/timers")).body.worker.count, 1);
});

test("/endpoints lists the paths of the API", async (t) => {
  const { call } = await startAdmin(t);
  const { data } = (await call("GET", "/endpoints")).body;
  assert.deepEqual(data, [...data].sort());
  const expected = [
    "/",
    "/acls/{acls}/consumer",
    "/consumers/{consumers}/key-auth/{keyauth_credentials}",
    "/key-auths/{keyauth_credentials}",
    "/plugins/{plugins}/consumer",
    "/routes/{routes}/plugins/{plugins}",
    "/services/{services}/routes",
    "/sessions/{sessions}",
    "/schemas/{db_entity_name}/validate",
    "/endpoints",
  ];
  for (const path of expected) assert.ok(data.includes(path), path);
});

test("/status tells memory in the unit that was asked for", async (t) => {
  const { call } = await startAdmin(t);
  const memoryIn = async (query: string) =>
    (await call("GET", `/status${query}`)).body.memory.workers_lua_vms[0].http_allocated_gc;
  assert.equal(await memoryIn(""), "1.50 MiB");
  assert.equal(await memoryIn("?unit=k&scale=0"), "1536 KiB");
  assert.equal(await memoryIn("?unit=G&scale=4"), "0.0015 GiB");
  assert.equal(await memoryIn("?unit=b"), "1572864");
  for (const query of ["?unit=x", "?scale=-1", "?scale=x", "?scale=1000"])
    assert.equal((await call("GET", `/status${query}`)).status, 400, query);
  const { body } = await call("GET", "/status");
  assert.deepEqual(body.database, { reachable: true });
  assert.equal(body.server.total_requests, 7);
});

// CLIENTS.md §1.3 to §1.7: what decK asks, in its order.
test("decK's dump meets lists, and clean 404s for what there is not", async (t) => {
  const { call } = await startAdmin(t);
  const lists = [
    "services",
    "routes",
    "plugins",
    "certificates",
    "snis",
    "ca_certificates",
    "upstreams",
    "vaults",
    "keys",
  ];
  for (const name of [...lists, "key-sets", "consumers", "key-auths", "basic-auths", "acls"]) {
    const { status, body } = await call("GET", `/${name}?size=1000&tags=a%2Cb`);
    assert.equal(status, 200, name);
    assert.deepEqual(body.data, [], name);
  }
  for (const name of [
    "partials",
    "consumer_groups",
    "mtls-auths",
    "hmac-auths",
    "jwts",
    "oauth2",
    "cloned-plugins",
    "custom-plugins",
  ]) {
    const { status, body } = await call("GET", `/${name}?size=1000`);
    assert.deepEqual([status, body], [404, NOT_FOUND], name);
  }
  for (const name of ["services", "routes"]) assert.equal((await call("GET", `/schemas/${name}`)).status, 200);
  const refused = await call("PUT", `/upstreams/${ID}`, { name: "u" });
  assert.deepEqual([refused.status, refused.body.message], [405, "Sesame has no 'upstreams' entities"]);
});

test("decK's sync writes sparse bodies by PUT, credentials below their consumer", async (t) => {
  const { call } = await startAdmin(t);
  const ids = Array.from({ length: 9 }, (_, i) => `00000000-0000-4000-8000-00000000001${i}`);
  const [anonymous, alex, key, service, route, keyAuth, session, termination, basic] = ids as [string, ...string[]];
  const writes: [path: string, body: object][] = [
    [`/consumers/${anonymous}`, { id: anonymous, username: "anonymous_users" }],
    [`/consumers/${alex}`, { id: alex, username: "alex" }],
    [`/services/${service}`, { id: service, name: "s", host: "h", path: "/anything", port: 80, protocol: "http" }],
    [`/consumers/${alex}/key-auth/${key}`, { id: key, key: "hello_world", consumer: { id: alex } }],
    [`/consumers/${alex}/basic-auth/${basic}`, { id: basic, username: "alex", password: "p", consumer: { id: alex } }],
    [`/routes/${route}`, { id: route, name: "r", paths: ["/anything"], service: { id: service } }],
    [
      `/plugins/${keyAuth}`,
      { id: keyAuth, name: "key-auth", config: { key_names: ["apikey"], anonymous }, service: { id: service } },
    ],
    [
      `/plugins/${session}`,
      { id: session, name: "session", config: { storage: "kong", cookie_secure: false }, service: { id: service } },
    ],
    [
      `/plugins/${termination}`,
      {
        id: termination,
        name: "request-termination",
        config: { status_code: 403, message: "Forbidden" },
        service: { id: service },
        consumer: { id: anonymous },
      },
    ],
  ];
  const rows: Record<string, unknown>[] = [];
  for (const [path, body] of writes) {
    const answer = await call("PUT", path, body);
    assert.equal(answer.status, 200, `${path} ${answer.text}`);
    assert.equal(answer.body.id, path.split("/").at(-1));
    rows.push(answer.body);
  }
  for (const [i, [path]] of writes.entries()) {
    const again = await call("PUT", path, rows[i]);
    assert.equal(again.status, 200);
    if (!path.includes("basic-auth")) assert.deepEqual({ ...again.body, updated_at: 0 }, { ...rows[i], updated_at: 0 });
  }
  for (const [path] of [...writes].reverse()) assert.equal((await call("DELETE", path)).status, 204, path);
  assert.equal((await call("GET", "/consumers")).body.data.length, 0);
});

test("with admin_redact_secrets, answers mask secrets and a mask sent back changes nothing", async (t) => {
  const { call } = await startAdmin(t, { admin_redact_secrets: true });
  await call("POST", "/consumers", "username=alice");
  const { body: key } = await call("POST", "/consumers/alice/key-auth", "key=k1");
  assert.equal(key.key, "******");
  assert.equal((await call("GET", "/key-auths/k1")).body.id, key.id);
  assert.equal((await call("GET", "/key-auths")).body.data[0].key, "******");
  const { body: session } = await call("POST", "/plugins", "name=session&config.secret=s1");
  assert.equal(session.config.secret, "******");
  assert.equal(session.config.cookie_name, "session");
  const patched = await call("PATCH", `/plugins/${session.id}`, { ...session, enabled: false });
  assert.deepEqual([patched.status, patched.body.enabled], [200, false]);
  const schema = (await call("GET", "/schemas/plugins/session")).text;
  assert.match(schema, /"default":"\*{6}"/);
  const put = await call("PUT", `/plugins/${session.id}`, session);
  assert.equal(put.status, 400);
  assert.deepEqual(put.body.fields, { config: { secret: "expected the secret itself and not its mask" } });
});

test("without admin_redact_secrets, secrets are shown and the mask is a text like others", async (t) => {
  const { call, stores } = await startAdmin(t);
  const { body } = await call("POST", "/plugins", "name=session&config.secret=s1");
  assert.equal(body.config.secret, "s1");
  const hidden = await startAdmin(t, { admin_redact_secrets: true, stores });
  await hidden.call("PATCH", `/plugins/${body.id}`, { config: { secret: "******", cookie_name: "c" } });
  const { config } = (await call("GET", `/plugins/${body.id}`)).body;
  assert.deepEqual([config.secret, config.cookie_name], ["s1", "c"]);
});
