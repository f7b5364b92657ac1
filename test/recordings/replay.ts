import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { startGateway } from "../helpers/gateway.ts";

const folder = fileURLToPath(new URL(".", import.meta.url));
const run = promisify(execFile);

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

interface Difference {
  readonly group: string;
  readonly label: string;
  readonly field: string;
  readonly reason: string;
}

/** Where Sesame answers otherwise than Kong on purpose; `docs/differences.md` is made from it. */
export const differences: readonly Difference[] = JSON.parse(readFileSync(join(folder, "differences.json"), "utf8"));

/** The port of the upstream that the recorded declarative configurations name. */
const RECORDED_UPSTREAM = "18080";

/**
 * The answers of one recorded group, replayed against an empty gateway, or one without a database that has this declarative
 * configuration: every difference is in `differences`, and every entry there is met.
 */
export function testRecording(group: string, { declarative }: { readonly declarative?: string } = {}): void {
  test(`${group} is answered as Kong answered it`, async (t) => {
    const temporary = mkdtempSync(join(tmpdir(), "sesame-replay-"));
    t.after(() => rmSync(temporary, { recursive: true }));
    const upstream = declarative === undefined ? "0" : String(await freePort());
    const settings: Record<string, string> = {};
    if (declarative !== undefined) {
      const text = readFileSync(join(folder, declarative), "utf8").replaceAll(RECORDED_UPSTREAM, upstream);
      settings["database"] = "off";
      settings["declarative_config"] = join(temporary, declarative);
      writeFileSync(settings["declarative_config"], text);
    }
    const gateway = await startGateway(t, settings);
    const allowed = join(temporary, "allowed.json");
    writeFileSync(allowed, JSON.stringify(differences.filter((difference) => difference.group === group)));
    const { admin, proxy, status } = gateway;
    const args = ["--admin", admin, "--proxy", proxy, "--status", status, "--allow", allowed, "--upstream-port", upstream];
    const replay = [join(folder, "replay.mjs"), ...args, join(folder, `${group}.json`)];
    const { stdout } = await run(process.execPath, replay, { timeout: 240_000 }).catch((error) => error);
    const unmet = stdout.split("\n").filter((line: string) => line.startsWith("allowance never used"));
    assert.match(stdout, /\n?\d+ passed, 0 failed, 0 skipped\s*$/, stdout);
    assert.deepEqual(unmet, []);
  });
}
