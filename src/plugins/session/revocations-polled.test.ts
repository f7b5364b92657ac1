import assert from "node:assert/strict";
import { globSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../../../test/helpers/until.ts";
import { Denied } from "./denied.ts";
import { fileLog } from "./revocation-logs/file.ts";
import { PolledList } from "./revocations-polled.ts";

const now = Math.floor(Date.now() / 1000);
const entry = (lineage: string) => ({ key: `lineage:${lineage}`, before: null, expires: now + 1000 });
const accused = (lineage: string) => ({ lineage, since: now, cutOffs: [] });

/** Some lists that share a folder, each with a memory of its own. */
function open(t: TestContext, ...memories: Denied[]) {
  const folder = mkdtempSync(join(tmpdir(), "sesame-polled-"));
  const path = join(folder, "sessions");
  const away = join(folder, "away");
  const said: string[] = [];
  const say = (text: string) => void said.push(text);
  const parts = { where: "file", logger: { warn: say, notice: say } as never, metrics: { observe() {} } as never };
  renameSync(mkdtempSync(join(folder, "empty-")), path);
  const lists = memories.map((denied) => new PolledList({ log: fileLog({ path, name: "s" }), denied, ...parts }));
  t.after(() => {
    for (const list of lists) list.close();
    rmSync(folder, { recursive: true });
  });
  return {
    lists,
    said,
    leave: () => renameSync(path, away),
    comeBack: () => renameSync(away, path),
    lines: () =>
      globSync(join(path, "*", "*")).flatMap((file) => readFileSync(file, "utf8").split("\n").filter(Boolean)),
  };
}

test("what one writes the others have in memory before it can be missed", async (t) => {
  const memories = [new Denied(), new Denied()];
  const { lists } = open(t, ...memories);
  const [one, two] = lists as [PolledList, PolledList];
  assert.equal(two.isCurrent(), false);
  assert.equal(await two.ask(accused("a"), now), undefined);
  assert.equal(two.isCurrent(), true);
  for (let i = 0; i < 20; i++) {
    await one.put(entry(`${i}`), now);
    await sleep(100);
    assert.ok(!two.isCurrent() || memories[1]!.has(accused(`${i}`), now));
    assert.equal(await two.ask(accused(`${i}`), now), "revoked");
  }
});

test("what is known here and not there is written there", async (t) => {
  const known = new Denied();
  for (let i = 0; i < 2500; i++) known.note(entry(`${i}`), now);
  known.note({ ...entry("ended"), expires: now - 5 }, now);
  const other = new Denied();
  const { lines } = open(t, known, other);
  await until(() => other.size === 2500);
  await sleep(700);
  assert.equal(lines().length, 2500);
});

test("while it is out of order nothing is current, what is written is not reported to be, and yet comes later", async (t) => {
  const memories = [new Denied(), new Denied()];
  const { lists, said, leave, comeBack } = open(t, ...memories);
  const [one, two] = lists as [PolledList, PolledList];
  await until(() => one.isCurrent() && two.isCurrent());
  leave();
  await until(() => !one.isCurrent() && !two.isCurrent());
  await assert.rejects(one.put(entry("a"), now), /ENOENT/);
  await assert.rejects(two.ask(accused("a"), now), /ENOENT/);
  await sleep(200);
  assert.deepEqual(said, Array(2).fill("what is revoked cannot be read from file: it is asked for each request"));
  comeBack();
  await until(() => memories[1]!.has(accused("a"), now));
  await until(() => said.length === 4);
  assert.equal(said[3], "what is revoked is read from file again");
});

test("an outage is not waited for again and again", async (t) => {
  const { lists, leave } = open(t, new Denied());
  const [list] = lists as [PolledList];
  leave();
  await until(() => !list.isCurrent());
  for (let i = 0; i < 5; i++) await assert.rejects(list.ask(accused("a"), now), /ENOENT/);
  await assert.rejects(list.ask(accused("a"), now), /failed 5 times in a row/);
});

test("what all learn of at once not all write", async (t) => {
  const { lists, lines } = open(t, ...Array.from({ length: 8 }, () => new Denied()));
  await until(() => lists.every((list) => list.isCurrent()));
  for (let i = 0; i < 10; i++) await Promise.all(lists.map((list) => list.passOn(entry(`${i}`), now)));
  assert.equal(new Set(lines()).size, 10);
  t.diagnostic(`${lines().length} lines for 10 entries`);
  assert.ok(lines().length < 60);
});

test("a list that was closed asks nothing any more", async (t) => {
  const { lists } = open(t, new Denied());
  lists[0]!.close();
  await sleep(150);
  assert.equal(lists[0]!.isCurrent(), false);
  await assert.rejects(lists[0]!.ask(accused("a"), now), /was closed/);
});
