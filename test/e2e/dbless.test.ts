import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import type { Agent } from "node:http";
import { join } from "node:path";
import { suite, type TestContext, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { startEcho } from "../../src/cli/echo-server.ts";
import { runGateway } from "../../src/cli/index.ts";
import { loadSettings } from "../../src/settings.ts";
import { startGateway } from "../helpers/gateway.ts";
import {
  type Answer,
  connectToEach,
  type GatewayProcess,
  get,
  spawnGateway,
  spawnStart,
  temporaryFolder,
} from "../helpers/gateway-process.ts";
import { until } from "../helpers/until.ts";

// A gateway without a database, as users of Kong run it from a kong.yml.

const echo = await startEcho();
test.after(() => echo.close());

interface Choices {
  /** Members of the session plugin's configuration, in YAML. */
  readonly session?: string;
  readonly more?: string;
}

/** The walkthrough of Kong's documentation of the session plugin, as it stands there for a declarative file. */
const walkthrough = ({ session = "storage: kong", more = "" }: Choices = {}) => `
_format_version: "3.0"
services:
- name: example-service
  url: ${echo.url}
  routes:
  - name: example-route
    paths: ["/sessions-test"]
  plugins:
  - name: key-auth
    config: { anonymous: anonymous_users }
  - name: session
    config: { cookie_secure: false, logout_methods: [GET, POST], secret: "a-secret-of-this-test-only", ${session} }
consumers:
- username: anonymous_users
  plugins:
  - name: request-termination
    config: { status_code: 403, message: "So long and thanks for all the fish!" }
- username: fiona
  keyauth_credentials:
  - key: open_sesame
${more}`;

/** What the requests of these tests are sent to. */
type Listeners = Pick<GatewayProcess, "proxy" | "admin" | "status">;

/** A gateway with this configuration in the process of the test. */
async function startHere(t: TestContext, text: string) {
  const gateway = await startGateway(t, { database: "off", declarative_config_string: text });
  return { gateway, url: `${gateway.proxy}/sessions-test` };
}

/** Start a gateway in processes of its own from this file, which can be written anew. */
async function start(t: TestContext, text: string, settings: Readonly<Record<string, string>> = {}) {
  const folder = temporaryFolder(t);
  const file = join(folder, "kong.yml");
  const write = (changed: string) => writeFileSync(file, changed);
  write(text);
  const all = { database: "off", declarative_config: file, prefix: join(folder, "prefix"), ...settings };
  const gateway = await spawnGateway(t, { settings: all });
  return { gateway, file, write, settings: all, url: `${gateway.proxy}/sessions-test` };
}

const cookieOf = ({ headers }: Answer) => headers["set-cookie"]![0]!.split(";")[0]!;

async function login(url: string, agent?: Agent): Promise<string> {
  const answer = await get(url, { apikey: "open_sesame" }, agent);
  assert.equal(answer.status, 200, answer.body);
  return cookieOf(answer);
}

const statusOf = async (url: string, cookie: string, agent?: Agent) => (await get(url, { cookie }, agent)).status;

// biome-ignore lint/suspicious/noExplicitAny: the JSON of whatever was asked
type Called = { status: number; headers: Headers; body: any };

async function call(gateway: Pick<Listeners, "admin">, method: string, path: string, sent?: unknown): Promise<Called> {
  const isText = typeof sent === "string";
  const type = isText ? "application/yaml" : "application/json";
  const answer = await fetch(gateway.admin + path, {
    method,
    ...(sent !== undefined && { headers: { "content-type": type }, body: isText ? sent : JSON.stringify(sent) }),
  });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, body: text === "" ? undefined : JSON.parse(text) };
}

const quiet = {
  proxy_listen: "127.0.0.1:0",
  admin_listen: "127.0.0.1:0",
  status_listen: "off",
  nginx_worker_processes: "1",
  proxy_error_log: "logs/error.log",
};

const md5 = (text: string) => createHash("md5").update(text).digest("hex");

suite("a gateway without a database", { concurrency: true, timeout: 170_000 }, () => {
  for (const storage of ["kong", "cookie"]) {
    for (const workers of ["1", "2"]) {
      test(`the walkthrough with storage ${storage} and ${workers} processes: login, cookie, logout`, async (t) => {
        const text = walkthrough({ session: `storage: ${storage}` });
        const processes = workers === "1" ? undefined : await start(t, text, { nginx_worker_processes: workers });
        const { gateway, url } = processes ?? (await startHere(t, text));
        const agents = processes ? await connectToEach(t, processes.gateway) : [undefined];
        const refused = await get(url);
        assert.deepEqual(
          [refused.status, JSON.parse(refused.body)],
          [403, { message: "So long and thanks for all the fish!" }],
        );
        const cookie = await login(url, agents[0]);
        for (const agent of agents) assert.equal(await statusOf(url, cookie, agent), 200);
        const seen = JSON.parse((await get(url, { cookie })).body).headers;
        assert.ok(JSON.stringify(seen).toLowerCase().includes('"x-consumer-username","fiona"'), JSON.stringify(seen));
        const rows = await call(gateway, "GET", "/sessions");
        assert.equal(rows.body.data.length, storage === "kong" ? 1 : 0);
        if (storage === "kong") {
          const other = await login(url);
          const { data } = (await call(gateway, "GET", "/sessions")).body;
          const { id } = data.find((row: { id: string }) => row.id !== rows.body.data[0].id);
          assert.equal((await call(gateway, "DELETE", `/sessions/${id}`)).status, 204);
          for (const agent of agents) assert.equal(await statusOf(url, other, agent), 403);
        }
        const logout = await get(`${url}?session_logout=1`, { cookie }, agents.at(-1));
        assert.equal(logout.status, 200);
        if (storage === "kong") for (const agent of agents) assert.equal(await statusOf(url, cookie, agent), 403);
      });
    }
  }

  test("a restart keeps ids and sessions, and so does another node what the cookies hold", async (t) => {
    for (const storage of ["kong", "cookie"]) {
      const text = walkthrough({ session: `storage: ${storage}, revocation: true` });
      const first = await start(t, text, { nginx_worker_processes: storage === "kong" ? "2" : "1" });
      const cookies = [await login(first.url), await login(first.url)];
      const ended = await login(first.url);
      await get(`${first.url}?session_logout=1`, { cookie: ended });
      const paths = ["/services", "/routes", "/consumers", "/plugins", "/key-auths"];
      const rows = (gateway: Listeners) =>
        Promise.all(paths.map(async (path) => (await call(gateway, "GET", path)).body.data));
      const before = await rows(first.gateway);
      assert.deepEqual(before[2].map(({ id }: { id: string }) => id).sort(), [
        "764cd9a8-d51a-5e73-b0b1-ea2ec6c4b679",
        "9ddccc14-6866-584f-a82b-51e47864af89",
      ]);
      first.gateway.child.kill("SIGTERM");
      assert.equal(await first.gateway.ended, 0);

      const again = await spawnGateway(t, { settings: first.settings });
      assert.deepEqual(await rows(again), before, "times too");
      for (const cookie of cookies) assert.equal(await statusOf(`${again.proxy}/sessions-test`, cookie), 200, storage);
      assert.equal(await statusOf(`${again.proxy}/sessions-test`, ended), 403);
      const listed = await call(again, "GET", "/sessions?subject=fiona");
      assert.equal(listed.body.data.length, 2);

      const other = await startHere(t, text);
      const status = storage === "cookie" ? 200 : 403;
      for (const cookie of cookies) assert.equal(await statusOf(other.url, cookie), status);
    }
  });

  test("POST /config replaces everything in every process before it is answered, and nothing when it is wrong", async (t) => {
    const { gateway, url } = await start(t, walkthrough(), { nginx_worker_processes: "3" });
    const agents = await connectToEach(t, gateway);
    const cookie = await login(url);
    const statuses = (path: string) =>
      Promise.all(agents.map(async (agent) => (await get(gateway.proxy + path, { cookie }, agent)).status));
    let stale = 0;
    for (let round = 0; round < 10; round++) {
      const path = `/round-${round}`;
      const text = walkthrough({ more: `routes: [{ name: extra, paths: ["${path}"], service: example-service }]\n` });
      const { status, body } = await call(gateway, "POST", "/config", text);
      assert.equal(status, 201, JSON.stringify(body));
      assert.equal(Object.keys(body.routes).length, 2);
      for (const found of await statuses(path)) if (found !== 200) stale++;
      for (const found of await statuses(`/round-${round - 1}`)) if (found !== 404) stale++;
      for (const found of await statuses("/sessions-test")) if (found !== 200) stale++;
      assert.equal((await call(gateway, "GET", "/status")).body.configuration_hash, md5(text));

      const wrong = await call(gateway, "POST", "/config", text.replace("name: extra", "name: extra, nonsense: 1"));
      assert.equal(wrong.status, 400);
      assert.deepEqual(wrong.body.fields, { routes: [{ nonsense: "unknown field" }] });
      for (const found of await statuses(path)) if (found !== 200) stale++;
      assert.equal((await call(gateway, "GET", "/status")).body.configuration_hash, md5(text));
    }
    assert.equal(stale, 0);
    const { body } = await call(gateway, "POST", "/config", { _format_version: "3.0" });
    assert.deepEqual(body, {});
    assert.deepEqual(await statuses("/sessions-test"), [404, 404, 404]);
    assert.deepEqual((await call(gateway, "GET", "/plugins")).body.data, []);
  });

  test("rows can swap their names and keys, and what is gone takes its logins along", async (t) => {
    const session = "storage: cookie, revocation: true";
    const { gateway, url } = await startHere(t, walkthrough({ session }));
    const cookie = await login(url);
    const [a, b] = ["11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"];
    const text = (one: string, two: string) =>
      walkthrough({
        session,
        more: `- { id: ${a}, username: ${one}, tags: [${one}], keyauth_credentials: [{ id: ${a}, key: of-${one} }] }
- { id: ${b}, username: ${two}, tags: [${two}], keyauth_credentials: [{ id: ${b}, key: of-${two} }] }\n`,
      });
    for (const names of [
      ["one", "two"],
      ["two", "one"],
      ["two", "three"],
    ] as [string, string][]) {
      assert.equal((await call(gateway, "POST", "/config", text(...names))).status, 201);
      for (const [index, name] of names.entries()) {
        assert.equal((await call(gateway, "GET", `/consumers/${name}`)).body.id, [a, b][index]);
        assert.equal((await get(url, { apikey: `of-${name}` })).status, 200);
        assert.equal((await call(gateway, "GET", `/tags/${name}`)).body.data.length, 1);
      }
      assert.equal(await statusOf(url, cookie), 200);
    }
    assert.equal((await get(url, { apikey: "of-one" })).status, 403);
    assert.equal((await call(gateway, "GET", "/tags/one")).body.data.length, 0);
    assert.equal((await call(gateway, "GET", "/consumers/fiona/sessions")).body.data.length, 1);
    const without = walkthrough({ session }).replace("username: fiona", "username: other");
    assert.equal((await call(gateway, "POST", "/config", without)).status, 201);
    assert.equal(await statusOf(url, cookie), 403);
    assert.equal((await call(gateway, "GET", "/sessions?audience=default")).body.data.length, 0);
  });

  test("a key that is changed in the file ends the sessions that it opened, and no others", async (t) => {
    const more = "  - key: second_key\n";
    const { gateway, url } = await startHere(t, walkthrough({ more }));
    const first = await login(url);
    const second = cookieOf(await get(url, { apikey: "second_key" }));
    const changed = walkthrough({ more: "  - key: third_key\n" });
    assert.equal((await call(gateway, "POST", "/config", changed)).status, 201);
    assert.deepEqual([await statusOf(url, first), await statusOf(url, second)], [200, 403]);
  });

  test("sessions are listed, ended and revoked by the Admin API, also of cookies, and stay so over a reload", async (t) => {
    const text = walkthrough({ session: "storage: cookie, revocation: true" });
    const { gateway, url } = await start(t, text, { nginx_worker_processes: "2" });
    const agents = await connectToEach(t, gateway);
    const cookies = [await login(url), await login(url), await login(url)];
    const { data } = (await call(gateway, "GET", "/sessions?subject=fiona")).body;
    assert.equal(data.length, 3);
    assert.equal((await call(gateway, "DELETE", `/sessions/${data[0].id}`)).status, 204);
    const alive = async () => {
      const all = cookies.map((cookie) => Promise.all(agents.map((agent) => statusOf(url, cookie, agent))));
      return (await Promise.all(all)).filter((statuses) => statuses.every((status) => status === 200)).length;
    };
    assert.equal(await alive(), 2);
    assert.equal((await call(gateway, "POST", "/config", `${text}\n# changed`)).status, 201);
    assert.equal(await alive(), 2);
    assert.equal((await call(gateway, "DELETE", "/consumers/fiona/sessions")).status, 204);
    assert.equal(await alive(), 0);
    assert.equal((await call(gateway, "POST", "/sessions/revoke", { before: 5 })).status, 204);
  });

  test("the Admin API reads, and refuses to write with 405 what is right, with 400 what is wrong", async (t) => {
    const { gateway } = await startHere(t, walkthrough());
    const off = "when not using a database";
    const table: [method: string, path: string, sent: object | undefined, status: number, message?: RegExp | string][] =
      [
        ["POST", "/services", { name: "x", host: "h" }, 405, `cannot create 'services' entities ${off}`],
        ["POST", "/services", { name: "example-service", host: "h" }, 405, `cannot create 'services' entities ${off}`],
        ["POST", "/services", { host: "a b" }, 400, /^schema violation/],
        ["PUT", "/services/new", { host: "h" }, 405, `cannot create or update 'services' entities by 'name' ${off}`],
        [
          "PATCH",
          "/services/example-service",
          { host: "h" },
          405,
          `cannot update 'services' entities by 'name' ${off}`,
        ],
        ["PATCH", "/services/none", { host: "h" }, 404],
        [
          "PATCH",
          "/services/7a267194-6123-5ee0-a1c9-4c1559eb0d95",
          {},
          405,
          `cannot update 'services' entities ${off}`,
        ],
        ["DELETE", "/services/example-service", undefined, 405, `cannot remove 'services' entities by 'name' ${off}`],
        ["DELETE", "/services/none", undefined, 204],
        ["POST", "/services/none/routes", { paths: ["/"] }, 404],
        ["POST", "/services/example-service/routes", { paths: ["/"] }, 405, `cannot create 'routes' entities ${off}`],
        [
          "DELETE",
          "/services/example-service/routes/example-route",
          undefined,
          405,
          `cannot remove 'routes' entities ${off}`,
        ],
        ["POST", "/consumers/fiona/key-auth", { key: "k" }, 405, `cannot create 'keyauth_credentials' entities ${off}`],
        ["POST", "/consumers/fiona/acls", { group: "g" }, 405, `cannot create 'acls' entities ${off}`],
        ["POST", "/plugins", { name: "nonsense" }, 400, /not enabled/],
        ["POST", "/sessions/secrets/rotate", {}, 405, `cannot update 'plugins' entities ${off}`],
        ["PUT", "/debug/node/log-level/debug", undefined, 405, `cannot change log level ${off}`],
        ["POST", "/schemas/services/validate", { host: "h" }, 200],
        ["POST", "/config", {}, 400, "expected a declarative configuration"],
        ["POST", "/config", { config: "[[" }, 400, /^declarative config is invalid: \{error="failed parsing/],
        ["POST", "/config", { config: "" }, 400, "expected a declarative configuration"],
      ];
    for (const [method, path, sent, status, message] of table) {
      const answer = await call(gateway, method, path, sent);
      assert.equal(answer.status, status, `${method} ${path} ${JSON.stringify(answer.body)}`);
      if (message instanceof RegExp) assert.match(answer.body.message, message);
      else if (message !== undefined) assert.equal(answer.body.message, message);
      if (String(message).endsWith(off) && !path.startsWith("/debug")) assert.equal(answer.body.code, 12);
    }
    assert.equal((await call(gateway, "GET", "/")).body.configuration.database, "off");
    const [key] = (await call(gateway, "GET", "/key-auths")).body.data;
    assert.ok(!("ttl" in key));
    assert.ok(!("database" in (await call(gateway, "GET", "/status")).body));
    const status = await fetch(`${gateway.status}/status`);
    assert.match(((await status.json()) as { configuration_hash: string }).configuration_hash, /^[0-9a-f]{32}$/);
  });

  test("what GET /config shows can be posted again, and check_hash spares it", async (t) => {
    const more = `  basicauth_credentials: [{ username: yes, password: "12:30" }]\n  acls: [{ group: "on" }]\n`.replace(
      "username: yes",
      'username: "yes"',
    );
    const { gateway, url } = await startHere(t, walkthrough({ more }));
    const cookie = await login(url);
    const shown = (await call(gateway, "GET", "/config")).body.config as string;
    const before = (await call(gateway, "GET", "/basic-auths")).body;
    const posted = await call(gateway, "POST", "/config?check_hash=1", { config: shown });
    assert.equal(posted.status, 201, JSON.stringify(posted.body));
    assert.equal((await call(gateway, "GET", "/config")).body.config, shown);
    assert.deepEqual((await call(gateway, "GET", "/basic-auths")).body, before);
    assert.equal(before.data[0].username, "yes");
    assert.equal(await statusOf(url, cookie), 200);
    assert.equal((await call(gateway, "POST", "/config?check_hash=1", shown)).status, 304);
    assert.equal((await call(gateway, "POST", "/config", shown)).status, 201);
  });

  test("of configurations that come at the same time each is in effect as a whole, or told to wait", async (t) => {
    const { gateway } = await start(t, walkthrough(), { nginx_worker_processes: "2" });
    const consumers = (round: number) =>
      Array.from({ length: 300 }, (_, i) => ({ username: `user-${round}-${i}`, custom_id: String(i) }));
    const posts = Array.from({ length: 6 }, (_, round) =>
      call(gateway, "POST", "/config", { _format_version: "3.0", consumers: consumers(round) }),
    );
    const answers = await Promise.all(posts);
    for (const { status, body, headers } of answers) {
      if (status === 201) continue;
      assert.deepEqual([status, body.message], [429, "Currently loading previous configuration"]);
      assert.ok(Number(headers.get("retry-after")) >= 1);
    }
    assert.ok(answers.some(({ status }) => status === 201));
    const { data } = (await call(gateway, "GET", "/consumers?size=1000")).body as { data: { username: string }[] };
    assert.equal(data.length, 300);
    assert.equal(new Set(data.map(({ username }) => username.split("-")[1])).size, 1);
  });

  test("a large file is read while requests are answered, and a change elsewhere leaves a plugin what it holds", async (t) => {
    const session = "storage: memory";
    const { gateway, url } = await startHere(t, walkthrough({ session }));
    const cookie = await login(url);
    const consumers = Array.from(
      { length: 8000 },
      (_, i) => `- { username: user-${i}, custom_id: "${i}", tags: [many] }`,
    );
    const more = `${consumers.join("\n")}\n`;
    let isDone = false;
    let answered = 0;
    const posted = call(gateway, "POST", "/config", walkthrough({ session, more })).finally(() => {
      isDone = true;
    });
    while (!isDone) {
      assert.equal(await statusOf(url, cookie), 200);
      answered++;
    }
    const { status, body } = await posted;
    assert.equal(status, 201, JSON.stringify(body).slice(0, 500));
    assert.equal(Object.keys(body.consumers).length, 8002);
    assert.ok(answered > 10, String(answered));
    assert.equal(await statusOf(url, cookie), 200);
    const wrong = await call(gateway, "POST", "/config", `${walkthrough({ session, more })}\n  x: [`);
    assert.equal(wrong.status, 400);
    assert.match(
      wrong.body.fields.error,
      /^failed parsing declarative configuration: line \d+, column \d+: no valid YAML/,
    );
    assert.equal(await statusOf(url, cookie), 200);
  });

  test("SIGHUP reads the file again, and a wrong one changes nothing", async (t) => {
    const { gateway, file, write, url } = await start(t, walkthrough(), { nginx_worker_processes: "2" });
    const cookie = await login(url);
    const pids = await gateway.workers();
    write(walkthrough().replace("/sessions-test", "/moved"));
    gateway.child.kill("SIGHUP");
    await until(() => gateway.errors().includes("was read again"), "read again", 30_000);
    assert.equal(await statusOf(url, cookie), 404);
    assert.equal(await statusOf(`${gateway.proxy}/moved`, cookie), 200);

    write(walkthrough().replace("name: example-route", "name: example route"));
    gateway.child.kill("SIGHUP");
    await until(() => gateway.errors().includes("stays as it is"), "refused", 30_000);
    assert.ok(gateway.errors().includes(`${file}: services[0].routes[0] (example route): name: invalid value`));
    assert.equal(await statusOf(`${gateway.proxy}/moved`, cookie), 200);
    assert.deepEqual(await gateway.workers(), pids);
  });

  test("without a file it starts empty, is not ready, and takes one by POST /config", async (t) => {
    const prefix = join(temporaryFolder(t), "prefix");
    const gateway = await spawnGateway(t, { settings: { database: "off", prefix } });
    assert.equal((await get(gateway.proxy)).status, 404);
    assert.equal((await call(gateway, "GET", "/status")).body.configuration_hash, "0".repeat(32));
    assert.equal((await call(gateway, "GET", "/config")).body.config, "_format_version: '3.0'\n_transform: false\n");
    assert.equal((await get(`${gateway.status}/status/ready`)).status, 503);
    assert.equal((await call(gateway, "POST", "/config", walkthrough())).status, 201);
    assert.equal((await get(`${gateway.status}/status/ready`)).status, 200);
    const cookie = await login(`${gateway.proxy}/sessions-test`);
    gateway.child.kill("SIGTERM");
    await gateway.ended;

    // As the configuration that came by the API is forgotten, the text is given.
    const settings = { database: "off", declarative_config_string: walkthrough(), prefix };
    const again = await spawnGateway(t, { settings });
    assert.equal(await statusOf(`${again.proxy}/sessions-test`, cookie), 200);
    assert.equal((await call(again, "GET", "/")).body.configuration.declarative_config_string, "******");
  });

  test("a session plugin without a secret is warned of", async (t) => {
    const text = walkthrough().replace('secret: "a-secret-of-this-test-only", ', "");
    const { gateway } = await start(t, text);
    assert.match(gateway.errors(), /session plugin 5f5e17f7-\S+ has no secret in the declarative configuration/);
  });

  const head = '_format_version: "3.0"\n';
  const wrong: [text: string, ...lines: (string | RegExp)[]][] = [
    ["", "error: failed parsing declarative configuration: expected an object"],
    ["hunter2", "error: failed parsing declarative configuration: expected an object"],
    ["services: []\nfoo: 1", "_format_version: required field missing", "foo: unknown field"],
    ["_format_version: 3.0", '_format_version: expected a string such as "3.0", in quotes'],
    [
      `${head}services: [{ name: a, routes: [{ name: r, paths: [x] }] }, { name: a, host: h }]\nupstreams: [{ name: u }]`,
      "services[1] (a): uniqueness violation: 'services' entity with name set to 'a' already declared",
      "upstreams: Sesame has no upstreams",
      "services[0] (a): host: required field missing",
      "services[0].routes[0] (r): paths.1: should start with: / (fixed path) or ~/ (regex path)",
    ],
    [`${head}a: &a [x, x, x, x, x, x, x, x, x]\nb: &b [${"*a, ".repeat(1999)}x]\nservices: [{ name: *b }]`, "*"],
    [`${head}services: ["\u0000"]`, "*"],
    [`${head}services: [`, "*"],
    [`${head}key: "hunter2`, "*"],
  ];
  test("a start with a wrong file is refused, with a line for each fault", async (t) => {
    for (const [text, ...lines] of wrong) {
      const file = join(temporaryFolder(t), "kong.yml");
      writeFileSync(file, text);
      const overrides = { database: "off", declarative_config: file, prefix: join(file, "..", "prefix"), ...quiet };
      await assert.rejects(runGateway(loadSettings({ overrides }).settings), (error: Error) => {
        const said = error.message.split("\n");
        assert.doesNotMatch(error.message, /hunter2/);
        if (lines[0] !== "*")
          assert.deepEqual(
            said,
            lines.map((line) => `${file}: ${line}`),
          );
        else for (const line of said) assert.ok(line.startsWith(`${file}: `), line);
        return ["ERR_COMMAND", "ERR_SETTINGS"].includes((error as Error & { code: string }).code);
      });
    }
    const [file, none] = [join(temporaryFolder(t), "kong.yml"), "/nonexistent/kong.yml"];
    writeFileSync(file, `${head}foo: 1\nservices: [{ name: s }]\n`);
    const table = [
      [file, `sesame: ${file}: foo: unknown field\nsesame: ${file}: services[0] (s): host: required field missing\n`],
      [none, `sesame: ${none} cannot be read (ENOENT)\n`],
    ] as const;
    for (const [declarative_config, said] of table) {
      const started = spawnStart(t, { settings: { database: "off", declarative_config } });
      assert.deepEqual([await started.ended, started.output(), started.errors()], [1, "", said]);
    }
  });

  test("a worker that dies while configurations come does no harm", async (t) => {
    const { gateway } = await start(t, walkthrough(), { nginx_worker_processes: "2" });
    for (let round = 0; round < 3; round++) {
      const [victim] = await gateway.workers();
      const posted = call(gateway, "POST", "/config", walkthrough({ more: `# ${round}\n` }));
      process.kill(victim!, "SIGKILL");
      assert.equal((await posted).status, 201);
      for (
        let pids = await gateway.workers();
        pids.includes(victim!) || pids.length < 2;
        pids = await gateway.workers()
      ) {
        await wait(20);
      }
    }
  });
});
