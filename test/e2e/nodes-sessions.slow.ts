import assert from "node:assert/strict";
import { after, before, describe, it, type TestContext } from "node:test";
import {
  assertAllWithin,
  configureWalkthrough,
  databaseSettings,
  delayUntil,
  migrateUp,
  type Node,
  startNode,
  summarize,
  WITHIN_MS,
} from "../helpers/nodes.ts";
import { lacking } from "../helpers/servers.ts";
import { type SqlServer, startPostgres } from "../helpers/sql-servers.ts";

const LOGOUT = "/app?session_logout=1";

describe("cookie-held sessions on several nodes", { skip: lacking("postgres", "initdb") }, () => {
  let server: SqlServer;
  let schemas = 0;
  before(async () => {
    server = await startPostgres("password");
  });
  after(() => server?.remove());

  async function startNodes(t: TestContext, count: number, config: object): Promise<Node[]> {
    const settings = databaseSettings(server, `sessions_${++schemas}`);
    await migrateUp(settings);
    const nodes = await Promise.all(Array.from({ length: count }, () => startNode(t, settings)));
    await configureWalkthrough(t, nodes[0]!);
    const { data } = (await (await fetch(`${nodes[0]!.admin}/plugins`)).json()) as {
      data: { id: string; name: string }[];
    };
    const { id } = data.find(({ name }) => name === "session")!;
    await nodes[0]!.change("PATCH", `/plugins/${id}`, { config });
    for (const node of nodes) {
      await delayUntil(403, () => node.get("/app", "session=x"));
    }
    return nodes;
  }

  const settle = () => new Promise((resolve) => setTimeout(resolve, WITHIN_MS));

  async function remember(nodes: readonly Node[], cookie: string): Promise<void> {
    for (const node of nodes) for (let i = 0; i < 3; i++) assert.equal((await node.get("/app", cookie)).status, 200);
  }

  it("end everywhere within 100 ms, by a logout, by an operator and with their credential", async (t) => {
    const nodes = await startNodes(t, 3, { storage: "cookie", revocation: true });
    const [first, second, third] = nodes as [Node, Node, Node];
    await settle();
    const delays: number[] = [];
    const ended = async (cookie: string) =>
      delays.push(...(await Promise.all(nodes.map((node) => delayUntil(403, () => node.get("/app", cookie))))));

    for (let i = 0; i < 20; i++) {
      const cookie = await first.login();
      await remember(nodes, cookie);
      assert.equal((await second.get(LOGOUT, cookie)).status, 200);
      await ended(cookie);
    }
    for (let i = 0; i < 5; i++) {
      const cookie = await second.login();
      await remember(nodes, cookie);
      const list = await (await fetch(`${third.admin}/sessions?subject=fiona`)).json();
      await third.change("DELETE", `/sessions/${(list as { data: { id: string }[] }).data[0]!.id}`);
      await ended(cookie);
    }
    const cookies = [await first.login(), await third.login()];
    for (const cookie of cookies) await remember(nodes, cookie);
    await second.change("DELETE", "/consumers/fiona/sessions");
    for (const cookie of cookies) await ended(cookie);

    await new Promise((resolve) => setTimeout(resolve, 1100));
    const last = await first.login();
    await remember(nodes, last);
    await third.change("DELETE", "/consumers/fiona/key-auth/open_sesame");
    await ended(last);

    t.diagnostic(summarize(delays));
    assertAllWithin(delays);
  });

  it("are not served by a node that slept while they ended", async (t) => {
    const nodes = await startNodes(t, 2, { storage: "cookie", revocation: true });
    const [first, sleeper] = nodes as [Node, Node];
    await settle();
    for (let i = 0; i < 5; i++) {
      const cookie = await first.login();
      await remember(nodes, cookie);
      sleeper.freeze();
      const asked = sleeper.get("/app", cookie);
      assert.equal((await first.get(LOGOUT, cookie)).status, 200);
      await new Promise((resolve) => setTimeout(resolve, 300));
      sleeper.thaw();
      assert.equal((await asked).status, 403);
    }
  });

  it("in a database that is down are served as they were known where that is asked for, else 503", async (t) => {
    const config = { storage: "kong", revocation: true, on_storage_error: "stale", stale_seconds: 30 };
    const [node] = (await startNodes(t, 1, config)) as [Node];
    await settle();
    const [seen, other] = [await node.login(), await node.login()];
    await remember([node], seen);
    await server.kill();
    t.after(() => server.start());
    await settle();
    assert.equal((await node.get("/app", seen)).status, 200);
    assert.equal((await node.get(LOGOUT, seen)).status, 503);
    assert.equal((await node.get("/app", other)).status, 200, "it was written by this process");
  });
});
