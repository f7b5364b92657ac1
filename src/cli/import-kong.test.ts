import assert from "node:assert/strict";
import { test } from "node:test";
import { parseDocument } from "./kong-document.ts";
import { readKongFile } from "./kong-file.ts";
import { declarativeId } from "./kong-ids.ts";
import { createReport } from "./kong-report.ts";
import { importable, migratePath } from "./kong-rows.ts";
import { runWith } from "./testing.ts";

const NOW = 1_700_000_000;

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

/** The rows that a file has, by entity, and what was said about rows left out. */
async function read(text: string, transform?: boolean) {
  const whys: string[] = [];
  const leaveOut = (_entity: unknown, _row: unknown, why: string) => void whys.push(why);
  const source = readKongFile(await parseDocument(text, "kong.yml"), "kong.yml", { now: NOW, leaveOut, transform });
  const rows: Record<string, Record<string, unknown>[]> = {};
  for (const entity of importable) rows[entity.name] = await collect(source.rows(entity));
  const unknown = (await collect(source.unknown())).map(({ kind }) => kind);
  return { rows, unknown, whys };
}

const minimal = `
_format_version: "3.0"
services:
- name: example-service
  url: http://httpbin.konghq.com
  routes:
  - name: example-route
    paths: ["/anything"]
  plugins:
  - name: key-auth
    config: { key_names: ["apikey"], anonymous: anonymous }
  - name: session
    config: { secret: "use-a-long-secret", storage: cookie, cookie_secure: false }
consumers:
- username: anonymous_users
  plugins:
  - name: request-termination
    config: { status_code: 403, message: "So long and thanks for all the fish!" }
- username: fiona
  keyauth_credentials:
  - key: my-api-key
`;

test("parents are written before what refers to them", () => {
  const names = importable.map(({ name }) => name);
  for (const [first, second] of [
    ["services", "routes"],
    ["routes", "plugins"],
    ["consumers", "plugins"],
    ["consumers", "acls"],
    ["consumers", "keyauth_credentials"],
  ]) {
    assert.ok(names.indexOf(first!) >= 0 && names.indexOf(first!) < names.indexOf(second!), `${first}, ${second}`);
  }
  assert.ok(!names.includes("session_metadatas"));
});

test("ids are those that Kong makes from names", () => {
  const service = "7a267194-6123-5ee0-a1c9-4c1559eb0d95";
  const fiona = "764cd9a8-d51a-5e73-b0b1-ea2ec6c4b679";
  const anonymous = "9ddccc14-6866-584f-a82b-51e47864af89";
  // The first is from a test of go-kong, those with (R) were seen on Kong Gateway 3.9.3.
  const table: [entity: string, row: Record<string, unknown>, references: Record<string, string>, id?: string][] = [
    ["services", { name: "some.service.name" }, {}, "d9bee1f8-db6e-5a37-9281-fd4aca16dc00"],
    ["services", { name: "example-service" }, {}, service], // (R)
    ["routes", { name: "example-route" }, {}, "eeb325b8-afd4-5ba2-a113-c34eeb969c1d"], // (R)
    ["consumers", { username: "fiona" }, {}, fiona], // (R)
    ["consumers", { username: "anonymous_users" }, {}, anonymous], // (R)
    ["plugins", { name: "cors" }, {}, "48ee727e-8b90-5faa-bda1-a3c6bc3c9daa"],
    ["plugins", { name: "key-auth" }, { service }, "a1ccf42c-7fce-59d0-a501-839bab28a321"], // (R)
    ["plugins", { name: "session" }, { service }, "5f5e17f7-c2ab-599c-b1b2-1119ad0bbe96"], // (R)
    ["plugins", { name: "request-termination" }, { consumer: anonymous }, "17916f50-d306-54fd-b6f5-10f56d530bd2"], // (R)
    ["basicauth_credentials", { username: "bob" }, {}, "c32b532d-e1e7-5040-b7d6-c426e350866b"],
    ["acls", { group: "admins" }, { consumer: fiona }, "b5f959c1-a6eb-5e08-9589-6066679de481"],
    ["acls", { group: "admins" }, { consumer: "fiona" }, "5d42ec25-9732-5e25-8f8b-9a6ed7de8f84"],
    ["keyauth_credentials", { key: "k" }, { consumer: fiona }, undefined],
    ["consumers", { custom_id: "7" }, {}, undefined],
  ];
  for (const [entity, row, references, id] of table) {
    assert.equal(declarativeId(entity, row, references), id, `${entity} ${JSON.stringify(row)}`);
  }
});

test("nested rows become rows of their own that refer to their parents", async () => {
  const { rows, unknown, whys } = await read(minimal);
  assert.deepEqual([unknown, whys], [[], []]);
  const [service] = rows["services"]!;
  assert.deepEqual(service, {
    name: "example-service",
    url: "http://httpbin.konghq.com",
    id: "7a267194-6123-5ee0-a1c9-4c1559eb0d95",
  });
  assert.deepEqual(rows["routes"], [
    {
      name: "example-route",
      paths: ["/anything"],
      id: "eeb325b8-afd4-5ba2-a113-c34eeb969c1d",
      service: { id: service!["id"] },
    },
  ]);
  assert.deepEqual(
    rows["plugins"]!.map(({ id, name, service, consumer }) => [id, name, service ?? consumer]),
    [
      ["a1ccf42c-7fce-59d0-a501-839bab28a321", "key-auth", { id: service!["id"] }],
      ["5f5e17f7-c2ab-599c-b1b2-1119ad0bbe96", "session", { id: service!["id"] }],
      ["17916f50-d306-54fd-b6f5-10f56d530bd2", "request-termination", { id: "9ddccc14-6866-584f-a82b-51e47864af89" }],
    ],
  );
  assert.deepEqual(rows["keyauth_credentials"], [
    { key: "my-api-key", consumer: { id: "764cd9a8-d51a-5e73-b0b1-ea2ec6c4b679" } },
  ]);
});

test("flat rows refer by name, by id or by an object, and the id is made from what is written", async () => {
  const { rows } = await read(`
_format_version: "3.0"
_comment: about
_ignore: [x]
plugins:
- { name: session, service: s, config: { secret: x } }
- { name: acl, route: r, service: { id: 11111111-1111-4111-8111-111111111111 }, config: { allow: [a] } }
acls:
- { consumer: fiona, group: admins, _comment: hers }
services: [{ name: s, host: h, id: 11111111-1111-4111-8111-111111111111 }]
routes: [{ name: r, paths: [/], service: 11111111-1111-4111-8111-111111111111 }]
consumers: [{ username: fiona, _ignore: [1] }]
`);
  const service = { id: "11111111-1111-4111-8111-111111111111" };
  assert.deepEqual(rows["routes"]![0]!["service"], service);
  assert.deepEqual(
    rows["plugins"]!.map((row) => row["service"]),
    [service, service],
  );
  assert.deepEqual(rows["plugins"]![0]!["id"], declarativeId("plugins", { name: "session" }, { service: "s" }));
  assert.deepEqual(rows["acls"], [
    {
      consumer: { id: "764cd9a8-d51a-5e73-b0b1-ea2ec6c4b679" },
      group: "admins",
      id: "5d42ec25-9732-5e25-8f8b-9a6ed7de8f84",
    },
  ]);
  assert.deepEqual(Object.keys(rows["consumers"]![0]!), ["username", "id"]);
});

test("a nested row may refer to others of the file, and its parent wins", async () => {
  const { rows } = await read(`
_format_version: "3.0"
services:
- { name: a, host: h, plugins: [{ name: acl, service: b, consumer: fiona, config: { allow: [x] } }] }
- { name: b, host: h }
consumers: [{ username: fiona }]
`);
  const [a] = rows["services"]!;
  assert.deepEqual(rows["plugins"]![0]!["service"], { id: a!["id"] });
  assert.deepEqual(rows["plugins"]![0]!["consumer"], { id: "764cd9a8-d51a-5e73-b0b1-ea2ec6c4b679" });
});

test("rows that Kong gives random ids have the same ones at every import, and no id shows a key", async () => {
  const text = `
_format_version: "3.0"
services: [{ host: h, routes: [{ paths: [/a] }, { paths: [/a] }] }]
consumers: [{ custom_id: "7", keyauth_credentials: [{ key: k }] }]
`;
  const [{ rows: first }, { rows: second }] = [await read(text), await read(text)];
  assert.deepEqual(first, second);
  const ids = [...first["services"]!, ...first["routes"]!, ...first["consumers"]!].map(({ id }) => id);
  assert.equal(new Set(ids).size, 4);
  assert.ok(!("id" in first["keyauth_credentials"]![0]!));
});

test("paths of before Kong 3.0 become prefixes or regular expressions", async () => {
  const table: [string, string][] = [
    ["/a", "/a"],
    ["/a/../b//c", "/b/c"],
    ["/a%62c", "/abc"],
    ["/a(b|c)", "~/a(b|c)"],
    ["/%61+%2e%2F$", "~/a+\\.%2F$"],
    ["/\\d+", "~/\\d+"],
    ["no-slash", "no-slash"],
  ];
  for (const [before, after] of table) assert.equal(migratePath(before), after, before);
  const text = (format: string) => `
_format_version: "${format}"
services: [{ name: s, host: h, routes: [{ name: a, paths: ["/x(y)"] }] }]
routes: [{ name: b, paths: ["/%61"] }]
`;
  const pathsOf = async (format: string) => (await read(text(format))).rows["routes"]!.map(({ paths }) => paths);
  assert.deepEqual(await pathsOf("1.1"), [["~/x(y)"], ["/a"]]);
  assert.deepEqual(await pathsOf("2.1"), [["~/x(y)"], ["/a"]]);
  assert.deepEqual(await pathsOf("3.0"), [["/x(y)"], ["/%61"]]);
});

test("a session plugin of an old file opens the cookies of its time", async () => {
  const text = (format: string) =>
    `{"_format_version":"${format}","plugins":[{"name":"session","config":{"secret":"s"}}]}`;
  const configOf = async (format: string) => (await read(text(format))).rows["plugins"]![0]!["config"];
  assert.deepEqual(await configOf("2.1"), { secret: "s", legacy_secret: "s" });
  assert.deepEqual(await configOf("3.0"), { secret: "s" });
});

test("passwords are hashed unless the file says they are", async () => {
  const hash = "0123456789abcdef0123456789abcdef01234567";
  const text = (head: string, password: string) =>
    `_format_version: "3.0"\n${head}\nconsumers: [{ username: u, basicauth_credentials: [{ username: u, password: "${password}" }] }]`;
  const credentials = async (head: string, password: string, transform?: boolean) => {
    const { rows, whys } = await read(text(head, password), transform);
    return [...rows["basicauth_credentials"]!.map((row) => row["password"] ?? { hash: row["password_hash"] }), ...whys];
  };
  assert.deepEqual(await credentials("", "plain"), ["plain"]);
  assert.deepEqual(await credentials("_transform: true", hash), [hash]);
  assert.deepEqual(await credentials("_transform: false", hash), [{ hash }]);
  assert.deepEqual(await credentials("", hash, false), [{ hash }]);
  assert.deepEqual(await credentials("_transform: false", hash, true), [hash]);
  assert.match(String(await credentials("", hash)), /^its password looks like a hash/);
});

test("a dump of decK is read with what it says of all its rows", async () => {
  const { rows, unknown } = await read(`
_format_version: "3.0"
_info:
  select_tags: [team]
  defaults: { service: { retries: 2 }, route: { strip_path: false } }
_konnect: {}
_plugin_configs: { shared: { storage: cookie, secret: s } }
services:
- { name: s, host: h, retries: 3, tags: [own], routes: [{ name: r, paths: [/] }] }
plugins:
- { name: session, _config: shared, config: { storage: kong } }
upstreams: [{ name: u, targets: [{ target: "a:1" }] }]
certificates: [{ cert: c, key: k }]
my_plugins_rows: 5
`);
  assert.deepEqual(rows["services"]![0]!["retries"], 3);
  assert.deepEqual(rows["services"]![0]!["tags"], ["team", "own"]);
  assert.deepEqual(rows["routes"]![0]!["strip_path"], false);
  assert.deepEqual(rows["plugins"]![0]!["config"], { storage: "kong", secret: "s" });
  assert.deepEqual(unknown, ["upstreams", "certificates", "my_plugins_rows"]);
});

test("YAML is read as Kong reads it, and JSON as JSON", async () => {
  const { rows } = await read(`
_format_version: "3.0"
x: &base { host: h, enabled: off }
services: [{ <<: *base, name: yes-it-is, path: ~ }, { name: "12:30", host: 2020-01-01 }]
consumers: [{ username: 1:30 }]
`);
  assert.deepEqual(rows["services"]![0], {
    host: "h",
    enabled: false,
    name: "yes-it-is",
    path: null,
    id: rows["services"]![0]!["id"],
  });
  assert.equal(rows["services"]![1]!["host"], "2020-01-01");
  assert.equal(rows["consumers"]![0]!["username"], "1:30");
});

test("a key's time of expiry is the seconds that are left, and an expired key stays behind", async () => {
  const { rows, whys } = await read(`
_format_version: "3.0"
consumers: [{ username: u, keyauth_credentials: [{ key: a, ttl: ${NOW + 60} }, { key: b, ttl: 60 }, { key: c, ttl: 0 }] }]
`);
  assert.deepEqual(
    rows["keyauth_credentials"]!.map(({ key, ttl }) => [key, ttl]),
    [
      ["a", 60],
      ["c", undefined],
    ],
  );
  assert.match(whys.join(), /^has expired/);
});

const bomb = `_format_version: "3.0"
a: &a [x,x,x,x,x,x,x,x,x]
${["b", "c", "d", "e", "f", "g", "h", "i"].map((name, i) => `${name}: &${name} [${Array(9).fill(`*${"abcdefgh"[i]}`).join(",")}]`).join("\n")}
services: *i
`;

test("what is no declarative configuration is refused in one line that repeats nothing of it", async () => {
  const id = "11111111-1111-4111-8111-111111111111";
  const v3 = '_format_version: "3.0"\n';
  const table: [text: string, message: RegExp][] = [
    ["", /is no declarative configuration/],
    ["- a", /is no declarative configuration/],
    ["services: []", /_format_version: required field missing/],
    ["_format_version: 3.0", /_format_version: expected a string such as "3\.0", in quotes$/],
    ['_format_version: "4.0"', /expected one of: 1.1, 2.1, 3.0/],
    ['_format_version: "constructor"', /expected one of/],
    [`${v3}_transform: maybe`, /_transform: expected a boolean/],
    [`${v3}services: {}`, /services: expected an array/],
    [`${v3}services: [hunter2]`, /services\[0\]: expected a record/],
    [`${v3}services: [{name: a, routes: 5}]`, /services\[0\]\.routes: expected an array/],
    [`${v3}services: [{name: a, acls: [{}]}]`, /services\[0\]\.acls: unknown field/],
    [`${v3}services: [{id: gone}]`, /services\[0\] \(gone\): id: expected a valid UUID/],
    [`${v3}services: [{id: {}}]`, /services\[0\]: id: expected a valid UUID/],
    [
      `${v3}routes: [{service: gone}]`,
      /routes\[0\]: service: invalid reference 'service: gone' \(no such entry in 'services'\)/,
    ],
    [`${v3}routes: [{service: [a]}]`, /routes\[0\]: service: invalid reference/],
    [`${v3}routes: [{service: {}}]`, /routes\[0\]: service: invalid reference/],
    [
      `${v3}services: [{name: a}, {name: a}]`,
      /services\[1\] \(a\): uniqueness violation: 'services' entity with name set to 'a' already declared/,
    ],
    [`${v3}services: [{id: ${id}}, {id: ${id}}]`, /uniqueness violation/],
    [`${v3}key: "hunter2`, /line 2, column \d+: no valid YAML \(MISSING_CHAR\)/],
    [`${v3}a: *hunter2`, /no valid YAML/],
    [`${v3}a: 1\na: hunter2`, /line 3, column 1: a key that stands there already/],
    [`${v3}---\nb: hunter2`, /no valid YAML/],
    [`${v3}services: &a [*a]`, /nested too deeply/],
    [`${v3}services: &a [{name: s, routes: *a}]`, /nested too deeply|no valid YAML/],
    [bomb, /too many values/],
    [`${v3}a: [&a x${", *a".repeat(2001)}]`, /expected at most 2000 aliases/],
    [`${v3}a: ${"x".repeat(16 << 20)}`, /too large for YAML: expected at most 16 MiB, or JSON/],
    [`${v3}services: ${"[".repeat(50_000)}`, /nested too deeply|no valid YAML/],
    [`{"_format_version":"3.0","a":${"[".repeat(5000)}${"]".repeat(5000)}}`, /nested too deeply/],
  ];
  for (const [text, message] of table) {
    const { code, output, errors } = await runWith(["import", "kong", "--file", "-", "--dry-run"], text);
    assert.equal(code, 1, text.slice(0, 80));
    assert.equal(output, "");
    assert.equal(errors.length, 1);
    assert.match(errors[0]!, message);
    assert.doesNotMatch(errors[0]!, /hunter2/);
  }
});

test("a document of strange members is read without harm", async () => {
  const { rows, unknown } = await read(
    '{"_format_version":"3.0","__proto__":[{"a":1}],"constructor":[],"services":[{"name":"s","__proto__":{"x":1},"toString":1}]}',
  );
  assert.deepEqual(unknown, ["__proto__", "constructor"]);
  assert.equal(rows["services"]!.length, 1);
  assert.equal(({} as Record<string, unknown>)["x"], undefined);
});

test("misuse is told in one line", async () => {
  const table: [args: string[], message: RegExp][] = [
    [[], /expected either --admin-url or --file/],
    [["--file", "a", "--admin-url", "http://b"], /expected either/],
    [["--admin-url", "b"], /--admin-url expects a URL/],
    [["--admin-url", "http://u:hunter2@b"], /--admin-url expects a URL such as/],
    [["--admin-url", "http://b", "--transform"], /--transform is for files/],
    [["--admin-url", "http://b:1/", "--to", "http://b:1"], /the same gateway/],
    [["--admin-url", "http://b", "--admin-url-header", "hunter2"], /--admin-url-header expects "name: value"/],
    [["--file", "/nonexistent/kong.yml"], /\/nonexistent\/kong.yml cannot be read \(ENOENT\)/],
    [["--file", "/"], /cannot be read \(EISDIR\)/],
    [["--file", "/dev/zero"], /too large: expected at most 64 MiB/],
    [["--admin-url", "http://127.0.0.1:1"], /GET http:\/\/127.0.0.1:1\/ was not answered/],
  ];
  for (const [args, message] of table) {
    const { code, errors } = await runWith(["import", "kong", ...args]);
    assert.equal(code, 1, args.join(" "));
    assert.match(errors.join("\n"), message);
    assert.doesNotMatch(errors.join(), /hunter2/);
  }
});

test("a dry run tells what would be written and what would not, and no secret", async () => {
  const { code, output } = await runWith(["import", "kong", "--file", "-", "--dry-run"], minimal);
  assert.equal(code, 0, output);
  assert.match(output, /^would write \/services: example-service \(7a267194-6123-5ee0-a1c9-4c1559eb0d95\)$/m);
  assert.match(output, /^would write \/key-auths: .*a new id/m);
  assert.match(output, /1 services, 1 routes, 2 consumers, 3 plugins, 1 keyauth_credentials would be written to http/);
  assert.doesNotMatch(output, /my-api-key|use-a-long-secret/);

  const more = `${minimal}plugins:
- { name: rate-limiting, config: { minute: 5 } }
- { name: acl, consumer_group: gold, config: { allow: [a] } }
- { name: key-auth, config: { key_names: [k], realms: { a: 1 } } }
- { name: session, config: { storage: cookie } }
- { name: basic-auth, route: gone-wrong }
routes: [{ name: gone-wrong, expression: "http.path == 1", paths: [/] }]
upstreams: [{ name: "u\\u001b[31m" }]
vaults: [{ prefix: v }]
`;
  const partly = await runWith(["import", "kong", "--file", "-", "--dry-run"], more);
  assert.equal(partly.code, 2);
  for (const line of [
    "  Sesame has no plugin rate-limiting: plugins rate-limiting",
    "  Sesame has no consumer_group in plugins: plugins acl",
    "  without config.realms, which Sesame has not: plugins key-auth",
    "  has no secret in the file, and gets a new one: cookies that Kong has sent do not open: plugins session",
    "  Sesame has no expression in routes: routes gone-wrong",
    "  its route is left out: plugins basic-auth",
    "  Sesame has no upstreams: u?[31m",
    "  Sesame has no vaults: v",
  ]) {
    assert.ok(partly.output.includes(`${line}\n`), `${line}\n${partly.output}`);
  }
});

test("a report names twenty rows for a reason and counts the others", () => {
  const report = createReport();
  for (let i = 0; i < 25; i++) report.leaveOut(`row ${i}`, "because");
  assert.match(
    report.text("written to", "x"),
    /^nothing written to x\nleft out:\n {2}because: row 0, .*row 19 and 5 more\n$/,
  );
});
