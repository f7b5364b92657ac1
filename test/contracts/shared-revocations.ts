import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startEcho } from "../../src/cli/echo-server.ts";
import { connectToEach, get } from "../helpers/gateway-process.ts";
import { assertAllWithin, assertMostWithin, delayUntil, type Node, startNode, summarize } from "../helpers/nodes.ts";
import { byOperators, LOGOUT, refusals, startSeparateNodes, visit, wallSeconds } from "../helpers/separate-nodes.ts";
import { until } from "../helpers/servers.ts";
import type { StartedStorage, StorageKind } from "../helpers/storage-kinds.ts";
import { startTcpProxy } from "../helpers/tcp-proxy.ts";

const LOGOUTS = 15;
/** A node that asks for each request keeps visitors waiting so long at most. */
const timeouts = { connect_timeout: 1000, read_timeout: 1000 };

/** What holds for gateways that share what is revoked by one storage of this kind, and have nothing else in common. */
export function testSharedRevocations({ storage, lacks, start }: StorageKind): void {
  describe(`revocation over one storage, ${storage}`, { skip: lacks() }, () => {
    // What was revoked in this second is also what the next test would begin in it: the storage is the same.
    afterEach(() => sleep(1000 - (Date.now() % 1000)));

    let started: StartedStorage;
    before(async () => {
      started = await start();
    });
    after(() => started?.server.remove());

    /** Sessions in the cookies, unless told otherwise; what is revoked is in the storage. */
    const config = (more: object = {}, settings: object = {}) => ({
      ...{ storage: "cookie", revocation: true, revocation_storage: storage },
      ...{ [storage]: { ...started.settings, ...settings }, ...more },
    });
    const slow = storage === "cassandra" ? {} : timeouts;
    const patient = storage === "file" ? {} : slow;

    for (const own of [{}, { storage, revocation_storage: null }]) {
      it(`logouts and what operators end are effective everywhere within 100 ms, ${"storage" in own ? "sessions there, too" : "sessions in cookies"}`, async (t) => {
        const { nodes } = await startSeparateNodes(t, [config(own), config(own)]);
        const logouts: number[] = [];
        for (let i = 0; i < LOGOUTS; i++) {
          const cookie = await nodes[0]!.login();
          await visit(nodes, cookie, 200);
          assert.equal((await nodes[i % 2]!.get(LOGOUT, cookie)).status, 200);
          logouts.push(...(await refusals(nodes, cookie)));
        }
        const others: number[] = [];
        for (const end of byOperators) {
          // Times are in seconds, and the login must not be in that of the last one.
          await sleep(1100);
          const cookie = await nodes[0]!.login();
          await visit(nodes, cookie, 200);
          await end(nodes[0]!);
          others.push(...(await refusals(nodes, cookie)));
        }
        t.diagnostic(`logouts: ${summarize(logouts)}`);
        t.diagnostic(`by operators: ${summarize(others)}`);
        assertAllWithin(logouts);
        assertMostWithin(others);
      });
    }

    it("copies from before a renewal end, too", async (t) => {
      const clocks = { rolling_timeout: 12, idling_timeout: 0 };
      const { nodes } = await startSeparateNodes(t, [config(clocks), config(clocks)]);
      const [first, second] = nodes as [Node, Node];
      const copy = await first.login();
      await visit(nodes, copy, 200);
      await sleep(10_300);
      const renewal = await second.get("/app", copy);
      const renewed = renewal.headers["set-cookie"]![0]!.split(";", 1)[0]!;
      assert.notEqual(renewed, copy);
      assert.equal((await first.get("/app", copy)).status, 200);
      assert.equal((await first.get("/app", renewed)).status, 200);
      assert.equal((await second.get(LOGOUT, renewed)).status, 200);
      for (const cookie of [copy, renewed]) assertAllWithin(await refusals(nodes, cookie));
    });

    it("is known to a node that starts later, also when the storage has lost it meanwhile", async (t) => {
      const { nodes } = await startSeparateNodes(t, [config()]);
      const [first] = nodes as [Node];
      const [cookie, other] = [await first.login(), await first.login()];
      await visit(nodes, cookie, 200);
      assert.equal((await first.get(LOGOUT, cookie)).status, 200);
      await sleep(1100);
      await first.change("POST", "/sessions/revoke", { before: wallSeconds(), subject: "fiona" });
      const { nodes: later } = await startSeparateNodes(t, [config()]);
      for (const ended of [cookie, other]) await visit(later, ended, 403);
      await started.empty();
      for (const ended of [cookie, other]) await visit([...nodes, ...later], ended, 403);
      // They write it again in the second after they have noticed.
      await sleep(2000);
      for (const node of [...nodes, ...later]) process.kill(-node.child.pid!, "SIGKILL");
      const { nodes: last } = await startSeparateNodes(t, [config()]);
      for (const ended of [cookie, other]) await visit(last, ended, 403);
    });

    it("is shared by nodes without a database", async (t) => {
      const echo = await startEcho({ port: 0 });
      t.after(() => echo.close());
      const session = { secret: "one secret", cookie_secure: false, logout_methods: ["GET"], ...config() };
      const declared = {
        _format_version: "3.0",
        services: [{ name: "app", url: `http://127.0.0.1:${echo.port}`, routes: [{ name: "app", paths: ["/app"] }] }],
        consumers: [{ username: "fiona", keyauth_credentials: [{ key: "open_sesame" }] }, { username: "anonymous" }],
        plugins: [
          { name: "key-auth", config: { anonymous: "anonymous" } },
          { name: "session", config: session },
          { name: "request-termination", consumer: "anonymous", config: { status_code: 403 } },
        ],
      };
      const settings = { database: "off", declarative_config_string: JSON.stringify(declared) };
      const nodes = await Promise.all([1, 2].map(() => startNode(t, settings)));
      const [first, second] = nodes as [Node, Node];
      await sleep(1100);
      for (const [end, assertTimely] of [
        [(cookie: string) => second.get(LOGOUT, cookie), assertAllWithin],
        [() => byOperators[0]!(first), assertMostWithin],
      ] as const) {
        const cookie = await first.login();
        await visit(nodes, cookie, 200);
        await end(cookie);
        assertTimely(await refusals(nodes, cookie));
      }
    });

    it("is one for all processes of a node", async (t) => {
      const { nodes } = await startSeparateNodes(t, [config()], { nginx_worker_processes: "2" });
      const node = nodes[0]!;
      const agents = await connectToEach(t, node);
      const asks = (cookie: string) => agents.map((agent) => () => get(`${node.proxy}/app`, { cookie }, agent));
      for (const end of [(cookie: string) => node.get(LOGOUT, cookie), () => byOperators[2]!(node)]) {
        const cookie = await node.login();
        for (const ask of asks(cookie)) for (let i = 0; i < 3; i++) assert.equal((await ask()).status, 200);
        await end(cookie);
        assertAllWithin(await Promise.all(asks(cookie).map((ask) => delayUntil(403, ask))));
      }
    });

    it("tells what made room for a newer login apart, also to a node that starts later", async (t) => {
      const limited = { ...config(), max_sessions: 1, max_sessions_policy: "evict_oldest" };
      const { nodes } = await startSeparateNodes(t, [limited, limited]);
      const old = await nodes[0]!.login();
      await visit(nodes, old, 200);
      const latest = await nodes[0]!.login();
      await refusals(nodes, old);
      assert.equal((await nodes[0]!.get(LOGOUT, latest)).status, 200);
      await refusals(nodes, latest);
      const { nodes: later } = await startSeparateNodes(t, [limited]);
      for (const node of [nodes[1]!, later[0]!]) {
        for (const [cookie, reason] of [
          [old, "replaced"],
          [latest, "revoked"],
        ] as const) {
          const count = async () => {
            const text = await (await fetch(`${node.status}/metrics`)).text();
            return Number(text.match(`sesame_sessions_refused_total{reason="${reason}"} (\\d+)`)?.[1] ?? 0);
          };
          const before = await count();
          assert.equal((await node.get("/app", cookie)).status, 403);
          assert.equal((await count()) - before, 1, reason);
        }
      }
    });

    it("is caught up with by a node that slept, before it answers", async (t) => {
      // The last test has ended what is opened in this second.
      await sleep(1100);
      const { nodes } = await startSeparateNodes(t, [config(), config()]);
      const [first, sleeper] = nodes as [Node, Node];
      for (let i = 0; i < 5; i++) {
        const cookie = await first.login();
        await visit(nodes, cookie, 200);
        sleeper.freeze();
        const asked = sleeper.get("/app", cookie);
        assert.equal((await first.get(LOGOUT, cookie)).status, 200);
        await sleep(300);
        sleeper.thaw();
        assert.equal((await asked).status, 403);
      }
    });

    // There is no link to a folder.
    if (storage !== "file") {
      it("is asked for by a node that hears nothing any more, and sessions are 503 while that is not answered", async (t) => {
        const { port } = started.server;
        const proxy = await startTcpProxy(t, port);
        const { nodes } = await startSeparateNodes(t, [config(), config({}, { port: proxy.port, ...slow })]);
        const [near, cutOff] = nodes as [Node, Node];
        const cookie = await near.login();
        await visit(nodes, cookie, 200);
        proxy.block();
        const delay = await delayUntil(503, () => cutOff.get("/app", cookie));
        t.diagnostic(`asked after ${delay.toFixed(1)} ms`);
        assertAllWithin([delay]);
        assert.equal((await near.get(LOGOUT, cookie)).status, 200);
        assert.equal((await cutOff.get(LOGOUT, cookie)).status, 503, "a logout that others do not hear of is none");
        proxy.open();
        await until("it is asked again", async () => (await cutOff.get("/app", cookie)).status !== 503);
        assert.equal((await cutOff.get("/app", cookie)).status, 403);
      });
    }

    // As the last one: a storage in memory has lost everything then.
    it("gets what was revoked while it was down", async (t) => {
      const { nodes } = await startSeparateNodes(t, [config({}, patient), config({}, patient)]);
      const [first, second] = nodes as [Node, Node];
      const cookie = await first.login();
      await visit(nodes, cookie, 200);
      await started.server.kill();
      await until("a logout is not reported as done", async () => (await first.get(LOGOUT, cookie)).status === 503);
      await first.change("DELETE", "/consumers/fiona/sessions");
      assert.equal((await first.get("/app", cookie)).status, 403);
      await until("nobody is let in unasked", async () => (await second.get("/app", cookie)).status === 503);
      await started.server.start();
      await until("it was passed on", async () => (await second.get("/app", cookie)).status === 403);
    });
  });
}
