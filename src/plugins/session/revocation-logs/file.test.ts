import assert from "node:assert/strict";
import { appendFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, type TestContext, test } from "node:test";
import { readAll, testRevocationLog } from "../../../../test/contracts/revocation-log.ts";
import { fileStorage } from "../../../session/index.ts";
import { fileLog } from "./file.ts";

const now = Math.floor(Date.now() / 1000);
const entry = (lineage: string, life = 100) => ({ key: `lineage:${lineage}`, before: null, expires: now + life });

function folderFor(t: TestContext): { path: string; folder: string } {
  const path = mkdtempSync(join(tmpdir(), "sesame-log-"));
  t.after(() => rmSync(path, { recursive: true }));
  return { path, folder: join(path, "session_sesame@revoked") };
}

const path = mkdtempSync(join(tmpdir(), "sesame-log-"));
after(() => rmSync(path, { recursive: true }));

testRevocationLog("file", () => ({
  open: (name) => fileLog({ path, name }),
  async plant(name, text) {
    const folder = join(path, `${name}_sesame@revoked`);
    appendFileSync(join(folder, readdirSync(folder)[0]!), `\n${text}\n`);
  },
  async empty() {
    for (const folder of readdirSync(path)) rmSync(join(path, folder), { recursive: true });
  },
}));

test("entries of one end share a file, which goes when it is over", async (t) => {
  const { path, folder } = folderFor(t);
  const log = fileLog({ path, name: "session" });
  for (let i = 0; i < 50; i++) await log.append(entry(`a${i}`), now);
  await log.append(entry("long", 34_560_000), now);
  assert.ok(readdirSync(folder).length <= 3);
  assert.equal((await readAll(log, now)).keys.length, 51);
  const later = await readAll(log, now + 100_000);
  assert.deepEqual(later, { keys: [], isAnew: false }, "nothing is missed of what is over");
  assert.equal(readdirSync(folder).length, 1);
  const { keys } = await readAll(fileLog({ path, name: "session" }), now + 100_000);
  assert.deepEqual(keys, ["lineage:long"]);
});

test("half an entry, and what is none, spoils no other", async (t) => {
  const { path, folder } = folderFor(t);
  const log = fileLog({ path, name: "session" });
  await log.append(entry("a"), now);
  const file = join(folder, readdirSync(folder)[0]!);
  appendFileSync(file, '\n{"key":"lineage:cut","bef');
  assert.deepEqual((await readAll(log, now)).keys, ["lineage:a"]);
  await log.append(entry("b"), now);
  appendFileSync(file, Buffer.from([0, 255, 10, 13, 10]));
  appendFileSync(file, "x".repeat(3 * 2 ** 20));
  await log.append(entry("c"), now);
  assert.deepEqual((await readAll(log, now)).keys, ["lineage:b", "lineage:c"]);
  appendFileSync(file, `\n{"key":"lineage:d","before":null,"expires":${now + 9}}`);
  assert.deepEqual((await readAll(log, now)).keys, [], "who writes it has not ended the line yet");
  appendFileSync(file, "\n");
  assert.deepEqual((await readAll(log, now)).keys, ["lineage:d"]);
  writeFileSync(join(folder, "README"), "?");
  mkdirSync(join(folder, "elsewhere"));
  assert.deepEqual(await readAll(log, now), { keys: [], isAnew: false });
});

test("a file that is shorter or another one than it was is noticed", async (t) => {
  const { path, folder } = folderFor(t);
  const log = fileLog({ path, name: "session" });
  await log.append(entry("a"), now);
  await log.append(entry("b"), now);
  await readAll(log, now);
  const file = join(folder, readdirSync(folder)[0]!);
  writeFileSync(file, "");
  assert.deepEqual(await readAll(log, now), { keys: [], isAnew: true });
  await log.append(entry("c"), now);
  await readAll(log, now);
  rmSync(folder, { recursive: true });
  assert.deepEqual(await readAll(log, now), { keys: [], isAnew: true });
  await log.append(entry("d"), now);
  assert.deepEqual(await readAll(log, now), { keys: ["lineage:d"], isAnew: false });
});

test("a link in the place of the folder or of a file is not followed, and without the folder above there is no log", async (t) => {
  const { path, folder } = folderFor(t);
  const elsewhere = join(path, "elsewhere");
  mkdirSync(elsewhere);
  symlinkSync(elsewhere, folder);
  const log = fileLog({ path, name: "session" });
  await assert.rejects(log.append(entry("a"), now), /is no folder/);
  await assert.rejects(readAll(log, now), /is no folder/);
  assert.deepEqual(readdirSync(elsewhere), []);
  const nowhere = fileLog({ path: join(path, "nowhere"), name: "session" });
  await assert.rejects(nowhere.append(entry("a"), now), /ENOENT/);
  await assert.rejects(readAll(nowhere, now), /ENOENT/);
});

test("the files of sessions beside it are left alone, and they leave it alone", async (t) => {
  const { path } = folderFor(t);
  const log = fileLog({ path, name: "session" });
  const storage = fileStorage({ path, cleanUpProbability: 1 });
  await log.append(entry("a"), now);
  const key = "k".repeat(43);
  await storage.set("session", key, "text", { now, ttl: 100, metadata: [{ audience: "YQ", subject: "Yg" }] });
  await storage.set("session", "l".repeat(43), "text", { now: now + 1_000_000, ttl: 100 });
  assert.deepEqual((await readAll(log, now)).keys, ["lineage:a"]);
  assert.equal(await storage.get("session", key, now), "text");
});
