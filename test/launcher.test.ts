import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const launcher = fileURLToPath(new URL("../bin/sesame", import.meta.url));
const REPORT = "--import=data:text/javascript,console.error(process.pid,...process.execArgv)";

/** What every Node that the launcher runs on, one after the other, says of itself: its process and its options. */
async function nodesOf(options: readonly string[], nodeOptions = ""): Promise<string[]> {
  const env = { ...process.env, NODE_OPTIONS: `${REPORT} ${nodeOptions}` };
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [...options, launcher, "version"], { env });
  assert.match(stdout, /^sesame \d/);
  return stderr.trim().split("\n");
}

const skip = process.platform === "win32" && "a process cannot be replaced there";

test("Sesame runs with a young generation of its own size, in the process that was started", { skip }, async () => {
  const nodes = await nodesOf(["--no-deprecation"]);
  const pids = new Set(nodes.map((node) => node.split(" ")[0]));
  assert.equal(pids.size, 1);
  const options = nodes.map((node) => node.split(" ").slice(1).join(" "));
  assert.deepEqual(options, ["--no-deprecation", "--max-semi-space-size=16 --min-semi-space-size=16 --no-deprecation"]);
});

test("a size that an operator has chosen stays", async () => {
  assert.equal((await nodesOf([], "--max-semi-space-size=32")).length, 1);
  const nodes = await nodesOf(["--max_semi_space_size=32"]);
  assert.deepEqual(
    nodes.map((node) => node.split(" ").slice(1).join()),
    ["--max_semi_space_size=32"],
  );
});
