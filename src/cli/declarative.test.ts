import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { allEntities } from "../database/index.ts";
import { validateRouteRegex } from "../gateway/index.ts";
import { plugins } from "../plugins/index.ts";
import { isConfiguration, type Row } from "../schema/index.ts";
import { flatten, linesOf, treeOf } from "./declarative-faults.ts";
import { readDeclarative } from "./declarative-read.ts";
import { parseDocument } from "./kong-document.ts";
import { runWith } from "./testing.ts";

const NOW = 1_700_000_000;
const entities = allEntities({ plugins, regexFault: validateRouteRegex }).filter(isConfiguration);
const v3 = '_format_version: "3.0"\n';

const read = async (text: string, current?: (name: string, id: string) => Row | undefined) =>
  readDeclarative(await parseDocument(text, "kong.yml"), {
    entities,
    now: NOW,
    ...(current && { current: ({ name }, id) => current(name, id) }),
  });

/** The rows by the names of their entities, with their expiry. */
async function rowsOf(text: string, current?: (name: string, id: string) => Row | undefined) {
  const reading = await read(text, current);
  if ("faults" in reading) assert.fail(linesOf("kong.yml", reading.faults).join("\n"));
  return Object.fromEntries([...reading.rows].map(([{ name }, rows]) => [name, rows.map(({ row }) => row)]));
}

async function faultsOf(text: string) {
  const reading = await read(text);
  assert.ok("faults" in reading, text);
  return reading.faults;
}

test("rows are complete, as the Admin API would have made them", async () => {
  const rows = await rowsOf(`${v3}
services: [{ name: s, url: "https://example.com/x", routes: [{ name: r, paths: [/a] }] }]
consumers: [{ username: fiona, basicauth_credentials: [{ username: f, password: p }] }]
plugins: [{ name: key-auth, service: s }]
`);
  const [service] = rows["services"]!;
  assert.deepEqual(
    [service!["host"], service!["port"], service!["protocol"], service!["path"], service!["created_at"]],
    ["example.com", 443, "https", "/x", NOW],
  );
  assert.equal(service!["url"], undefined);
  assert.deepEqual(rows["routes"]![0]!["service"], { id: service!.id });
  assert.deepEqual((rows["plugins"]![0]!["config"] as Row)["key_names"], ["apikey"]);
  assert.match(String(rows["basicauth_credentials"]![0]!["password"]), /^[0-9a-f]{40}$/);
  const hash = "0123456789abcdef0123456789abcdef01234567";
  const stored = await rowsOf(`${v3}_transform: false
consumers: [{ username: fiona, basicauth_credentials: [{ username: f, password: ${hash} }] }]`);
  assert.equal(stored["basicauth_credentials"]![0]!["password"], hash);
});

test("every row has the same id at every reading, and no id shows a key", async () => {
  const text = `${v3}
services: [{ host: h, routes: [{ paths: [/a] }, { paths: [/a] }] }]
consumers:
- { username: fiona, keyauth_credentials: [{ key: k }, { key: l }] }
- { custom_id: "7", keyauth_credentials: [{ key: m }] }
keyauth_credentials: [{ key: o, consumer: fiona }]
`;
  const ids = (rows: Record<string, Row[]>) => Object.values(rows).flatMap((of) => of.map(({ id }) => id));
  const first = ids(await rowsOf(text));
  assert.equal(new Set(first).size, 9);
  assert.deepEqual(ids(await rowsOf(text)), first);
  const others = await rowsOf(text.replace("key: k", "key: other"));
  assert.deepEqual(ids(others), first, "an id is that of the position");
  const tagged = await rowsOf(text.replace('custom_id: "7"', 'custom_id: "7", tags: [t]'));
  assert.deepEqual(ids(tagged), first, "a consumer stays the one with its custom_id");
});

test("an export of a Kong's database is read", async () => {
  const rows = await rowsOf(`${v3}_transform: false
_comment: a
_ignore: [b]
workspaces: [{ id: 0dc6f45b-8f8d-40d2-a504-473544ee190b, name: default }]
parameters: [{ key: cluster_id, value: x }]
upstreams: []
services: [{ name: s, host: h, ws_id: 0dc6f45b-8f8d-40d2-a504-473544ee190b, _comment: c, created_at: 5, updated_at: 6 }]
`);
  assert.equal(rows["services"]![0]!["created_at"], 5);
});

test("paths of before Kong 3.0 become prefixes or regular expressions", async () => {
  const text = (version: string) =>
    `_format_version: "${version}"\nservices: [{ name: s, host: h, routes: [{ name: r, paths: ["/x(y)", "/%61"] }] }]`;
  for (const version of ["1.1", "2.1"]) {
    assert.deepEqual((await rowsOf(text(version)))["routes"]![0]!["paths"], ["~/x(y)", "/a"]);
  }
  assert.match(String(linesOf("f", await faultsOf(text("3.0")))), /paths\.2: non-normalized/);
});

test("what did not change keeps its times, and what did the time of its creation", async () => {
  const text = `${v3}plugins: [{ name: key-auth }]\nservices: [{ name: s, host: h }, { name: t, host: h }]`;
  const before = await rowsOf(text);
  const older = (name: string, id: string) => {
    const row = before[name]!.find((candidate) => candidate.id === id);
    return row && { ...row, created_at: 1, updated_at: 2 };
  };
  const after = await rowsOf(text.replace("name: t, host: h", "name: t, host: i"), older);
  const times = (row: Row | undefined) => [row!["created_at"], row!["updated_at"]];
  assert.deepEqual(times(after["plugins"]![0]), [1, 2]);
  assert.deepEqual(after["services"]!.map(times), [
    [1, 2],
    [1, NOW],
  ]);
});

test("a key's `ttl` is the time when it expires", async () => {
  const text = (ttl: string) => `${v3}consumers: [{ username: u, keyauth_credentials: [{ key: a, ttl: ${ttl} }] }]`;
  const expiries: unknown[] = [];
  for (const ttl of [String(NOW + 60), "0", "~"]) {
    const reading = await read(text(ttl));
    if ("faults" in reading) assert.fail(ttl);
    for (const [{ name }, rows] of reading.rows) if (name === "keyauth_credentials") expiries.push(rows[0]!.expiry);
  }
  assert.deepEqual(expiries, [NOW + 60, null, null]);
  assert.deepEqual(linesOf("f", await faultsOf(text("soon"))), [
    "f: consumers[0].keyauth_credentials[0]: ttl: expected an integer",
  ]);
});

const id = "11111111-1111-4111-8111-111111111111";
const wrong: [text: string, tree: object, ...lines: string[]][] = [
  ["", { error: "failed parsing declarative configuration: expected an object" }],
  ["services: []", { _format_version: "required field missing" }],
  [
    "_format_version: 3.0",
    { _format_version: "expected a string" },
    '_format_version: expected a string such as "3.0", in quotes',
  ],
  ['_format_version: "9"', { _format_version: "expected one of: 1.1, 2.1, 3.0" }],
  [`${v3}_transform: maybe`, { _transform: "expected a boolean" }],
  [`${v3}foo: []\n_info: {}`, { foo: "unknown field", _info: "unknown field" }],
  [`${v3}upstreams: [{ name: u }]`, { upstreams: "Sesame has no upstreams" }],
  [`${v3}services: 5`, { services: "expected an array" }],
  [`${v3}services: [5]`, { services: ["expected a record"] }],
  [`${v3}services: [{ name: s, host: h, acls: [{}] }]`, { services: [{ acls: "unknown field" }] }],
  [
    `${v3}services: [{ name: s, host: h }, { name: a, foo: bar }]`,
    { services: [null, { foo: "unknown field", host: "required field missing" }] },
    "services[1] (a): foo: unknown field",
    "services[1] (a): host: required field missing",
  ],
  [
    `${v3}services: [{ name: s, host: h, routes: [{ name: r }] }]`,
    {
      services: [
        {
          routes: [
            {
              "@entity": ["must set one of 'methods', 'hosts', 'headers', 'paths', 'snis' when 'protocols' is 'https'"],
            },
          ],
        },
      ],
    },
    "services[0].routes[0] (r): must set one of 'methods', 'hosts', 'headers', 'paths', 'snis' when 'protocols' is 'https'",
  ],
  [
    `${v3}routes: [{ name: r, paths: [/], service: gone }]`,
    { routes: [{ service: "invalid reference 'service: gone' (no such entry in 'services')" }] },
  ],
  [
    `${v3}services: [{ name: s, protocol: https, host: h, client_certificate: ${id} }]\nkeyauth_credentials: [{ key: k, consumer: [] }]`,
    {
      services: [
        { client_certificate: `invalid reference 'client_certificate: ${id}' (no such entry in 'certificates')` },
      ],
      keyauth_credentials: [{ consumer: "invalid reference 'consumer: []' (no such entry in 'consumers')" }],
    },
    `services[0] (s): client_certificate: invalid reference 'client_certificate: ${id}' (no such entry in 'certificates')`,
    "keyauth_credentials[0]: consumer: invalid reference 'consumer: []' (no such entry in 'consumers')",
  ],
  [
    `${v3}routes: [{ name: r, paths: [/], service: { id: ${id} } }]`,
    { routes: [{ service: `invalid reference 'service: {"id":"${id}"}' (no such entry in 'services')` }] },
  ],
  [
    `${v3}consumers: [{ username: a }, { username: a }]`,
    { consumers: [null, "uniqueness violation: 'consumers' entity with username set to 'a' already declared"] },
  ],
  [
    `${v3}consumers: [{ id: ${id}, username: a }, { id: ${id}, username: b }]`,
    { consumers: [null, `uniqueness violation: 'consumers' entity with primary key set to '${id}' already declared`] },
  ],
  [
    `${v3}consumers: [{ username: a, custom_id: x }, { username: b, custom_id: x }]`,
    { consumers: [null, "uniqueness violation: 'consumers' entity with custom_id set to 'x' already declared"] },
  ],
  [
    `${v3}consumers: [{ username: a, keyauth_credentials: [{ key: hunter2 }, { key: hunter2 }] }]`,
    {
      consumers: [
        {
          keyauth_credentials: [
            null,
            "uniqueness violation: 'keyauth_credentials' entity with key set to '******' already declared",
          ],
        },
      ],
    },
  ],
  [
    `${v3}plugins: [{ name: acl, config: { allow: [a] } }, { name: acl, id: ${id}, config: { deny: [a] } }]`,
    {
      plugins: [
        null,
        "uniqueness violation: 'plugins' entity with name, route, service, consumer set to 'acl, null, null, null' already declared",
      ],
    },
  ],
  [
    `${v3}plugins: [{ name: rate-limiting }, { name: key-auth, config: { cookie_secure: false } }]`,
    {
      plugins: [
        { name: "plugin 'rate-limiting' not enabled; add it to the 'plugins' configuration property" },
        { config: { cookie_secure: "unknown field" } },
      ],
    },
  ],
  [
    `${v3}services: [{ name: s, host: h, routes: [{ name: r, paths: [/], protocols: [http], plugins: [{ name: key-auth, protocols: [grpc] }] }] }]`,
    { services: [{ routes: [{ plugins: [{ protocols: "must match the associated route's protocols" }] }] }] },
  ],
  [`${v3}routes: [{ name: r, paths: ["~/(?<!a)b"] }]`, {}],
  [
    `${v3}_transform: false\nconsumers: [{ username: a, basicauth_credentials: [{ username: a, password: plain }] }]`,
    { consumers: [{ basicauth_credentials: [{ password_hash: "expected 40 lower-case hexadecimal digits" }] }] },
  ],
];

for (const [text, tree, ...lines] of wrong) {
  test(`${JSON.stringify(text.replace(v3, ""))} is refused`, async () => {
    const faults = await faultsOf(text);
    const found = JSON.parse(JSON.stringify(treeOf(faults)));
    if (Object.keys(tree).length > 0) assert.deepEqual(found, tree);
    const said = linesOf("kong.yml", faults);
    if (lines.length > 0)
      assert.deepEqual(
        said,
        lines.map((line) => `kong.yml: ${line}`),
      );
    for (const line of said) assert.doesNotMatch(line, /hunter2|\n/);
  });
}

test("strange names do no harm, and all faults are told", async () => {
  const faults = await faultsOf(
    '{"_format_version":"3.0","__proto__":[{"a":1}],"constructor":{},"services":[{"__proto__":{"x":1},"toString":1}]}',
  );
  assert.deepEqual(JSON.parse(JSON.stringify(treeOf(faults))).services, [
    JSON.parse('{"__proto__":"unknown field","toString":"unknown field","host":"required field missing"}'),
  ]);
  assert.equal(faults.length, 3);
  assert.equal(({} as Record<string, unknown>)["x"], undefined);
});

test("faults of a row are told together, its own before what it has in common with the file", async () => {
  const faults = await faultsOf(`${v3}foo: 1
consumers:
- { username: a, tags: ["x,y"], plugins: [{ name: key-auth, tags: [t], config: { key_names: [a b], x: 1 } }] }
`);
  const { flattened, rest } = flatten(faults);
  assert.deepEqual(treeOf(rest), Object.assign(Object.create(null), { foo: "unknown field" }));
  assert.deepEqual(
    flattened.map(({ entity_type, entity_name, entity_tags, errors }) => [
      entity_type,
      entity_name,
      entity_tags,
      errors.map((error) => ("field" in error ? error.field : "")),
    ]),
    [
      ["plugin", "key-auth", ["t"], ["consumer", "config.key_names.1", "config.x"]],
      ["consumer", undefined, ["x,y"], ["tags.1"]],
    ],
  );
});

test("sesame config parse and sesame check tell every fault, and where it is", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "sesame-declarative-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const [good, bad, settings] = ["good.yml", "bad.yml", "sesame.conf"].map((name) => join(folder, name));
  writeFileSync(good!, `${v3}services: [{ name: s, host: h }]\n`);
  writeFileSync(bad!, `${v3}services: [{ name: s, host: "a b" }]\nplugins: [{ name: nonsense }]\n`);
  const lines = [
    `sesame: ${bad}: services[0] (s): host: invalid value: a b`,
    `sesame: ${bad}: plugins[0] (nonsense): name: plugin 'nonsense' not enabled; add it to the 'plugins' configuration property`,
  ];
  assert.deepEqual(await runWith(["config", "parse", good!]), { code: 0, output: "parse successful\n", errors: [] });
  assert.deepEqual(await runWith(["config", "parse", bad!]), { code: 1, output: "", errors: lines });
  assert.equal((await runWith(["config", "parse", "-"], v3)).code, 0);
  assert.match(
    (await runWith(["config", "parse", join(folder, "none")])).errors.join(),
    /none cannot be read \(ENOENT\)$/,
  );
  assert.match((await runWith(["config", "parse"])).errors.join(), /expected the path/);
  assert.match(
    (await runWith(["config", "parse", "-"], "a: [")).errors.join(),
    /^sesame: standard input: line 1, column/,
  );

  writeFileSync(settings!, `database = off\ndeclarative_config = ${bad}\n`);
  assert.deepEqual(await runWith(["check", settings!]), { code: 1, output: "", errors: lines });
  writeFileSync(settings!, `database = off\nplugins = off\ndeclarative_config = ${good}\n`);
  assert.equal((await runWith(["check", settings!])).code, 0);
  writeFileSync(settings!, `declarative_config = ${bad}\n`);
  const many = { _format_version: "3.0", routes: Array.from({ length: 5000 }, () => ({ paths: ["/a"], x: 1 })) };
  const told = await runWith(["config", "parse", "-"], JSON.stringify(many));
  assert.deepEqual([told.code, told.errors.length], [1, 101]);
  assert.equal(told.errors.at(-1), "sesame: standard input: and 4900 more faults");
  const { code, errors } = await runWith(["check", settings!]);
  assert.equal(code, 0);
  assert.deepEqual(errors, ["sesame: warning: declarative_config has no effect while database is sqlite"]);
});
