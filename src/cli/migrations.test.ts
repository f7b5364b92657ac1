import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { takePrefix } from "./prefix.ts";
import { runWith } from "./testing.ts";

function freshPrefix(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "sesame-test-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, "prefix");
}

test("a database is migrated, told of and emptied", async (t) => {
  const prefix = freshPrefix(t);
  const migrations = (verb: string, ...more: string[]) => runWith(["migrations", verb, "--prefix", prefix, ...more]);

  const before = await migrations("status");
  assert.equal(before.code, 1);
  assert.match(
    before.output,
    /^the database .*sesame\.db has schema version 0, this program \d+\npending: 1 {2}uses of tags\n/,
  );
  assert.match(before.output, /^missing: consumers$/m);

  const up = await migrations("up");
  assert.deepEqual([up.code, up.errors], [0, []]);
  assert.match(up.output, /^1 {2}uses of tags\n[\s\S]*^added consumers$[\s\S]*is up to date\n$/m);
  assert.equal((await migrations("status")).code, 0);
  assert.doesNotMatch((await migrations("up")).output, /added/);

  const refused = await migrations("reset");
  assert.equal(refused.code, 1);
  assert.match(refused.errors.join(), /would be lost: say --yes/);
  assert.equal((await migrations("status")).code, 0);
  assert.match((await migrations("reset", "--yes")).output, /is empty\n$/);
  assert.equal((await migrations("status")).code, 1);
});

test("the file of a gateway that runs is left alone", async (t) => {
  const prefix = freshPrefix(t);
  const taken = takePrefix(prefix);
  t.after(() => taken.release());
  const { code, errors } = await runWith(["migrations", "reset", "--yes", "--prefix", prefix]);
  assert.equal(code, 1);
  assert.match(errors.join(), /another gateway/);
});

test("a verb that is none is refused", async () => {
  assert.match((await runWith(["migrations", "down"])).errors.join(), /unknown command "migrations down"/);
});
