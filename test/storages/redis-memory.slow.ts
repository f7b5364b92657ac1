import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "iovalkey";
import { type OpenedRedis, openRedis } from "../../src/plugins/session/clients/redis.ts";
import { RedisWatch } from "../../src/plugins/session/clients/redis-watch.ts";
import { assertAllWithin, delayUntil, type Node, summarize } from "../helpers/nodes.ts";
import { type ClusterSetup, startCluster, startRedis, startSentinels, useRedis } from "../helpers/redis-servers.ts";
import { LOGOUT, startSeparateNodes } from "../helpers/separate-nodes.ts";
import { lacking, until } from "../helpers/servers.ts";
import { startTcpProxy } from "../helpers/tcp-proxy.ts";

// Sessions in Redis that gateways answer for from memory. The nodes have nothing in common but the Redis.

const host = "127.0.0.1";

/** How often servers of Redis were asked for a key's value so far. */
async function gets(...servers: readonly Redis[]): Promise<number> {
  let sum = 0;
  for (const redis of servers)
    sum += Number(/cmdstat_get:calls=(\d+)/.exec(await redis.info("commandstats"))?.[1] ?? 0);
  return sum;
}

/** Wait until a visitor is answered for from memory: fifty requests in a row without a GET. */
async function untilRemembered(node: Node, cookie: string, ...servers: readonly Redis[]): Promise<void> {
  await until("the visitor is known without asking", async () => {
    const asked = await gets(...servers);
    for (let i = 0; i < 50; i++) assert.equal((await node.get("/app", cookie)).status, 200);
    return (await gets(...servers)) === asked;
  });
}

const keyOf = async (redis: Redis): Promise<string> => {
  const keys = (await redis.keys("session:*")).filter((key) => !key.includes("@"));
  assert.equal(keys.length, 1, keys.join());
  return keys[0]!;
};

describe("sessions in one Redis, answered from memory", { skip: lacking("redis-server") }, () => {
  const used = useRedis();
  const config = (more: object = {}) => ({ storage: "redis", redis: { host, port: used.server.port, ...more } });

  it("end everywhere within 100 ms", async (t) => {
    const { nodes } = await startSeparateNodes(t, [config(), config(), config()]);
    const delays: number[] = [];
    for (let i = 0; i < 60; i++) {
      const cookie = await nodes[0]!.login();
      for (const node of nodes) for (let j = 0; j < 3; j++) assert.equal((await node.get("/app", cookie)).status, 200);
      if (i === 0) for (const node of nodes) await untilRemembered(node, cookie, used.redis);
      assert.equal((await nodes[i % 3]!.get(LOGOUT, cookie)).status, 200);
      delays.push(...(await Promise.all(nodes.map((node) => delayUntil(403, () => node.get("/app", cookie))))));
    }
    t.diagnostic(summarize(delays));
    assertAllWithin(delays);
  });

  it("end when anybody deletes them, lets them run out or empties the server", async (t) => {
    const { nodes } = await startSeparateNodes(t, [config()]);
    const node = nodes[0]!;
    const ends: readonly [how: string, end: (key: string) => Promise<unknown>, afterMs: number][] = [
      ["DEL", (key) => used.redis.del(key), 0],
      ["RENAME", (key) => used.redis.rename(key, "elsewhere"), 0],
      ["PEXPIRE", (key) => used.redis.pexpire(key, 1200), 1200],
      ["FLUSHALL", () => used.redis.flushall(), 0],
    ];
    for (const [how, end, afterMs] of ends) {
      await used.redis.flushall();
      const cookie = await node.login();
      await untilRemembered(node, cookie, used.redis);
      await end(await keyOf(used.redis));
      for (let i = 0; i < 3 && afterMs > 0; i++) assert.equal((await node.get("/app", cookie)).status, 200);
      await sleep(afterMs);
      const delay = await delayUntil(403, () => node.get("/app", cookie));
      t.diagnostic(`${how}: ${delay.toFixed(1)} ms`);
      assertAllWithin([delay]);
    }
  });

  it("are not served by a node that slept while they ended", async (t) => {
    await used.redis.flushall();
    const { nodes } = await startSeparateNodes(t, [config(), config()]);
    const [first, sleeper] = nodes as [Node, Node];
    for (let i = 0; i < 5; i++) {
      const cookie = await first.login();
      await untilRemembered(sleeper, cookie, used.redis);
      sleeper.freeze();
      const asked = sleeper.get("/app", cookie);
      assert.equal((await first.get(LOGOUT, cookie)).status, 200);
      await sleep(300);
      sleeper.thaw();
      assert.equal((await asked).status, 403);
    }
  });

  it("are asked for by a node that hears nothing any more, and are 503 while that is not answered", async (t) => {
    await used.redis.flushall();
    const proxy = await startTcpProxy(t, used.server.port);
    const far = config({ port: proxy.port, connect_timeout: 1000, read_timeout: 1000 });
    const { nodes } = await startSeparateNodes(t, [config(), far]);
    const [near, cutOff] = nodes as [Node, Node];
    const cookie = await near.login();
    await untilRemembered(cutOff, cookie, used.redis);
    proxy.block();
    const delay = await delayUntil(503, () => cutOff.get("/app", cookie));
    t.diagnostic(`asked after ${delay.toFixed(1)} ms`);
    assertAllWithin([delay]);
    assert.equal((await near.get(LOGOUT, cookie)).status, 200);
    assert.equal((await cutOff.get("/app", cookie)).status, 503);
    proxy.open();
    await until("it is asked again", async () => (await cutOff.get("/app", cookie)).status !== 503);
    assert.equal((await cutOff.get("/app", cookie)).status, 403);
    const next = await near.login();
    await untilRemembered(cutOff, next, used.redis);
  });

  it("are void when the link is lost, and remembered again when there is another one", async (t) => {
    await used.redis.flushall();
    const { nodes } = await startSeparateNodes(t, [config()]);
    const node = nodes[0]!;
    const cookie = await node.login();
    await untilRemembered(node, cookie, used.redis);
    const asked = await gets(used.redis);
    await used.redis.call("CLIENT", "KILL", "TYPE", "pubsub");
    await sleep(5);
    assert.equal((await node.get("/app", cookie)).status, 200);
    assert.equal(await gets(used.redis), asked + 1);
    await untilRemembered(node, cookie, used.redis);
    assert.match(node.errors(), /changes in Redis are not heard of/);
    assert.match(node.errors(), /heard of again/);
    await used.server.kill();
    assert.notEqual((await node.get("/app", cookie)).status, 200);
    await used.server.start();
    await until("it is asked", async () => (await node.get("/app", cookie)).status === 403);
  });

  it("that were read before they ended are not remembered, whenever the answer comes", async () => {
    await used.redis.flushall();
    const client = openRedis({ port: used.server.port });
    const gate = { isClosed: false, opened: Promise.withResolvers<void>() };
    // Answers that the server has given arrive when the gate is opened.
    const late: OpenedRedis = {
      ...client,
      async servers() {
        const servers = await client.servers();
        const only = servers.get("")!;
        const command = async (args: readonly string[]) => {
          const answer = await only.command(args);
          if (args[0] === "GET" && gate.isClosed) await gate.opened.promise;
          return answer;
        };
        return { ...servers, get: () => ({ ...only, command }) };
      },
    };
    const watch = new RedisWatch(late, { name: "session", log: { warn: assert.fail } as never });
    await watch.command(["SET", "session:a", "text"]);
    await until("there is a link", () => watch.isCurrent());
    assert.equal(await watch.command(["GET", "session:a"]), "text");
    assert.equal(watch.watch("a")!(), true);
    await watch.command(["UNLINK", "session:a"]);
    assert.equal(watch.watch("a"), undefined, "what this process does it knows at once");
    await watch.command(["SET", "session:a", "text"]);
    gate.isClosed = true;
    const read = watch.command(["GET", "session:a"]);
    await sleep(50);
    await used.redis.del("session:a");
    await sleep(50);
    gate.opened.resolve();
    assert.equal(await read, "text");
    assert.equal(watch.watch("a"), undefined);
    await watch.close();
  });

  it("leave no connection behind when the plugin is changed", async (t) => {
    await used.redis.flushall();
    const { nodes, plugin } = await startSeparateNodes(t, [config()]);
    const node = nodes[0]!;
    const connections = async () => ((await used.redis.call("CLIENT", "LIST")) as string).trim().split("\n").length;
    const before = await connections();
    const cookie = await node.login();
    await untilRemembered(node, cookie, used.redis);
    assert.equal(await connections(), before + 2);
    for (const idling_timeout of [800, 700, 600]) {
      await node.change("PATCH", plugin, { config: { idling_timeout } });
      await untilRemembered(node, cookie, used.redis);
    }
    await until("the old ones are closed", async () => (await connections()) === before + 2);
    await node.change("DELETE", plugin);
    await until("all are closed", async () => (await connections()) === before);
  });
});

describe("sessions in a Redis that does not tell of changes", { skip: lacking("redis-server") }, () => {
  it("are asked for with each request, which the log says once", async (t) => {
    const commands = "+get +set +ttl +expire +unlink";
    const users = ["user default off", `user sesame on >secret ~* ${commands}`, "user admin on >admin ~* &* +@all"];
    const server = await startRedis(users);
    const redis = new Redis(server.port, host, { username: "admin", password: "admin" });
    t.after(() => {
      redis.disconnect();
      return server.remove();
    });
    const account = { username: "sesame", password: "secret" };
    const { nodes } = await startSeparateNodes(t, [
      { storage: "redis", redis: { host, port: server.port, ...account } },
    ]);
    const node = nodes[0]!;
    const cookie = await node.login();
    await until("it is said", () => /changes in Redis are not heard of.*NOPERM/s.test(node.errors()));
    const asked = await gets(redis);
    for (let i = 0; i < 20; i++) assert.equal((await node.get("/app", cookie)).status, 200);
    assert.equal((await gets(redis)) - asked, 20);
    await redis.del(await keyOf(redis));
    assert.equal((await node.get("/app", cookie)).status, 403);
    assert.equal(node.errors().match(/changes in Redis are not heard of/g)?.length, 1);
  });

  it("are remembered by a user who has the rights", async (t) => {
    const rights = "+get +set +ttl +expire +unlink +ping +subscribe +client|id +client|tracking";
    const user = `user sesame on >secret ~session:* resetchannels &__redis__:invalidate ${rights}`;
    const server = await startRedis(["user default off", user, "user admin on >admin ~* &* +@all"]);
    const redis = new Redis(server.port, host, { username: "admin", password: "admin" });
    t.after(() => {
      redis.disconnect();
      return server.remove();
    });
    const account = { username: "sesame", password: "secret" };
    const { nodes } = await startSeparateNodes(t, [
      { storage: "redis", redis: { host, port: server.port, ...account } },
    ]);
    const cookie = await nodes[0]!.login();
    await untilRemembered(nodes[0]!, cookie, redis);
  });
});

describe("sessions by Sentinels, answered from memory", { skip: lacking("redis-server", "redis-sentinel") }, () => {
  it("outlive their master, and what ended meanwhile is not served", async (t) => {
    const setup = await startSentinels("secret", "watchword");
    const [master, replica] = [setup.master, setup.replica].map(
      ({ port }) => new Redis(port, host, { password: "secret" }),
    );
    for (const redis of [master!, replica!]) redis.on("error", () => undefined);
    t.after(() => {
      master!.disconnect();
      replica!.disconnect();
      return setup.remove();
    });
    const redis = {
      ...{ sentinels: setup.sentinels.map(({ port }) => ({ host, port })), master: "mymaster", password: "secret" },
      ...{ sentinel_password: "watchword", connect_timeout: 1000, read_timeout: 1000 },
    };
    const { nodes } = await startSeparateNodes(t, [
      { storage: "redis", redis },
      { storage: "redis", redis },
    ]);
    const cookies = [await nodes[0]!.login(), await nodes[0]!.login()] as const;
    for (const node of nodes) for (const cookie of cookies) await untilRemembered(node, cookie, master!);
    assert.equal(await master!.wait(1, 2_000), 1);
    await setup.master.kill();
    await until("the replica is master", async () => (await setup.masterPort()) === setup.replica.port, 20_000);
    await until("a logout is possible", async () => (await nodes[0]!.get(LOGOUT, cookies[0])).status === 200, 20_000);
    await until("the other node goes on", async () => (await nodes[1]!.get("/app", cookies[1])).status === 200, 20_000);
    assert.equal((await nodes[1]!.get("/app", cookies[0])).status, 403);
    await untilRemembered(nodes[1]!, cookies[1], replica!);
    assert.equal((await nodes[0]!.get(LOGOUT, cookies[1])).status, 200);
    assertAllWithin([await delayUntil(403, () => nodes[1]!.get("/app", cookies[1]))]);
  });
});

describe("sessions in a Redis Cluster, answered from memory", { skip: lacking("redis-server") }, () => {
  let cluster: ClusterSetup;
  const masters: Redis[] = [];
  before(async () => {
    cluster = await startCluster();
    for (const { port } of cluster.masters) masters.push(new Redis(port, host));
    for (const redis of masters) redis.on("error", () => undefined);
  });
  after(async () => {
    for (const redis of masters) redis.disconnect();
    await cluster?.remove();
  });
  const config = () => ({
    storage: "redis",
    redis: {
      nodes: cluster.masters.map(({ port }) => ({ ip: host, port })),
      connect_timeout: 1000,
      read_timeout: 1000,
    },
  });

  it("end everywhere within 100 ms, whichever master has them", async (t) => {
    const { nodes } = await startSeparateNodes(t, [config(), config()]);
    const delays: number[] = [];
    for (let i = 0; i < 30; i++) {
      const cookie = await nodes[0]!.login();
      for (const node of nodes) for (let j = 0; j < 3; j++) assert.equal((await node.get("/app", cookie)).status, 200);
      if (i < 5) for (const node of nodes) await untilRemembered(node, cookie, ...masters);
      assert.equal((await nodes[i % 2]!.get(LOGOUT, cookie)).status, 200);
      delays.push(...(await Promise.all(nodes.map((node) => delayUntil(403, () => node.get("/app", cookie))))));
    }
    t.diagnostic(summarize(delays));
    assertAllWithin(delays);
  });

  it("that move to another master are followed there", async (t) => {
    const { nodes } = await startSeparateNodes(t, [config()]);
    const node = nodes[0]!;
    for (const redis of masters) await redis.flushall();
    const cookie = await node.login();
    await untilRemembered(node, cookie, ...masters);
    const counts = await Promise.all(masters.map((redis) => redis.keys("session:*")));
    const from = counts.findIndex((keys) => keys.some((key) => !key.includes("@")));
    const [source, target] = [masters[from]!, masters[(from + 1) % masters.length]!];
    const key = await keyOf(source);
    const slot = Number(await source.call("CLUSTER", "KEYSLOT", key));
    const idOf = async (redis: Redis) => String(await redis.call("CLUSTER", "MYID"));
    await target.call("CLUSTER", "SETSLOT", slot, "IMPORTING", await idOf(source));
    await source.call("CLUSTER", "SETSLOT", slot, "MIGRATING", await idOf(target));
    await source.call("MIGRATE", host, target.options.port!, key, 0, 1000);
    // In between the one sends those who ask to the other, and memory knows nothing.
    assert.equal((await node.get("/app", cookie)).status, 200);
    await target.pipeline([["asking"], ["del", key]]).exec();
    assert.equal((await node.get("/app", cookie)).status, 403);
    for (const redis of [target, source]) await redis.call("CLUSTER", "SETSLOT", slot, "NODE", await idOf(target));
    const next = await node.login();
    await untilRemembered(node, next, ...masters);
  });

  it("of a master that died are out of reach, those of the others are not", async (t) => {
    const { nodes } = await startSeparateNodes(t, [config()]);
    const node = nodes[0]!;
    for (const redis of masters) await redis.flushall();
    const cookies: string[] = [];
    for (let i = 0; i < 12; i++) cookies.push(await node.login());
    for (const cookie of cookies) await untilRemembered(node, cookie, ...masters);
    await cluster.masters[0]!.kill();
    await sleep(50);
    const statuses = new Map<number, number>();
    for (const cookie of cookies) {
      const { status } = await node.get("/app", cookie);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
    t.diagnostic(JSON.stringify([...statuses]));
    assert.ok((statuses.get(200) ?? 0) > 0);
    assert.ok((statuses.get(503) ?? 0) > 0);
    await cluster.masters[0]!.start();
    await until("its sessions are gone", async () => {
      const answers = await Promise.all(cookies.map((cookie) => node.get("/app", cookie)));
      return answers.every(({ status }) => status === 200 || status === 403);
    });
  });
});
