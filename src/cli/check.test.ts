import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { runWith } from "./testing.ts";

function fileWith(t: TestContext, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), "sesame-check-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "sesame.conf");
  writeFileSync(file, text);
  return file;
}

test("a valid file is called valid, its warnings on standard error", async (t) => {
  const file = fileWith(t, "log_level = info\nlog_levle = debug\nmem_cache_size = 1m\n");
  const { code, output, errors } = await runWith(["check", file]);
  assert.equal(code, 0);
  assert.equal(output, `configuration at ${file} is valid\n`);
  assert.deepEqual(errors, [
    `sesame: warning: unknown setting "log_levle" is ignored (${file} line 2); did you mean log_level?`,
    "sesame: warning: settings of Kong that have no effect here: mem_cache_size",
  ]);
});

test("a file with faults gives a line for each and exit code 1", async (t) => {
  const file = fileWith(t, "log_level\nproxy_listen = nowhere\n");
  const { code, output, errors } = await runWith(["check", file]);
  assert.equal(code, 1);
  assert.equal(output, "");
  assert.equal(errors.length, 2);
  assert.equal(errors[0], `sesame: ${file} line 1: expected name = value`);
  assert.match(errors[1] ?? "", /^sesame: proxy_listen: "nowhere" is no address with a port; expected address:port/);
});
