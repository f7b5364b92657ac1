import assert from "node:assert/strict";
import { globSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, it, type TestContext } from "node:test";
import { get } from "../helpers/gateway-process.ts";
import { configureWalkthrough, type Node, startNode } from "../helpers/nodes.ts";
import { lacking, until } from "../helpers/servers.ts";
import { limitFiles, mountSmallDisk, type SmallDisk } from "../helpers/small-disk.ts";

const LOGOUT = "/app?session_logout=1";
/** Room that is left in files which are there already takes some logins. */
const MOST_LOGINS = 5_000;

describe("a full disk below SQLite", { skip: lacking("prlimit") }, () => {
  it("as a file system tells it", async (t) => {
    const disk = mountSmallDisk(t);
    if (disk) await check(t, disk);
    else t.skip("no file system can be mounted here");
  });

  it("as a limit of a file's size tells it", (t) => check(t, limitFiles(t)));
});

async function check(t: TestContext, disk: SmallDisk): Promise<void> {
  const settings = { database: "sqlite", prefix: join(disk.folder, "prefix"), proxy_error_log: "/dev/stderr" };
  const node = await startNode(t, settings);
  const pid = node.child.pid!;
  await configureWalkthrough(t, node);
  const login = () => get(`${node.proxy}/app?apikey=open_sesame`);
  const cookieOf = ({ headers }: Awaited<ReturnType<typeof login>>) => headers["set-cookie"]![0]!.split(";")[0]!;
  const alive = [await node.login(), await node.login(), await node.login()];
  const leaving = await node.login();

  disk.fill(pid);
  let given = 0;
  let refused = 0;
  while (refused < 20) {
    assert.ok(given < MOST_LOGINS, "the disk does not fill up");
    const answer = await login();
    if (answer.status === 200) {
      given++;
      alive.push(cookieOf(answer));
      continue;
    }
    refused++;
    assert.equal(answer.status, 503, answer.body);
    assert.equal(answer.headers["set-cookie"], undefined, "no cookie of a session that nobody kept");
    assert.ok(Number(answer.headers["retry-after"]) >= 1);
    for (const cookie of alive.slice(0, 3)) assert.equal((await node.get("/app", cookie)).status, 200);
  }
  t.diagnostic(`${given} more logins fitted, then ${refused} were refused`);
  await allKnown(node, alive, "while the disk is full");

  const left = await node.get(LOGOUT, leaving);
  const isOut = left.status === 200;
  if (!isOut) assert.deepEqual([left.status, left.headers["set-cookie"]], [503, undefined]);
  assert.equal((await node.get("/app", leaving)).status, isOut ? 403 : 200, "a logout is reported when it is done");
  const created = await fetch(`${node.admin}/consumers`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ username: "a_new_one", tags: Array.from({ length: 500 }, (_, tag) => `tag-${tag}`) }),
  });
  assert.ok(created.status === 201 || created.status >= 500, `${created.status}`);
  const found = await fetch(`${node.admin}/consumers/a_new_one`);
  assert.equal(found.status, created.status === 201 ? 200 : 404);

  disk.free(pid);
  const freedMs = performance.now();
  await until("logins are taken again, without a restart", async () => (await login()).status === 200, 15_000);
  t.diagnostic(`logins were taken again after ${((performance.now() - freedMs) / 1000).toFixed(1)} s`);
  alive.push(cookieOf(await login()));
  if (!isOut) assert.equal((await node.get(LOGOUT, leaving)).status, 200);
  await allKnown(node, alive, "when there is room again");
  assert.equal((await node.get("/app", leaving)).status, 403);

  process.kill(pid, "SIGTERM");
  assert.equal(await node.ended, 0);
  const [file] = globSync(join(settings.prefix, "**/*.{db,sqlite,sqlite3}"));
  const database = new DatabaseSync(file!, { readOnly: true });
  assert.deepEqual(
    database
      .prepare("PRAGMA integrity_check")
      .all()
      .map((row) => Object.values(row)[0]),
    ["ok"],
  );
  database.close();
  const again = await startNode(t, settings);
  await allKnown(again, alive, "after a restart");
  assert.equal((await again.get("/app", leaving)).status, 403);
}

async function allKnown(node: Node, cookies: readonly string[], when: string): Promise<void> {
  for (const cookie of cookies) assert.equal((await node.get("/app", cookie)).status, 200, when);
}
