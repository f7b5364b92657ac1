import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "iovalkey";
import { type Answer, get } from "../helpers/gateway-process.ts";
import { configureWalkthrough, startNode } from "../helpers/nodes.ts";
import { type SentinelSetup, startSentinels } from "../helpers/redis-servers.ts";
import { lacking, until } from "../helpers/servers.ts";

const host = "127.0.0.1";
const VISITORS = 24;
const LEAVERS = 8;
const SLEEPERS = 8;
const FAILED_OVER_WITHIN_MS = 20_000;

describe("a gateway whose Redis fails over under load", { skip: lacking("redis-server", "redis-sentinel") }, () => {
  let setup: SentinelSetup;
  before(async () => {
    setup = await startSentinels("secret", "watchword");
  });
  after(() => setup?.remove());

  it("refuses nobody who has signed in, loses no session, and says of no logout that did not happen that it did", async (t) => {
    const node = await startNode(t, { nginx_worker_processes: "2", proxy_error_log: "/dev/stderr" });
    await configureWalkthrough(t, node);
    const { data } = (await (await fetch(`${node.admin}/plugins`)).json()) as { data: { id: string; name: string }[] };
    const redis = {
      sentinels: setup.sentinels.map(({ port }) => ({ host, port })),
      master: "mymaster",
      password: "secret",
      sentinel_password: "watchword",
      connect_timeout: 500,
      read_timeout: 500,
    };
    // A use is written after a second, so that renewing is part of the load.
    const config = { storage: "redis", redis, touch_threshold: 1 };
    await node.change("PATCH", `/plugins/${data.find(({ name }) => name === "session")!.id}`, { config });
    await sleep(200);

    const visit = (cookie: string, query = "") => get(`${node.proxy}/app${query}`, { cookie });
    const cookieOf = ({ headers }: Answer) => headers["set-cookie"]?.[0]?.split(";")[0];
    const login = () => get(`${node.proxy}/app?apikey=open_sesame`);
    const cookies: string[] = [];
    for (let i = 0; i < VISITORS + LEAVERS + SLEEPERS; i++) cookies.push(cookieOf(await login())!);
    const visitors = cookies.slice(0, VISITORS);
    const leavers = cookies.slice(VISITORS, VISITORS + LEAVERS);
    const sleepers = cookies.slice(VISITORS + LEAVERS);
    // What only the old master has heard of dies with it; that is Redis's promise, and not what is tested here.
    const master = new Redis(setup.master.port, host, { password: "secret" });
    assert.equal(await master.wait(1, 2_000), 1);
    master.disconnect();

    const counts = new Map<number, number>();
    let isGoing = true;
    const note = (answer: Answer): number => {
      counts.set(answer.status, (counts.get(answer.status) ?? 0) + 1);
      if (answer.status !== 200) {
        assert.equal(answer.status, 503, `a signed-in visitor is told ${answer.status}: ${answer.body}`);
        assert.ok(Number(answer.headers["retry-after"]) > 0);
        assert.equal(answer.headers["set-cookie"], undefined, "a cookie is left alone in an outage");
      }
      return answer.status;
    };
    const traffic = Promise.all(
      visitors.map(async (first) => {
        let cookie = first;
        while (isGoing) {
          const answer = await visit(cookie);
          if (note(answer) === 200) cookie = cookieOf(answer) ?? cookie;
          await sleep(20);
        }
        return cookie;
      }),
    );
    await sleep(1500);
    assert.deepEqual([...counts.keys()], [200]);

    await setup.master.kill();
    const killedMs = performance.now();
    const logouts = Promise.all(
      leavers.map(async (cookie) => {
        for (let refused = 0; isGoing; refused++) {
          const answer = await visit(cookie, "?session_logout=1");
          if (note(answer) === 200) return refused;
          await sleep(50);
        }
        throw new Error("a visitor could not log out");
      }),
    );
    const arrivals = (async () => {
      const arrived: string[] = [];
      while (isGoing) {
        const answer = await login();
        const cookie = cookieOf(answer);
        if (cookie !== undefined) arrived.push(cookie);
        else note(answer);
        await sleep(50);
      }
      return arrived;
    })();

    await until(
      "the replica is master",
      async () => (await setup.masterPort()) === setup.replica.port,
      FAILED_OVER_WITHIN_MS,
    );
    const promotedMs = performance.now();
    await until("a login succeeds", async () => cookieOf(await login()) !== undefined, FAILED_OVER_WITHIN_MS);
    const refused = await logouts;
    const recoveredMs = performance.now();
    // The circuit breakers of both workers close again.
    const outages = () => counts.get(503) ?? 0;
    for (let before = -1; before !== outages(); await sleep(1000)) {
      assert.ok(performance.now() - recoveredMs < FAILED_OVER_WITHIN_MS, "visitors go on being told 503");
      before = outages();
    }
    isGoing = false;
    const [last, arrived] = await Promise.all([traffic, arrivals]);

    for (const cookie of [...last, ...sleepers, ...arrived]) assert.equal((await visit(cookie)).status, 200);
    for (const cookie of leavers) assert.equal((await visit(cookie)).status, 403, "who has logged out is out");
    assert.ok(outages() > 0, "the outage was noticed");
    assert.ok(
      refused.some((times) => times > 0),
      "who logged out in the outage was told that it failed",
    );
    t.diagnostic(
      `promoted after ${Math.round(promotedMs - killedMs)} ms, all logged out after ${Math.round(recoveredMs - killedMs)} ms; ` +
        `${counts.get(200)} answers of 200, ${outages()} of 503; ${arrived.length} logins in and after the outage`,
    );
  });
});
