import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { startEcho } from "../../src/cli/echo-server.ts";
import { runWith } from "../../src/cli/testing.ts";
import { startGateway, type TestGateway } from "../helpers/gateway.ts";

const COLLECTIONS = ["services", "routes", "consumers", "plugins", "key-auths", "basic-auths", "acls", "sessions"];

/** Every row of a gateway, without what time changes. */
async function rowsOf({ admin }: TestGateway): Promise<Record<string, object[]>> {
  const rows: Record<string, object[]> = {};
  for (const collection of COLLECTIONS) {
    const { data } = (await (await fetch(`${admin}/${collection}?size=1000`)).json()) as { data: object[] };
    rows[collection] = data.map((row) => ({ ...row, updated_at: 0, ttl: "ttl" in row && row.ttl !== null }));
  }
  return rows;
}

async function startWithEcho(t: TestContext) {
  const echo = await startEcho({ port: 0 });
  t.after(() => echo.close());
  const [first, second] = await Promise.all([startGateway(t), startGateway(t)]);
  return { first, second, upstream: `http://127.0.0.1:${echo.port}` };
}

/** The walkthrough, with sessions kept by visitors below /cookie and by the gateway below /kong. */
async function configure(gateway: TestGateway, upstream: string): Promise<void> {
  const anonymous = await gateway.create("/consumers", { username: "anonymous_users" });
  await gateway.create("/consumers", { username: "fiona", custom_id: "7", tags: ["people"] });
  await gateway.create("/consumers/fiona/key-auth", { key: "open_sesame" });
  await gateway.create("/consumers/fiona/key-auth", { key: "for_a_day", ttl: 86_400 });
  await gateway.create("/consumers/fiona/basic-auth", { username: "fiona", password: "rose bud" });
  await gateway.create("/consumers/fiona/acls", { group: "readers" });
  await gateway.create(`/consumers/${anonymous.id}/plugins`, {
    name: "request-termination",
    config: { status_code: 403 },
  });
  for (const storage of ["cookie", "kong"]) {
    await gateway.create("/services", { name: storage, url: upstream, tags: [storage] });
    await gateway.create(`/services/${storage}/routes`, { name: storage, paths: [`/${storage}`] });
    const plugins = [
      { name: "key-auth", config: { anonymous: anonymous.id } },
      { name: "basic-auth", config: { anonymous: anonymous.id } },
      { name: "session", config: { storage, cookie_secure: false, cookie_name: storage } },
      { name: "acl", config: { allow: ["readers"] } },
    ];
    for (const plugin of plugins) await gateway.create(`/services/${storage}/plugins`, plugin);
  }
}

const cookieOf = (response: Response) => response.headers.getSetCookie()[0]?.split(";")[0] ?? "";

test("a gateway's entities come over with their ids, and cookies of the one open on the other", async (t) => {
  const { first, second, upstream } = await startWithEcho(t);
  await configure(first, upstream);
  const cookies = new Map<string, string>();
  for (const storage of ["cookie", "kong"]) {
    const login = await fetch(`${first.proxy}/${storage}?apikey=open_sesame`);
    assert.equal(login.status, 200);
    cookies.set(storage, cookieOf(login));
  }

  const args = ["import", "kong", "--admin-url", first.admin, "--to", second.admin];
  const dry = await runWith([...args, "--dry-run"]);
  assert.equal(dry.code, 0, dry.output + dry.errors);
  assert.match(dry.output, /^would write \/services: kong \([0-9a-f-]{36}\)$/m);
  assert.deepEqual(Object.values(await rowsOf(second)).flat(), []);

  const { code, output, errors } = await runWith(args);
  assert.equal(code, 0, output + errors);
  assert.match(
    output,
    /^2 services, 2 routes, 2 consumers, 9 plugins, .*1 acls.* written to http:\/\/127.0.0.1:\d+\n$/,
  );
  assert.deepEqual(await rowsOf(second), await rowsOf(first));
  const again = await runWith(args);
  assert.equal(again.code, 0, again.output + again.errors);
  assert.deepEqual(await rowsOf(second), await rowsOf(first));

  for (const [storage, cookie] of cookies) {
    const visit = await fetch(`${second.proxy}/${storage}`, { headers: { cookie } });
    assert.equal(visit.status, 200, `${storage}: ${visit.status} ${visit.headers.get("session-reason")}`);
    assert.match(await visit.text(), /"X-Consumer-Username","fiona"/);
    assert.equal((await fetch(`${second.proxy}/${storage}`)).status, 401);
  }
  const authorization = `Basic ${Buffer.from("fiona:rose bud").toString("base64")}`;
  assert.equal((await fetch(`${second.proxy}/cookie`, { headers: { authorization } })).status, 200);

  const keys = (await (await fetch(`${second.admin}/key-auths`)).json()) as { data: { key: string; ttl: number }[] };
  const { ttl } = keys.data.find(({ key }) => key === "for_a_day")!;
  assert.ok(ttl > 86_300 && ttl <= 86_400, String(ttl));
  const said = dry.output + output + again.output;
  for (const secret of ["open_sesame", "for_a_day", "rose bud"]) assert.ok(!said.includes(secret), secret);
});

test("rows of sessions stay behind when they are not asked for", async (t) => {
  const { first, second, upstream } = await startWithEcho(t);
  await configure(first, upstream);
  await fetch(`${first.proxy}/kong?apikey=open_sesame`);
  const { code } = await runWith(["import", "kong", "--admin-url", first.admin, "--to", second.admin, "--no-sessions"]);
  assert.equal(code, 0);
  assert.equal((await rowsOf(first))["sessions"]!.length, 1);
  assert.deepEqual((await rowsOf(second))["sessions"], []);
});

test("every page of a list is read", async (t) => {
  const second = await startGateway(t);
  const page = (from: number) =>
    Array.from({ length: 10 }, (_, index) => ({
      id: `00000000-0000-4000-8000-0000000000${from + index}`,
      username: `user ${from + index}`,
    }));
  const url = await startAnswers(t, {
    "/": { version: "3.9.3" },
    "/consumers?size=1000": { data: page(10), offset: "a+/=" },
    "/consumers?size=1000&offset=a%2B%2F%3D": { data: page(20), offset: "b" },
    "/consumers?size=1000&offset=b": { data: page(30), next: null },
  });
  const { code, output } = await runWith(["import", "kong", "--admin-url", url, "--to", second.admin]);
  assert.equal(code, 0, output);
  assert.match(output, /^30 consumers written to/);
  assert.equal((await rowsOf(second))["consumers"]!.length, 30);
});

test("secrets that the source masks are not written, and what is refused is named without its secret", async (t) => {
  const [first, second] = await Promise.all([startGateway(t, { admin_redact_secrets: "on" }), startGateway(t)]);
  await first.create("/consumers", { username: "fiona" });
  await first.create("/consumers/fiona/key-auth", { key: "open_sesame" });
  await second.create("/consumers", { username: "fiona" });
  const masked = await runWith(["import", "kong", "--admin-url", first.admin, "--to", second.admin]);
  assert.equal(masked.code, 2);
  assert.match(masked.output, /^ {2}another row has the same username: consumers fiona$/m);
  assert.match(masked.output, /^ {2}its consumer is left out: keyauth_credentials/m);

  const file = { _format_version: "3.0", consumers: [{ username: "bob", keyauth_credentials: [{ key: "taken" }] }] };
  await second.create("/consumers/fiona/key-auth", { id: "11111111-1111-4111-8111-111111111111", key: "hunter2" });
  const own = {
    ...file.consumers[0],
    keyauth_credentials: [{ id: "22222222-2222-4222-8222-222222222222", key: "hunter2" }],
  };
  const refused = await runWith(
    ["import", "kong", "--file", "-", "--to", second.admin],
    JSON.stringify({ ...file, consumers: [own], services: [{ name: "s", host: "not a host" }] }),
  );
  assert.equal(refused.code, 2);
  assert.match(refused.output, /^ {2}another row has the same key: keyauth_credentials 22222222/m);
  assert.match(refused.output, /^ {2}schema violation \(host: invalid value: not a host\): services s$/m);
  assert.doesNotMatch(refused.output, /hunter2/);
});

test("a file is written with the ids of Kong, twice without a change, hashes as they are", async (t) => {
  const { second, upstream } = await startWithEcho(t);
  const folder = mkdtempSync(join(tmpdir(), "sesame-import-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "kong.yml");
  // As Kong stores it: over the password and the id of the consumer, which is made from the name.
  const hash = createHash("sha1").update("rose bud764cd9a8-d51a-5e73-b0b1-ea2ec6c4b679").digest("hex");
  writeFileSync(
    file,
    `_format_version: "3.0"
_transform: false
services:
- name: example-service
  url: ${upstream}
  routes: [{ name: example-route, paths: ["/anything"] }]
  plugins:
  - { name: key-auth, config: { anonymous: anonymous_users } }
  - { name: session, config: { storage: cookie, cookie_secure: false, secret: a-fixed-secret } }
  - { name: basic-auth, config: { anonymous: anonymous_users } }
consumers:
- username: anonymous_users
  plugins: [{ name: request-termination, config: { status_code: 403 } }]
- username: fiona
  keyauth_credentials: [{ key: my-api-key }]
  basicauth_credentials: [{ username: fiona, password: ${hash} }]
`,
  );

  const args = ["import", "kong", "--file", file, "--to", second.admin];
  const { code, output, errors } = await runWith(args);
  assert.equal(code, 0, output + errors);
  const once = await rowsOf(second);
  assert.equal((once["services"] as { id: string }[])[0]!.id, "7a267194-6123-5ee0-a1c9-4c1559eb0d95");
  assert.equal((await runWith(args)).code, 0);
  const twice = await rowsOf(second);
  const ids = (rows: typeof once) =>
    Object.values(rows).flatMap((list) => list.map((row) => (row as { id: string }).id));
  assert.deepEqual(ids(twice), ids(once));

  assert.equal((await fetch(`${second.proxy}/anything`)).status, 403);
  assert.equal((await fetch(`${second.proxy}/anything?apikey=my-api-key`)).status, 200);
  const authorization = `Basic ${Buffer.from("fiona:rose bud").toString("base64")}`;
  assert.equal((await fetch(`${second.proxy}/anything`, { headers: { authorization } })).status, 200);
});

/** An Admin API that answers each path, or path and query, with what is set for it, and 404 for others. */
async function startAnswers(t: TestContext, answers: Readonly<Record<string, unknown>>): Promise<string> {
  const server = createServer((request, response) => {
    const answer = answers[request.url!] ?? answers[request.url!.split("?")[0]!];
    response.statusCode = answer === undefined ? 404 : typeof answer === "number" ? answer : 200;
    response.end(typeof answer === "string" ? answer : JSON.stringify(answer ?? { message: "Not found" }));
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  t.after(() => void server.close().closeAllConnections());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test("an Admin API that answers nonsense is told of in one line, and nothing hangs", async (t) => {
  const second = await startGateway(t);
  const version = { "/": { version: "3.9.3" } };
  const table: [answers: Record<string, unknown>, message: RegExp][] = [
    [{}, /is no Admin API: expected GET \/ to tell a version/],
    [{ "/": "hello" }, /is no Admin API/],
    [{ "/": { version: 3 } }, /is no Admin API/],
    [{ "/": 500 }, /GET .*\/ was answered with 500/],
    [{ "/": 401 }, /was answered with 401/],
    [{ "/": 302 }, /is no Admin API/],
    [{ ...version, "/services": "[" }, /GET .*\/services was answered with 200, and no list of rows/],
    [{ ...version, "/services": { data: {} } }, /no list of rows/],
    [{ ...version, "/services": { data: [5] } }, /no list of rows/],
    [{ ...version, "/services": { data: [], offset: "again" } }, /services answers the same page again and again/],
    [{ ...version, "/consumers": 503 }, /\/consumers was answered with 503/],
  ];
  for (const [answers, message] of table) {
    const url = await startAnswers(t, answers);
    const { code, errors } = await runWith(["import", "kong", "--admin-url", url, "--to", second.admin]);
    assert.equal(code, 1, String(message));
    assert.match(errors.join("\n"), message);
    assert.equal(errors.length, 1);
  }
  const readOnly = await startAnswers(t, version);
  const file = '{"_format_version":"3.0","services":[{"name":"s","host":"h"}]}';
  const { errors } = await runWith(["import", "kong", "--file", "-", "--to", readOnly], file);
  assert.match(errors.join(), /PUT .*\/services was answered with 404/);
});

test("a Kong of before 3.2 arrives with its paths and its cookies, and what Sesame has not is named", async (t) => {
  const second = await startGateway(t);
  const id = (n: number) => `00000000-0000-4000-8000-00000000000${n}`;
  const url = await startAnswers(t, {
    "/": { version: "2.8.1" },
    "/services": { data: [{ id: id(1), name: "s", host: "h", client_certificate: { id: id(9) } }] },
    "/routes": { data: [{ id: id(2), name: "r", paths: ["/a(b|c)", "/%61"], service: { id: id(1) } }] },
    "/plugins": {
      data: [
        { id: id(3), name: "session", config: { secret: "old", cookie_samesite: "off", cookie_lifetime: 600 } },
        { id: id(4), name: "cors", config: {} },
      ],
    },
    "/upstreams": { data: [{ id: id(5), name: "u" }] },
    "/filter-chains": 400,
  });
  const { code, output, errors } = await runWith(["import", "kong", "--admin-url", url, "--to", second.admin]);
  assert.equal(code, 2, output + errors);
  assert.equal(
    output.replace(/http:\S+/, "URL"),
    `1 services, 1 routes, 1 plugins written to URL
left out:
  without client_certificate, which Sesame has not: services s
  Sesame has no plugin cors: plugins cors
  Sesame has no upstreams: u
`,
  );
  const rows = (await rowsOf(second)) as Record<string, Record<string, unknown>[]>;
  assert.deepEqual(rows["routes"]![0]!["paths"], ["~/a(b|c)", "/a"]);
  const config = rows["plugins"]![0]!["config"] as Record<string, unknown>;
  assert.deepEqual(
    [config["secret"], config["legacy_secret"], config["cookie_same_site"], config["rolling_timeout"]],
    ["old", "old", "Lax", 600],
  );
});

test("rows as Kong Gateway 3.9.3 shows them come over whole", async (t) => {
  const second = await startGateway(t);
  const file = new URL("../recordings/02-walkthrough-storage-kong.json", import.meta.url);
  const { exchanges } = JSON.parse(readFileSync(file, "utf8")) as { exchanges: Exchange[] };
  const lists: Record<string, { data: Record<string, unknown>[] }> = {};
  for (const { request, response } of exchanges) {
    if (request.method !== "POST" || !response.statusLine.includes(" 201 ")) continue;
    const collection = request.path
      .split("/")
      .filter(Boolean)
      .at(-1)!
      .replace(/^key-auth$/, "key-auths");
    (lists[`/${collection}`] ??= { data: [] }).data.push(JSON.parse(response.body));
  }
  assert.deepEqual(Object.keys(lists).sort(), ["/consumers", "/key-auths", "/plugins", "/routes", "/services"]);
  const url = await startAnswers(t, { "/": { version: "3.9.3" }, ...lists });
  const { code, output } = await runWith(["import", "kong", "--admin-url", url, "--to", second.admin]);
  assert.equal(code, 0, output);
  for (const [path, { data }] of Object.entries(lists)) {
    for (const row of data) {
      const written = (await (await fetch(`${second.admin}${path}/${row["id"]}`)).json()) as typeof row;
      assert.deepEqual({ ...written, updated_at: row["updated_at"] }, { updated_at: row["updated_at"], ...row });
    }
  }
});

interface Exchange {
  readonly request: { readonly method: string; readonly path: string };
  readonly response: { readonly statusLine: string; readonly body: string };
}
