import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { suite, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { startEcho } from "../../src/cli/echo-server.ts";
import { connectToEach, type GatewayProcess, get, spawnGateway } from "../helpers/gateway-process.ts";
import { freeze, isRunning } from "../helpers/processes.ts";

const echo = await startEcho();
const workers = (count: number, more: Record<string, string> = {}) => ({
  settings: { nginx_worker_processes: String(count), proxy_error_log: "logs/error.log", ...more },
});

/** Ask until the answer is the one that is waited for. */
async function until(what: () => Promise<boolean> | boolean): Promise<void> {
  const end = performance.now() + 10_000;
  while (!(await what())) {
    assert.ok(performance.now() < end, `in vain: ${what}`);
    await wait(20);
  }
}

/** Key-auth in front of an echo, with sessions in the database for those who have logged in. */
async function protect(gateway: GatewayProcess): Promise<void> {
  await gateway.change("POST", "/services", { name: "app", url: echo.url });
  await gateway.change("POST", "/services/app/routes", { paths: ["/app"] });
  const anonymous = await gateway.change("POST", "/consumers", { username: "anonymous" });
  await gateway.change("POST", "/consumers", { username: "fiona" });
  await gateway.change("POST", "/consumers/fiona/key-auth", { key: "open_sesame" });
  await gateway.change("POST", "/services/app/plugins", { name: "key-auth", config: { anonymous: anonymous.id } });
  await gateway.change("POST", "/services/app/plugins", {
    name: "session",
    config: { storage: "kong", cookie_secure: false, logout_methods: ["POST", "DELETE", "GET"] },
  });
  await gateway.change("POST", `/consumers/${anonymous.id}/plugins`, {
    name: "request-termination",
    config: { status_code: 403 },
  });
}

suite("several workers", { concurrency: true, timeout: 60_000 }, () => {
  test("a write is answered when every worker serves the new configuration", async (t) => {
    const gateway = await spawnGateway(t, workers(3));
    const agents = await connectToEach(t, gateway);
    assert.equal(agents.length, 3);
    await gateway.change("POST", "/services", { name: "app", url: echo.url });
    let stale = 0;
    for (let round = 0; round < 40; round++) {
      const path = `/round-${round}`;
      const { id } = await gateway.change("POST", "/services/app/routes", { paths: [path] });
      const news = Array.from({ length: 6 }, () => get(gateway.proxy + path));
      const known = agents.map((agent) => get(gateway.proxy + path, {}, agent));
      for (const { status } of await Promise.all([...news, ...known])) if (status !== 200) stale++;
      await gateway.change("DELETE", `/routes/${id}`);
      const after = agents.map((agent) => get(gateway.proxy + path, {}, agent));
      for (const { status } of await Promise.all(after)) if (status !== 404) stale++;
    }
    assert.equal(stale, 0);
  });

  test("sessions, logouts and deleted keys are known to all workers at once", async (t) => {
    const gateway = await spawnGateway(t, workers(2));
    await protect(gateway);
    const agents = await connectToEach(t, gateway);
    const url = `${gateway.proxy}/app`;
    for (let round = 0; round < 30; round++) {
      const one = agents[round % 2];
      const other = agents[(round + 1) % 2];
      const login = await get(url, { apikey: "open_sesame" }, one);
      assert.equal(login.status, 200);
      const cookie = login.headers["set-cookie"]![0]!.split(";")[0]!;
      assert.equal((await get(url, { cookie }, other)).status, 200, `round ${round}`);
      assert.equal((await get(`${url}?session_logout=1`, { cookie }, other)).status, 200);
      assert.equal((await get(url, { cookie }, one)).status, 403, `round ${round}`);
      assert.equal((await get(url, { cookie }, other)).status, 403, `round ${round}`);
    }

    async function statuses(apikey: string): Promise<number[]> {
      const answers = await Promise.all(agents.map((agent) => get(url, { apikey }, agent)));
      return answers.map(({ status }) => status);
    }
    for (let round = 0; round < 10; round++) {
      const key = `key-${round}`;
      assert.deepEqual(await statuses(key), [403, 403]);
      const { id } = await gateway.change("POST", "/consumers/fiona/key-auth", { key });
      assert.deepEqual(await statuses(key), [200, 200]);
      await gateway.change("DELETE", `/key-auths/${id}`);
      assert.deepEqual(await statuses(key), [403, 403]);
    }
  });

  test("a killed worker is replaced, and its successor serves what was changed meanwhile", async (t) => {
    const gateway = await spawnGateway(t, workers(2));
    await protect(gateway);
    const before = await gateway.workers();
    process.kill(before[0]!, "SIGKILL");
    await gateway.change("POST", "/services/app/routes", { name: "late", paths: ["/late"] });
    // The plugins are the service's: the request is recognised as anonymous, and refused.
    for (let i = 0; i < 20; i++) assert.equal((await get(`${gateway.proxy}/late`)).status, 403);
    await until(async () => (await gateway.workers()).length === 2 && !(await gateway.workers()).includes(before[0]!));
    const agents = await connectToEach(t, gateway);
    for (const agent of agents) assert.equal((await get(`${gateway.proxy}/late`, {}, agent)).status, 403);
    await gateway.change("DELETE", "/routes/late");
    for (const agent of agents) assert.equal((await get(`${gateway.proxy}/late`, {}, agent)).status, 404);
  });

  test("workers that are killed while the configuration changes do not hold up a write", async (t) => {
    const gateway = await spawnGateway(t, workers(3));
    await gateway.change("POST", "/services", { name: "app", url: echo.url });
    for (let round = 0; round < 4; round++) {
      const [victim] = await gateway.workers();
      const writes = Array.from({ length: 20 }, (_, index) =>
        gateway.change("POST", "/services/app/routes", { paths: [`/r${round}-${index}`] }),
      );
      process.kill(victim!, "SIGKILL");
      const startedMs = performance.now();
      await Promise.all(writes);
      assert.ok(performance.now() - startedMs < 3000);
      assert.equal((await get(`${gateway.proxy}/r${round}-19`)).status, 200);
      await until(async () => (await gateway.workers()).length === 3);
    }
  });

  test("a worker that hangs is replaced rather than left to serve what is no longer true", async (t) => {
    const gateway = await spawnGateway(t, workers(2));
    const [hanging] = await gateway.workers();
    freeze([hanging!]);
    assert.equal((await get(`${gateway.status}/status`)).status, 200);
    await gateway.change("POST", "/services", { name: "app", url: echo.url });
    await until(async () => !isRunning(hanging!) && (await gateway.workers()).length === 2);
  });

  test("a primary that is killed takes its workers with it", async (t) => {
    const gateway = await spawnGateway(t, workers(2));
    const pids = await gateway.workers();
    gateway.child.kill("SIGKILL");
    assert.equal(await gateway.ended, "SIGKILL");
    await until(() => pids.every((pid) => !isRunning(pid)));
    const again = await spawnGateway(t, { settings: { prefix: gateway.prefix } });
    again.child.kill("SIGTERM");
    assert.equal(await again.ended, 0);
  });

  test("facts and the log level concern all workers", async (t) => {
    const gateway = await spawnGateway(t, workers(2, { log_level: "error" }));
    await protect(gateway);
    const agents = await connectToEach(t, gateway);
    const facts = JSON.parse((await get(`${gateway.admin}/`)).body);
    assert.equal(facts.pids.master, gateway.child.pid);
    assert.equal(new Set([facts.pids.master, ...facts.pids.workers]).size, 3);
    const status = JSON.parse((await get(`${gateway.admin}/status`)).body);
    assert.equal(status.server.total_requests, 2);
    assert.equal(status.server.connections_active, 2);
    assert.deepEqual(
      status.memory.workers_lua_vms.map(({ pid }: { pid: number }) => pid).sort(),
      [...facts.pids.workers].sort(),
    );
    await gateway.change("PUT", "/debug/node/log-level/debug");
    for (const agent of agents) await get(`${gateway.proxy}/app`, { cookie: "session=x" }, agent);
    const log = () => readFileSync(`${gateway.prefix}/logs/error.log`, "utf8");
    await until(() => new Set(log().match(/(?<=level=debug .*request_id=)\w+/g)).size === 2);
    const level = JSON.parse((await get(`${gateway.admin}/debug/node/log-level`)).body);
    assert.equal(level.message, "log level: debug");
  });
});

test.after(() => echo.close());
