import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { createSessions, fileStorage, type SessionError } from "../../src/session/index.ts";
import { testSessionStorage } from "../contracts/session-storage.ts";

const key = () => randomBytes(32).toString("base64url");
const index = { audience: "YXVk", subject: "c3Vi" };
const now = 1_900_000_000;

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "sesame-files-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

testSessionStorage("file", (t) => fileStorage({ path: folderOf(t) }));
testSessionStorage("file with prefix and suffix", (t) =>
  fileStorage({ path: folderOf(t), prefix: "pre", suffix: "ext", cleanUpProbability: 1 }),
);

describe("file storage", () => {
  test("files have the names, times and modes that others expect", async (t) => {
    const folder = folderOf(t);
    const [one, two] = [key(), key()];
    const storage = fileStorage({ path: folder, prefix: "pre", suffix: "ext" });
    await storage.set("session", one, "text", { now, ttl: 100, metadata: [index] });
    await fileStorage({ path: folder, prefix: "", suffix: "" }).set("session", two, "text", { now, ttl: 50 });
    assert.deepEqual(
      readdirSync(folder).sort(),
      [`pre_session_${one}.ext`, "pre_session_YXVk:c3Vi.ext", `session_${two}`].sort(),
    );
    const record = statSync(join(folder, `pre_session_${one}.ext`));
    assert.equal(record.mtimeMs, (now + 100) * 1000);
    assert.equal(record.mode & 0o777, 0o600);
    const entries = statSync(join(folder, "pre_session_YXVk:c3Vi.ext"));
    assert.equal(entries.mtimeMs, (now + 100) * 1000);
    assert.equal(entries.mode & 0o777, 0o600);
  });

  test("an index keeps its time when a session leaves it", async (t) => {
    const folder = folderOf(t);
    const storage = fileStorage({ path: folder });
    const [one, two] = [key(), key()];
    await storage.set("session", one, "text", { now, ttl: 1000, metadata: [index] });
    await storage.set("session", two, "text", { now, ttl: 100, metadata: [index] });
    await storage.delete("session", two, now, [index]);
    assert.equal(statSync(join(folder, "session_YXVk:c3Vi")).mtimeMs, (now + 1000) * 1000);
  });

  for (const options of [{ prefix: "../x" }, { suffix: "/x" }, { prefix: "a\0b" }]) {
    test(`${JSON.stringify(options)} is refused when it is configured`, () => {
      assert.throws(
        () => fileStorage(options),
        (error: SessionError) => error.code === "ERR_SESSION_OPTION",
      );
    });
  }

  test("no name of a session or subject leads out of the folder", async (t) => {
    const parent = folderOf(t);
    mkdirSync(join(parent, "sessions"));
    const storage = fileStorage({ path: join(parent, "sessions") });
    const write = (metadata = [index]) => ({ now, ttl: 100, metadata });
    await assert.rejects(storage.set("../x", key(), "text", write()), /has a slash/);
    await assert.rejects(storage.set("session", "/../../x", "text", write()), /has a slash/);
    await assert.rejects(
      storage.set("session", key(), "text", write([{ audience: "a", subject: "/../../x" }])),
      /has a slash/,
    );
    await assert.rejects(async () => storage.get("..", "/../x", now), /has a slash/);
    assert.deepEqual(readdirSync(parent), ["sessions"]);
  });

  test("links that others put into the folder are not followed", async (t) => {
    const folder = folderOf(t);
    const victim = join(folder, "victim");
    writeFileSync(victim, "precious");
    const storage = fileStorage({ path: folder });
    const own = key();
    symlinkSync(victim, join(folder, "session_YXVk:c3Vi"));
    symlinkSync(victim, join(folder, `session_${own}`));
    await assert.rejects(storage.set("session", key(), "text", { now, ttl: 100, metadata: [index] }), {
      code: "ELOOP",
    });
    await assert.rejects(storage.get("session", own, 0), { code: "ELOOP" });
    await storage.set("session", own, "text", { now, ttl: 100 });
    assert.equal(await storage.get("session", own, now), "text");
    assert.equal(readFileSync(victim, "utf8"), "precious");
  });

  test("a folder that is not there is an error, not a missing session", async () => {
    const storage = fileStorage({ path: "/nonexistent/folder" });
    const sessions = createSessions({ secret: "s" }, { storage });
    await assert.rejects(
      async () => sessions.create({}).save(now),
      (error: SessionError) =>
        error.code === "ERR_SESSION_STORAGE" && (error.cause as NodeJS.ErrnoException).code === "ENOENT",
    );
  });

  test("a file that was cut, or is far too large, is refused with a reason", async (t) => {
    const folder = folderOf(t);
    const sessions = createSessions({ secret: "s" }, { storage: fileStorage({ path: folder }) });
    const session = sessions.create({});
    const [cookie] = await session.save(now);
    const file = join(folder, `session_${session.property("id")}`);
    const reason = async () => (await sessions.open({ cookie: cookie!.text }, now)).reason;
    assert.equal(await reason(), undefined);
    truncateSync(file, 20);
    utimesSync(file, now + 10, now + 10);
    assert.equal(await reason(), "unable_to_json_decode_session");
    truncateSync(file, 2 ** 33);
    utimesSync(file, now + 10, now + 10);
    assert.equal(await reason(), "unable_to_load_session");
    truncateSync(file, 0);
    utimesSync(file, now + 10, now + 10);
    assert.equal(await reason(), "unable_to_json_decode_session");
  });

  test("on a full disk a save fails, and leaves neither half a record nor half an entry", async (t) => {
    const folder = folderOf(t);
    const kept = key();
    const storage = fileStorage({ path: folder });
    await storage.set("session", kept, "kept", { now, ttl: 100, metadata: [index] });
    // Below the limit there is room for 75 entries, so that one of them is cut.
    await runChild("ulimit -f 8", "fill.ts", folder);
    assert.equal(await storage.get("session", kept, now), "kept");
    const entries = readFileSync(join(folder, "session_YXVk:c3Vi"), "utf8");
    assert.match(entries, /^(?:[\w-]{43}:[\w-]{7};)+$/);
    for (const file of readdirSync(folder)) {
      assert.ok(!file.startsWith("."), file);
      if (!file.includes(":")) assert.match(readFileSync(join(folder, file), "utf8"), /^kept$|^x{100}$/);
    }
  });

  test("two processes share a folder", async (t) => {
    const folder = folderOf(t);
    const storage = fileStorage({ path: folder });
    await Promise.all([runChild("true", "share.ts", folder), runChild("true", "share.ts", folder)]);
    const live = await storage.list("session", index, now);
    assert.equal(live.size, 200);
    for (const one of live.keys()) assert.match((await storage.get("session", one, now))!, /^\["\d+"\]$/);
    assert.equal(readdirSync(folder).length, 201 + 200 + 1);
  });
});

/** Run a program of this folder on a folder of sessions, after a command of the shell. */
async function runChild(before: string, program: string, folder: string): Promise<void> {
  const file = join(import.meta.dirname, "file-programs", program);
  const child = spawn("sh", ["-c", `${before} && exec "$@"`, "sh", process.execPath, file, folder], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  assert.deepEqual(await once(child, "exit"), [0, null]);
}
