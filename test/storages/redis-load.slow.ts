import assert from "node:assert/strict";
import { Agent } from "node:http";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "iovalkey";
import { get } from "../helpers/gateway-process.ts";
import { summarize, WITHIN_MS } from "../helpers/nodes.ts";
import { startRedis } from "../helpers/redis-servers.ts";
import { LOGOUT, startSeparateNodes } from "../helpers/separate-nodes.ts";
import { lacking } from "../helpers/servers.ts";
import { startTcpProxy } from "../helpers/tcp-proxy.ts";

const VISITORS = 30;
const LOAD_MS = 12_000;
const host = "127.0.0.1";

/** What is known of one session in the model. */
interface Known {
  readonly cookie: string;
  /** When its end was asked for, and when that was answered. */
  endingMs: number;
  endedMs: number;
}

for (const storage of ["redis", "cookie"]) {
  describe(`three nodes on one Redis under load, storage ${storage}`, { skip: lacking("redis-server") }, () => {
    it("give no wrong answer and lose no session, while links break or go dark, the server halts and nodes sleep", async (t) => {
      const server = await startRedis();
      const admin = new Redis(server.port, host);
      t.after(() => {
        admin.disconnect();
        return server.remove();
      });
      const proxy = await startTcpProxy(t, server.port);
      const config = (port: number) => ({ storage, revocation: true, redis: { host, port } });
      const { nodes } = await startSeparateNodes(t, [server.port, server.port, proxy.port].map(config));
      const agent = new Agent({ keepAlive: true });
      t.after(() => agent.destroy());

      const count = { visits: 0, logins: 0, ends: 0, unavailable: 0 };
      const delays: number[] = [];
      const wrong: string[] = [];
      let isOver = false;
      const random = <T>(list: readonly T[]): T => list[Math.floor(Math.random() * list.length)]!;
      const ask = (path: string, cookie?: string) =>
        get(random(nodes).proxy + path, cookie === undefined ? {} : { cookie }, agent);

      async function login(): Promise<Known | undefined> {
        const answer = await ask("/app?apikey=open_sesame");
        if (answer.status === 503) return void count.unavailable++;
        assert.equal(answer.status, 200, answer.body);
        count.logins++;
        const cookie = answer.headers["set-cookie"]![0]!.split(";")[0]!;
        return { cookie, endingMs: Number.POSITIVE_INFINITY, endedMs: Number.POSITIVE_INFINITY };
      }

      async function look(session: Known): Promise<void> {
        const askedMs = performance.now();
        const { status } = await ask("/app", session.cookie);
        count.visits++;
        if (status === 503) count.unavailable++;
        else if (status === 200 && askedMs > session.endedMs) {
          delays.push(askedMs - session.endedMs);
          if (askedMs > session.endedMs + WITHIN_MS) wrong.push(`served ${askedMs - session.endedMs} ms after its end`);
        } else if (status === 403 && performance.now() < session.endingMs) wrong.push("lost");
        else assert.ok(status === 200 || status === 403, String(status));
      }

      async function visitor(): Promise<void> {
        while (!isOver) {
          const session = await login();
          if (!session) continue;
          const glances = async () => {
            // While it lives, at its end, and until well after.
            while (!isOver && performance.now() < session.endedMs + 5 * WITHIN_MS) await look(session);
          };
          const looking = Promise.all([glances(), glances()]);
          await sleep(Math.random() * 600);
          for (let isDone = false; !isDone && !isOver; ) {
            session.endingMs = Math.min(session.endingMs, performance.now());
            const { status } = await ask(LOGOUT, session.cookie);
            // Who is told 503 may be logged out by now, or not.
            if (status === 503) count.unavailable++;
            else {
              session.endedMs = performance.now();
              count.ends++;
              isDone = true;
            }
          }
          await looking;
        }
      }

      const mishaps: readonly (() => Promise<unknown>)[] = [
        () => admin.call("CLIENT", "KILL", "TYPE", "pubsub"),
        () => admin.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"),
        async () => {
          server.freeze();
          await sleep(150);
          server.thaw();
        },
        async () => {
          proxy.block();
          await sleep(400);
          proxy.open();
        },
        async () => {
          const node = random(nodes);
          node.freeze();
          await sleep(250);
          node.thaw();
        },
      ];
      async function trouble(): Promise<void> {
        while (!isOver) {
          await sleep(400);
          await random(mishaps)();
        }
      }

      const all = Promise.all([trouble(), ...Array.from({ length: VISITORS }, visitor)]);
      await Promise.race([sleep(LOAD_MS), all]);
      isOver = true;
      await all;
      t.diagnostic(JSON.stringify(count));
      if (delays.length > 0) t.diagnostic(`served after the end: ${summarize(delays)}`);
      assert.deepEqual(wrong, []);
      assert.ok(count.ends > 0 && count.visits > count.ends);
    });
  });
}
