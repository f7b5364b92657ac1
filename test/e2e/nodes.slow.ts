import assert from "node:assert/strict";
import { after, before, describe, it, type TestContext } from "node:test";
import { get } from "../helpers/gateway-process.ts";
import {
  assertAllWithin,
  assertMostWithin,
  configureWalkthrough,
  databaseSettings,
  delayUntil,
  migrateUp,
  type Node,
  startNode,
  summarize,
  WITHIN_MS,
} from "../helpers/nodes.ts";
import { lacking, until } from "../helpers/servers.ts";
import { type SqlServer, startPostgres } from "../helpers/sql-servers.ts";
import { startTcpProxy } from "../helpers/tcp-proxy.ts";

const LOGOUT = "/app?session_logout=1";

describe("several nodes on one PostgreSQL", { skip: lacking("postgres", "initdb") }, () => {
  let server: SqlServer;
  let schemas = 0;
  before(async () => {
    server = await startPostgres("password");
  });
  after(() => server?.remove());

  /** Nodes with the walkthrough's configuration; `settings` are those in which each differs. */
  async function startNodes(t: TestContext, ...settings: Readonly<Record<string, string>>[]) {
    const common = databaseSettings(server, `nodes_${++schemas}`);
    await migrateUp(common);
    const nodes = await Promise.all(settings.map((own) => startNode(t, { ...common, ...own })));
    return { nodes, fiona: await configureWalkthrough(t, nodes[0]!), common };
  }

  /** Every one of these nodes remembers the session. */
  async function remember(nodes: readonly Node[], cookie: string): Promise<void> {
    for (const node of nodes) for (let i = 0; i < 3; i++) assert.equal((await node.get("/app", cookie)).status, 200);
  }

  it("a node does not start on a database that is not migrated, and says what to do", async (t) => {
    const settings = databaseSettings(server, "unmigrated");
    await assert.rejects(startNode(t, settings), /run sesame migrations up/);
    await Promise.all([migrateUp(settings), migrateUp(settings), migrateUp(settings)]);
    await startNode(t, settings);
  });

  it("takes over changes, sessions and their ends within 100 ms on every node", async (t) => {
    const { nodes, fiona } = await startNodes(t, {}, { nginx_worker_processes: "2" }, {});
    const [first, ...others] = nodes as [Node, Node, Node];

    const changes: number[] = [];
    for (let i = 0; i < 30; i++) {
      await first.change("POST", "/services/app/routes", { paths: [`/new-${i}`] });
      changes.push(...(await Promise.all(others.map((node) => delayUntil(403, () => node.get(`/new-${i}`))))));
    }
    t.diagnostic(`a new route is served by the other nodes: ${summarize(changes)}`);

    const ends: number[] = [];
    for (let i = 0; i < 30; i++) {
      const cookie = await first.login();
      const statuses = await Promise.all(others.map(async (node) => (await node.get("/app", cookie)).status));
      assert.deepEqual(statuses, [200, 200], "a session is good everywhere at once");
      await remember(nodes, cookie);
      assert.equal((await first.get(LOGOUT, cookie)).status, 200);
      ends.push(...(await Promise.all(nodes.map((node) => delayUntil(403, () => node.get("/app", cookie))))));
    }
    t.diagnostic(`a logout is effective: ${summarize(ends)}`);

    const deletions: number[] = [];
    for (let i = 0; i < 10; i++) {
      const cookie = await others[0]!.login();
      await remember(nodes, cookie);
      const { data } = (await (await fetch(`${first.admin}/sessions`)).json()) as { data: { id: string }[] };
      assert.equal(data.length, 1);
      await others[1]!.change("DELETE", `/sessions/${data[0]!.id}`);
      deletions.push(...(await Promise.all(nodes.map((node) => delayUntil(403, () => node.get("/app", cookie))))));
    }
    t.diagnostic(`a deleted row is effective: ${summarize(deletions)}`);

    const cookie = await first.login();
    await remember(nodes, cookie);
    await others[0]!.change("DELETE", `/consumers/${fiona}`);
    const consumer = await Promise.all(nodes.map((node) => delayUntil(403, () => node.get("/app", cookie))));
    t.diagnostic(`a deleted consumer is effective: ${summarize(consumer)}`);
    assertMostWithin([...changes, ...consumer]);
    assertAllWithin([...ends, ...deletions]);
  });

  it("a node that was stopped does not serve what ended meanwhile", async (t) => {
    const { nodes } = await startNodes(t, {}, {}, { nginx_worker_processes: "2" });
    const [first, ...stopped] = nodes as [Node, Node, Node];
    for (let i = 0; i < 5; i++) {
      const cookie = await first.login();
      await remember(nodes, cookie);
      for (const node of stopped) node.freeze();
      // It lies in the socket when the process wakes up, before any news of the logout.
      const asked = stopped.map(async (node) => (await node.get("/app", cookie)).status);
      assert.equal((await first.get(LOGOUT, cookie)).status, 200);
      await new Promise((resolve) => setTimeout(resolve, 300));
      for (const node of stopped) node.thaw();
      assert.deepEqual(await Promise.all(asked), [403, 403]);
    }
  });

  it("a node whose link is blocked asks the database or says that it cannot", async (t) => {
    const proxy = await startTcpProxy(t, server.port);
    const blocked = { pg_port: String(proxy.port), pg_timeout: "1000" };
    const { nodes } = await startNodes(t, {}, blocked);
    const [first, second] = nodes as [Node, Node];
    const [ended, kept] = [await first.login(), await first.login()];
    await remember(nodes, ended);
    await remember(nodes, kept);
    proxy.block();
    assert.equal((await first.get(LOGOUT, ended)).status, 200);
    assert.equal((await first.get("/app", kept)).status, 200);
    await new Promise((resolve) => setTimeout(resolve, WITHIN_MS));
    const answers = await Promise.all([ended, ended, kept].map((cookie) => get(`${second.proxy}/app`, { cookie })));
    assert.deepEqual(
      answers.map(({ status }) => status),
      [503, 503, 503],
    );
    assert.equal(answers[0]!.headers["set-cookie"], undefined, "the cookie stays as it is");
    proxy.open();
    await until("the kept session is good again", async () => (await second.get("/app", kept)).status === 200, 5000);
    assert.equal((await second.get("/app", ended)).status, 403);
    await until("the link is there again", () => second.errors().includes("is there again"), 5000);
    const before = proxy.statements;
    for (let i = 0; i < 20; i++) assert.equal((await second.get("/app", kept)).status, 200);
    assert.ok(proxy.statements - before <= 4, "it answers from memory again");
  });

  it("a sudden death of PostgreSQL in the middle of saves loses nothing that was answered", async (t) => {
    const { nodes } = await startNodes(t, { pg_timeout: "1000" }, { pg_timeout: "1000" }, { pg_timeout: "1000" });
    const alive: string[] = [];
    const ended: string[] = [];
    const seen = new Map<number, number>();
    let isOver = false;
    const visitors = nodes.flatMap((node, index) =>
      Array.from({ length: 4 }, async (_, visitor) => {
        while (!isOver) {
          const login = await get(`${node.proxy}/app?apikey=open_sesame`);
          seen.set(login.status, (seen.get(login.status) ?? 0) + 1);
          const [cookie] = (login.headers["set-cookie"] ?? []).map((text) => text.split(";")[0]!);
          if (login.status !== 200 || cookie === undefined) continue;
          const other = nodes[(index + 1) % nodes.length]!;
          if (visitor % 2 === 0) alive.push(cookie);
          else if ((await get(other.proxy + LOGOUT, { cookie })).status === 200) ended.push(cookie);
        }
      }),
    );
    const running = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
    await running(700);
    for (let i = 0; i < 2; i++) {
      await server.kill();
      await running(500);
      await server.start();
      await running(1200);
    }
    isOver = true;
    await Promise.all(visitors);
    t.diagnostic(`logins by status: ${JSON.stringify([...seen])}, kept ${alive.length}, ended ${ended.length}`);
    assert.ok(
      [...seen.keys()].every((status) => [200, 503].includes(status)),
      JSON.stringify([...seen]),
    );
    assert.ok(alive.length > 20 && ended.length > 20);
    for (const node of nodes) {
      await until(
        "the node has recovered",
        async () => (await get(`${node.proxy}/app?apikey=open_sesame`)).status === 200,
        5000,
      );
    }
    for (const node of nodes) {
      for (const cookie of alive) assert.equal((await node.get("/app", cookie)).status, 200);
      for (const cookie of ended) assert.equal((await node.get("/app", cookie)).status, 403);
    }
  });

  it("what a node committed before it died without answering is known to the others", async (t) => {
    const proxy = await startTcpProxy(t, server.port);
    const { nodes, common } = await startNodes(t, {}, { pg_port: String(proxy.port) }, {});
    const [first, dying, third] = nodes as [Node, Node, Node];
    for (const node of [first, third]) assert.equal((await node.get("/app?apikey=a_new_one")).status, 403);
    const committed = proxy.muteAfter("COMMIT");
    const answer = dying.change("POST", "/consumers/fiona/key-auth", { key: "a_new_one" });
    await committed;
    for (const node of [first, third]) await delayUntil(200, () => node.get("/app?apikey=a_new_one"));
    process.kill(-dying.child.pid!, "SIGKILL");
    await assert.rejects(answer);
    const again = await startNode(t, { ...common, prefix: dying.prefix });
    assert.equal((await again.get("/app?apikey=a_new_one")).status, 200);
  });

  it("a session that a node saved or ended before it died without answering is whole, or over", async (t) => {
    const [saving, ending] = [await startTcpProxy(t, server.port), await startTcpProxy(t, server.port)];
    const ways = [saving, ending].map(({ port }) => ({ pg_port: String(port) }));
    const { nodes } = await startNodes(t, {}, ...ways);
    const [first, saver, ender] = nodes as [Node, Node, Node];
    const [kept, left] = [await first.login(), await first.login()];
    await remember(nodes, kept);
    await remember(nodes, left);
    const rows = async () => {
      const { data } = (await (await fetch(`${first.admin}/sessions`)).json()) as { data: { id: string }[] };
      return data.length;
    };
    const before = await rows();

    const committed = [saving.muteAfter("COMMIT"), ending.muteAfter("COMMIT")];
    const login = get(`${saver.proxy}/app?apikey=open_sesame`);
    const logout = get(ender.proxy + LOGOUT, { cookie: left });
    await Promise.all(committed);
    await delayUntil(403, () => first.get("/app", left));
    const broken = Promise.all([assert.rejects(login), assert.rejects(logout)]);
    for (const node of [saver, ender]) process.kill(-node.child.pid!, "SIGKILL");
    await broken;

    // One more, which nobody has the cookie of, and one less. The server may still be busy with the commit of the first.
    await until("the login is committed", async () => (await rows()) === before, 5000);
    assert.equal((await first.get("/app", kept)).status, 200);
    assert.equal((await first.get("/app", left)).status, 403);
    assert.equal((await first.get("/app", await first.login())).status, 200);
  });

  it("asks the database for nothing that it knows", async (t) => {
    const proxy = await startTcpProxy(t, server.port);
    const { nodes } = await startNodes(t, { pg_port: String(proxy.port) });
    const [node] = nodes as [Node];
    const count = async (times: number, work: (turn: number) => Promise<unknown>) => {
      const before = proxy.statements;
      for (let i = 0; i < times; i++) await work(i);
      return (proxy.statements - before) / times;
    };
    const cookies: string[] = [];
    const login = await count(20, async () => cookies.push(await node.login()));
    const known = await count(200, () => node.get("/app", cookies[0]));
    const anonymous = await count(200, () => node.get("/app"));
    const logout = await count(20, (turn) => node.get(LOGOUT, cookies[turn]));
    t.diagnostic(`statements per login ${login}, known session ${known}, anonymous ${anonymous}, logout ${logout}`);
    assert.ok(known < 0.1 && anonymous < 0.1);
    assert.ok(login < 9 && logout < 9);
  });
});
