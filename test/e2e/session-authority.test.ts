import assert from "node:assert/strict";
import { type Agent, request } from "node:http";
import { suite, type TestContext, test } from "node:test";
import { startEcho } from "../../src/cli/echo-server.ts";
import { runWith } from "../../src/cli/testing.ts";
import { connectToEach, get, spawnGateway } from "../helpers/gateway-process.ts";

const echo = await startEcho();

/** Two workers with key-auth and sessions in front of an echo; each agent leads to one worker. */
async function start(t: TestContext, config: object, settings: Readonly<Record<string, string>> = {}) {
  const gateway = await spawnGateway(t, { settings: { nginx_worker_processes: "2", ...settings } });
  const { change } = gateway;
  await change("POST", "/services", { name: "app", url: echo.url });
  await change("POST", "/services/app/routes", { paths: ["/app"], strip_path: false });
  const anonymous = await change("POST", "/consumers", { username: "anonymous" });
  await change("POST", "/consumers", { username: "fiona" });
  const key = await change("POST", "/consumers/fiona/key-auth", { key: "open_sesame" });
  await change("POST", "/services/app/plugins", { name: "key-auth", config: { anonymous: anonymous.id } });
  const session = await change("POST", "/services/app/plugins", {
    name: "session",
    config: { secret: "e2e", cookie_secure: false, require: true, ...config },
  });
  const agents = await connectToEach(t, gateway);
  const url = `${gateway.proxy}/app`;
  let turn = 0;

  /** A cookie of a new login, by one worker after the other. */
  async function login(): Promise<string> {
    const { status, headers } = await get(url, { apikey: "open_sesame" }, agents[turn++ % 2]);
    assert.equal(status, 200);
    return headers["set-cookie"]![0]!.split(";")[0]!;
  }

  /** What every worker answers to this cookie. */
  async function statuses(cookie: string): Promise<number[]> {
    return (await Promise.all(agents.map((agent) => get(url, { cookie }, agent)))).map(({ status }) => status);
  }

  return { gateway, change, agents, url, key, session, login, statuses };
}

function send(method: string, url: string, headers: Record<string, string>, agent?: Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { method, headers, agent: agent ?? false }, (response) => {
      response.resume().on("end", () => resolve(response.statusCode!));
    });
    asked.on("error", reject).end();
  });
}

suite("sessions in cookies, with two workers", { concurrency: true, timeout: 60_000 }, () => {
  test("a logout and a revocation count in every worker when they are answered", async (t) => {
    const { gateway, change, agents, url, login, statuses } = await start(t, { revocation: true });
    for (let round = 0; round < 10; round++) {
      const cookie = await login();
      assert.deepEqual(await statuses(cookie), [200, 200]);
      assert.equal(await send("POST", `${url}?session_logout`, { cookie }, agents[round % 2]), 200);
      assert.deepEqual(await statuses(cookie), [401, 401], `logout, round ${round}`);
    }
    const [one, two, three] = [await login(), await login(), await login()];
    const { data } = (await (await fetch(`${gateway.admin}/sessions?subject=fiona`)).json()) as {
      data: { id: string; created_at: number }[];
    };
    assert.equal(data.length, 3);
    await change("DELETE", `/sessions/${data.sort((a, b) => (a.id < b.id ? -1 : 1))[0]!.id}`);
    const left = await Promise.all([one, two, three].map(statuses));
    assert.deepEqual(left.map(String).sort(), ["200,200", "200,200", "401,401"]);
    await change("DELETE", "/consumers/fiona/sessions");
    for (const cookie of [one, two, three]) assert.deepEqual(await statuses(cookie), [401, 401]);
    const metrics = await (await fetch(`${gateway.status}/metrics`)).text();
    assert.match(metrics, /^sesame_sessions_ended_total{how="logout"} 10$/m);
    assert.match(metrics, /^sesame_sessions_ended_total{how="admin"} 3$/m);
  });

  test("a revocation outlives the process", async (t) => {
    const { gateway, login, agents, url } = await start(t, { revocation: true });
    const [ended, kept] = [await login(), await login()];
    assert.equal(await send("POST", `${url}?session_logout`, { cookie: ended }, agents[0]), 200);
    gateway.child.kill("SIGTERM");
    await gateway.ended;
    const again = await spawnGateway(t, { settings: { prefix: gateway.prefix, nginx_worker_processes: "2" } });
    for (const agent of await connectToEach(t, again)) {
      assert.equal((await get(`${again.proxy}/app`, { cookie: ended }, agent)).status, 401);
      assert.equal((await get(`${again.proxy}/app`, { cookie: kept }, agent)).status, 200);
    }
  });

  test("a credential that is deleted or changed takes its sessions along, on Kong's own settings too", async (t) => {
    const { change, key, session, login, statuses } = await start(t, {});
    await change("PATCH", `/plugins/${session.id}`, { config: { require: null } });
    const cookie = await login();
    assert.deepEqual(await statuses(cookie), [200, 200]);
    await change("PATCH", `/key-auths/${key.id}`, { tags: ["noted"] });
    await change("PATCH", `/plugins/${session.id}`, { config: { require: true } });
    assert.deepEqual(await statuses(cookie), [200, 200]);
    await change("PATCH", `/key-auths/${key.id}`, { key: "another" });
    assert.deepEqual(await statuses(cookie), [401, 401]);
    await change("PATCH", `/key-auths/${key.id}`, { key: "open_sesame" });
    assert.deepEqual(await statuses(cookie), [200, 200], "as it was at login");
    await change("DELETE", `/key-auths/${key.id}`);
    assert.deepEqual(await statuses(cookie), [401, 401]);
  });

  test("groups are those of now", async (t) => {
    const { change, login, statuses } = await start(t, {});
    await change("POST", "/services/app/plugins", { name: "acl", config: { allow: ["staff"] } });
    const member = await change("POST", "/consumers/fiona/acls", { group: "staff" });
    const cookie = await login();
    assert.deepEqual(await statuses(cookie), [200, 200]);
    await change("DELETE", `/consumers/fiona/acls/${member.id}`);
    assert.deepEqual(await statuses(cookie), [403, 403]);
    await change("POST", "/consumers/fiona/acls", { group: "staff" });
    assert.deepEqual(await statuses(cookie), [200, 200]);
  });

  test("secrets rotate without a logout, and the metrics tell when the old one may go", async (t) => {
    const { gateway, change, agents, url, session, login, statuses } = await start(t, {});
    const cookies = [await login(), await login()];
    const { code, output } = await runWith(["secrets", "rotate", "--admin-url", gateway.admin]);
    assert.deepEqual([code, output], [0, `session plugin ${session.id} has a new secret\n`]);
    const renewed: string[] = [];
    for (const [index, cookie] of cookies.entries()) {
      assert.deepEqual(await statuses(cookie), [200, 200]);
      const { headers } = await get(url, { cookie }, agents[index]);
      renewed.push(headers["set-cookie"]![0]!.split(";")[0]!);
    }
    const metrics = await (await fetch(`${gateway.status}/metrics`)).text();
    assert.match(metrics, /^sesame_sessions_opened_by_fallback_total 6$/m);
    assert.match(metrics, /^sesame_sessions_created_total 2$/m);
    assert.match(metrics, /^sesame_requests_total \d+$/m);
    await change("PATCH", `/plugins/${session.id}`, { config: { secret_fallbacks: [] } });
    for (const cookie of renewed) assert.deepEqual(await statuses(cookie), [200, 200]);
    for (const cookie of cookies) assert.deepEqual(await statuses(cookie), [401, 401]);
  });

  test("the visitor's own door stands open at its path, to this visitor", async (t) => {
    const { gateway, login, statuses } = await start(t, { revocation: true, sessions_path: "/app/.sesame/sessions" });
    const door = `${gateway.proxy}/app/.sesame/sessions`;
    const [mine, other] = [await login(), await login()];
    assert.equal((await get(door)).status, 401);
    const { data } = JSON.parse((await get(door, { cookie: mine })).body) as { data: { current: boolean }[] };
    assert.deepEqual(data.map(({ current }) => current).sort(), [false, true]);
    assert.equal(await send("DELETE", `${door}?others`, { cookie: mine }), 403);
    assert.equal(await send("DELETE", `${door}?others`, { cookie: mine, "sec-fetch-site": "same-origin" }), 204);
    assert.deepEqual(await statuses(other), [401, 401]);
    assert.deepEqual(await statuses(mine), [200, 200]);
  });
});

test("a secret can be a reference, and one that leads nowhere closes its route and no other", async (t) => {
  process.env["SESSION_SECRET_OF_TEST"] = "from the environment";
  t.after(() => delete process.env["SESSION_SECRET_OF_TEST"]);
  const { gateway, change, session, login, statuses, url } = await start(t, {
    secret: "{vault://env/session-secret-of-test}",
  });
  const cookie = await login();
  await change("POST", "/services/app/routes", { name: "other", paths: ["/other"] });
  await change("PATCH", `/plugins/${session.id}`, { config: { secret: "from the environment" } });
  assert.deepEqual(await statuses(cookie), [200, 200], "the same secret, written out");
  const shown = await change("PATCH", `/plugins/${session.id}`, { config: { secret: "{vault://env/not-there}" } });
  assert.equal((shown["config"] as { secret: string }).secret, "{vault://env/not-there}");
  assert.equal((await get(url, { cookie })).status, 500);
  assert.equal((await get(gateway.proxy)).status, 404);
  await change("PATCH", `/plugins/${session.id}`, { config: { secret: "from the environment" } });
  assert.deepEqual(await statuses(cookie), [200, 200]);
});

test.after(() => echo.close());
