import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { startGateway } from "../helpers/gateway.ts";

const folder = fileURLToPath(new URL(".", import.meta.url));
const run = promisify(execFile);

interface Difference {
  readonly group: string;
  readonly label: string;
  readonly field: string;
  readonly reason: string;
}

/** Where Sesame answers otherwise than Kong on purpose; `docs/differences.md` is made from it. */
export const differences: readonly Difference[] = JSON.parse(readFileSync(join(folder, "differences.json"), "utf8"));

/**
 * The answers of one recorded group, replayed against an empty gateway: every difference is in `differences`, and every
 * entry there is met.
 */
export function testRecording(group: string): void {
  test(`${group} is answered as Kong answered it`, async (t) => {
    const gateway = await startGateway(t);
    const temporary = mkdtempSync(join(tmpdir(), "sesame-replay-"));
    t.after(() => rmSync(temporary, { recursive: true }));
    const allowed = join(temporary, "allowed.json");
    writeFileSync(allowed, JSON.stringify(differences.filter((difference) => difference.group === group)));
    const { admin, proxy, status } = gateway;
    const args = ["--admin", admin, "--proxy", proxy, "--status", status, "--allow", allowed];
    const replay = [join(folder, "replay.mjs"), ...args, join(folder, `${group}.json`)];
    const { stdout } = await run(process.execPath, replay, { timeout: 240_000 }).catch((error) => error);
    const unmet = stdout.split("\n").filter((line: string) => line.startsWith("allowance never used"));
    assert.match(stdout, /\n?\d+ passed, 0 failed, 0 skipped\s*$/, stdout);
    assert.deepEqual(unmet, []);
  });
}
