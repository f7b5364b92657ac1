import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createStores, openSqlite } from "../../src/database/index.ts";
import { createLookups } from "../../src/gateway/index.ts";
import { plugins } from "../../src/plugins/index.ts";
import { openRedis } from "../../src/plugins/session/clients/redis.ts";
import { RedisWatch } from "../../src/plugins/session/clients/redis-watch.ts";
import { Revocations } from "../../src/plugins/session/revocations.ts";
import { RedisList } from "../../src/plugins/session/revocations-redis.ts";
import { SharedRevocations } from "../../src/plugins/session/revocations-shared.ts";
import { redisStorage } from "../../src/session/index.ts";
import { assertAllWithin, type Node, summarize } from "../helpers/nodes.ts";
import { startCluster, useRedis } from "../helpers/redis-servers.ts";
import { LOGOUT, refusals, startSeparateNodes, visit, wallSeconds } from "../helpers/separate-nodes.ts";
import { lacking, until } from "../helpers/servers.ts";

// A deny list in Redis, shared by gateways that have nothing else in common.

/** Entries of a long list. */
const COUNT = 300_000;
const host = "127.0.0.1";

describe("a deny list in Redis", { skip: lacking("redis-server") }, () => {
  const used = useRedis();
  const config = (settings: object = {}) => ({
    ...{ storage: "cookie", revocation: true },
    redis: { host, port: used.server.port, connect_timeout: 1000, read_timeout: 1000, ...settings },
  });
  const listed = async () => (await used.redis.keys("session:sesame@revoked:*")).length;

  it("is known to a node that starts later, also when Redis has lost it meanwhile", async (t) => {
    await used.redis.flushall();
    const { nodes } = await startSeparateNodes(t, [config()]);
    const [first] = nodes as [Node];
    const [cookie, other] = [await first.login(), await first.login()];
    await visit(nodes, cookie, 200);
    assert.equal((await first.get(LOGOUT, cookie)).status, 200);
    await sleep(1100);
    await first.change("POST", "/sessions/revoke", { before: wallSeconds(), subject: "fiona" });
    await until("both are in Redis", async () => (await listed()) === 2);
    const { nodes: later } = await startSeparateNodes(t, [config()]);
    for (const ended of [cookie, other]) await visit(later, ended, 403);
    await used.redis.flushall();
    await until("both are in Redis again", async () => (await listed()) === 2);
    const { nodes: last } = await startSeparateNodes(t, [config()]);
    for (const ended of [cookie, other]) await visit(last, ended, 403);
  });

  it("is read in turns when it is long", async (t) => {
    await used.redis.flushall();
    for (let from = 0; from < COUNT; from += 10_000) {
      const entries = Array.from({ length: 10_000 }, (_, i) => [wallSeconds() + 9000, `lineage:tabcde.${from + i}`]);
      await used.redis.zadd("session:sesame@revoked", ...(entries.flat() as [number, string]));
    }
    const database = openSqlite({ file: ":memory:" });
    const lookups = createLookups(await createStores(database, { plugins }));
    const revocations = new Revocations(lookups);
    const log = { warn: assert.fail } as never;
    const watch = new RedisWatch(openRedis({ port: used.server.port }), { name: "session", log });
    const storage = redisStorage({ client: watch });
    const keeper = { storage, redis: watch, watch: () => undefined, retryAfter: () => 0 };
    const startMs = performance.now();
    const redis = new RedisList({ denied: revocations.denied, keeper, name: "session" });
    const list = new SharedRevocations({ database: revocations, list: redis, where: "redis", log });
    t.after(async () => {
      list.close();
      await watch.close();
      lookups.close();
      await database.close();
    });
    const accused = { lineage: "tabcde.x", since: 0, cutOffs: [] };
    let longestMs = 0;
    while (list.recall(accused, wallSeconds()) === undefined) {
      const turnMs = performance.now();
      await new Promise(setImmediate);
      longestMs = Math.max(longestMs, performance.now() - turnMs);
    }
    assert.equal(revocations.size, COUNT);
    assert.equal(list.recall({ ...accused, lineage: "tabcde.7" }, wallSeconds()), true);
    const readMs = performance.now() - startMs;
    t.diagnostic(`${COUNT} read in ${readMs.toFixed(0)} ms, requests waited ${longestMs.toFixed(1)} ms at most`);
    assert.ok(longestMs < 500);
  });

  it("never goes back to an earlier time", async (t) => {
    await used.redis.flushall();
    const { nodes } = await startSeparateNodes(t, [config(), config()]);
    const [first, second] = nodes as [Node, Node];
    const cookie = await first.login();
    await visit(nodes, cookie, 200);
    await sleep(1100);
    const before = wallSeconds();
    const key = 'session:sesame@revoked:[null,"fiona"]';
    const stored = async () => JSON.parse((await used.redis.get(key)) ?? "{}").before;
    await first.change("POST", "/sessions/revoke", { before, subject: "fiona" });
    await refusals(nodes, cookie);
    await second.change("POST", "/sessions/revoke", { before: before - 1000, subject: "fiona" });
    await used.redis.set(key, JSON.stringify({ before: before - 500, expires: before + 5000 }));
    await until("the later time is there again", async () => (await stored()) === before);
    await visit(nodes, cookie, 403);
  });

  it("is left alone by what is none of it", async (t) => {
    await used.redis.flushall();
    const { nodes } = await startSeparateNodes(t, [config()]);
    const cookie = await nodes[0]!.login();
    await visit(nodes, cookie, 200);
    for (const text of ["", "x", "null", "[]", '{"before":"now","expires":1}', '{"before":null}']) {
      await used.redis.set('session:sesame@revoked:[null,"fiona"]', text);
      await used.redis.set("session:sesame@revoked:lineage:x", text);
      await visit(nodes, cookie, 200);
    }
    await used.redis.zadd("session:sesame@revoked", "inf", "lineage:y", wallSeconds() + 100, "[null,null]");
    const { nodes: later } = await startSeparateNodes(t, [config()]);
    await visit(later, cookie, 200);
  });

  it("in a cluster is one list", async (t) => {
    const cluster = await startCluster();
    t.after(() => cluster.remove());
    const settings = { host: null, port: null, nodes: cluster.masters.map(({ port }) => ({ ip: host, port })) };
    const { nodes } = await startSeparateNodes(t, [config(settings), config(settings)]);
    const delays: number[] = [];
    for (let i = 0; i < 10; i++) {
      const cookie = await nodes[0]!.login();
      await visit(nodes, cookie, 200);
      assert.equal((await nodes[i % 2]!.get(LOGOUT, cookie)).status, 200);
      delays.push(...(await refusals(nodes, cookie)));
    }
    t.diagnostic(summarize(delays));
    assertAllWithin(delays);
    const cookie = await nodes[0]!.login();
    await visit(nodes, cookie, 200);
    assert.equal((await nodes[0]!.get(LOGOUT, cookie)).status, 200);
    const { nodes: later } = await startSeparateNodes(t, [config(settings)]);
    await visit(later, cookie, 403);
  });
});
