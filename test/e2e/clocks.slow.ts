import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { inspectHeader } from "../../src/session/index.ts";
import { temporaryFolder } from "../helpers/gateway-process.ts";
import {
  assertAllWithin,
  configureWalkthrough,
  databaseSettings,
  delayUntil,
  migrateUp,
  type Node,
  startNode,
} from "../helpers/nodes.ts";
import { lacking } from "../helpers/servers.ts";
import { type SqlServer, startPostgres } from "../helpers/sql-servers.ts";

/** Seconds by which the clock of the second node is ahead of that of the first. */
const AHEAD = 120;

// Kong's defaults, in seconds.
const IDLING = 900;
const ABSOLUTE = 86_400;

const preload = new URL("../helpers/shifted-clock.ts", import.meta.url).href;

describe("clocks that are two minutes off", { skip: lacking("postgres", "initdb") }, () => {
  let server: SqlServer;
  let schemas = 0;
  before(async () => {
    server = await startPostgres("password");
  });
  after(() => server?.remove());

  /** Two nodes, and how to let time pass on both. */
  async function start(t: TestContext, config: object) {
    const settings = databaseSettings(server, `clocks_${++schemas}`);
    await migrateUp(settings);
    const folder = temporaryFolder(t);
    const clocks = [0, AHEAD].map((shift, index) => ({ shift, file: join(folder, `clock-${index}`) }));
    for (const { shift, file } of clocks) writeFileSync(file, String(shift));
    const starting = clocks.map(({ file }) =>
      startNode(t, settings, { NODE_OPTIONS: `--import=${preload}`, TEST_CLOCK_FILE: file }),
    );
    const [right, ahead] = (await Promise.all(starting)) as [Node, Node];
    await configureWalkthrough(t, right);
    const { data } = (await (await fetch(`${right.admin}/plugins`)).json()) as { data: { id: string; name: string }[] };
    const { id } = data.find(({ name }) => name === "session")!;
    const change = async (settings: object) => {
      await right.change("PATCH", `/plugins/${id}`, { config: settings });
      await sleep(200);
    };
    await change(config);
    let passed = 0;
    const pass = async (seconds: number) => {
      passed += seconds;
      for (const { shift, file } of clocks) writeFileSync(file, String(shift + passed));
      await sleep(100);
    };
    return { right, ahead, nodes: [right, ahead], pass, change };
  }

  const isKnown = async (node: Node, cookie: string) => (await node.get("/app", cookie)).status === 200;

  for (const config of [
    { storage: "kong", store_metadata: true },
    { storage: "cookie", revocation: true },
  ]) {
    it(`log nobody out and let nobody stay, storage ${config.storage}`, async (t) => {
      const { right, ahead, nodes, pass, change } = await start(t, config);

      await t.test("who goes from one node to the other stays, through touches and renewals", async () => {
        for (const first of nodes) {
          let cookie = await first.login();
          const sessions = new Set<string>();
          const visit = async (node: Node) => {
            const answer = await node.get("/app", cookie);
            assert.equal(answer.status, 200);
            cookie = answer.headers["set-cookie"]?.[0]?.split(";")[0] ?? cookie;
            sessions.add(inspectSession(cookie));
          };
          // Every five minutes, so that renewals happen, at either node, for more than two hours.
          for (let i = 0; i < 30; i++) {
            for (const node of i % 2 === 0 ? nodes : nodes.toReversed()) await visit(node);
            await pass(300);
          }
          assert.ok(sessions.size >= 3, "there were renewals");
        }
      });

      await t.test("no session lives longer than by those two minutes", async () => {
        const [rights, aheads] = [await right.login(), await ahead.login()];
        assert.ok((await isKnown(ahead, rights)) && (await isKnown(right, aheads)));
        await pass(IDLING + 2);
        assert.equal(await isKnown(right, rights), false);
        assert.equal(await isKnown(ahead, rights), false);
        assert.equal(await isKnown(ahead, aheads), false);
        assert.equal(await isKnown(right, aheads), true, "it was opened in the future");
        await pass(AHEAD);
        assert.equal(await isKnown(right, aheads), false);
      });

      await t.test("an end is effective everywhere, and for as long as the cookie could live", async () => {
        const ended: string[] = [];
        const endBy = async (end: (cookie: string, node: Node) => Promise<unknown>) => {
          for (const opens of nodes) {
            for (const ends of nodes) {
              const cookie = await opens.login();
              for (const node of nodes) assert.ok(await isKnown(node, cookie));
              await end(cookie, ends);
              for (const node of nodes) {
                const delay = await delayUntil(403, () => node.get("/app", cookie));
                assertAllWithin([delay]);
              }
              ended.push(cookie);
              // Where all are ended that were opened before a time, those of the next two minutes are, too.
              await pass(AHEAD + 2);
            }
          }
        };
        await endBy(async (cookie, node) => {
          assert.equal((await node.get("/app?session_logout=1", cookie)).status, 200);
        });
        await endBy(async (cookie, node) => {
          const list = await fetch(`${node.admin}/sessions?subject=fiona`);
          const { data } = (await list.json()) as { data: { id: string; session_id: string }[] };
          const own = data.find(({ session_id }) => session_id === inspectSession(cookie))!;
          await node.change("DELETE", `/sessions/${own.id}`);
        });
        await endBy((_cookie, node) => node.change("DELETE", "/consumers/fiona/sessions"));
        for (let i = 0; i < 4; i++) {
          for (const cookie of ended) for (const node of nodes) assert.equal(await isKnown(node, cookie), false);
          await pass(IDLING / 3);
        }
      });

      await t.test("no session outlives its absolute clock by more, however much it is used", async () => {
        await change({ idling_timeout: 0, rolling_timeout: 0 });
        const cookies = [await right.login(), await ahead.login()];
        await pass(ABSOLUTE - AHEAD - 10);
        for (const cookie of cookies) for (const node of nodes) assert.ok(await isKnown(node, cookie));
        await pass(2 * AHEAD + 20);
        for (const cookie of cookies) for (const node of nodes) assert.equal(await isKnown(node, cookie), false);
      });
    });
  }
});

/** The id of the session in a cookie. */
function inspectSession(cookie: string): string {
  const inspected = inspectHeader(cookie.slice("session=".length));
  assert.ok("header" in inspected);
  return inspected.header.id;
}
