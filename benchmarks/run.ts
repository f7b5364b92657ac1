// Measures Sesame beside others, all on this machine and over loopback: `npm run bench -- --help`.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { configure } from "./harness/configuration.ts";
import { type Cores, findCores } from "./harness/cores.ts";
import { describeMachine, versionOf } from "./harness/machine.ts";
import { type BenchBase, measure, type Result } from "./harness/measure.ts";
import { nginxVersion } from "./harness/nginx.ts";
import { type Options, parseOptions, usage } from "./harness/options.ts";
import { installPackage } from "./harness/package.ts";
import { page, table, updateFile, writeResults } from "./harness/report.ts";
import type { Row } from "./harness/row.ts";
import { startUpstream } from "./harness/upstream.ts";
import { recordProfile } from "./profile/record.ts";
import { allRows } from "./rows.ts";
import { startPeer } from "./versus/index.ts";

const readme = fileURLToPath(new URL("README.md", import.meta.url));
const results = fileURLToPath(new URL("results", import.meta.url));

function choose(options: Options): readonly Row[] {
  const { only } = options;
  const all = allRows(options);
  const unknown = only?.filter((name) => !all.some((row) => row.name === name)) ?? [];
  if (unknown.length > 0) {
    throw new Error(`--only: expected ${all.map(({ name }) => name).join(", ")}; got ${unknown.join(", ")}`);
  }
  return all.filter((row) => (only ? only.includes(row.name) : !row.isExtra));
}

/** What the load comes from is needed, what is merely compared with is not. */
function checkPrograms(rows: readonly Row[]): void {
  if (!versionOf("wrk", /wrk/)) throw new Error("wrk is missing, which makes the load (Debian: apt-get install wrk)");
  if (rows.some(({ name }) => name === "latency") && !versionOf("h2load", /nghttp2/)) {
    throw new Error("h2load is missing, which the latency row needs (Debian: apt-get install nghttp2-client)");
  }
}

async function start(options: Options, cores: Cores, cleanup: AsyncDisposableStack): Promise<BenchBase> {
  const folder = mkdtempSync(join(tmpdir(), "sesame-bench-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  const hasNginx = nginxVersion() !== undefined;
  if (!hasNginx) console.log("nginx is missing: nothing is compared with it (Debian: apt-get install nginx-light)");
  if (!cores.pinned) console.log("processes cannot be pinned to processors here: expect more spread");
  const upstream = await startUpstream({ cores, folder, hasNginx, cleanup });
  const peers = [];
  for (const name of [...(hasNginx ? ["nginx"] : []), ...options.versus]) {
    peers.push(await startPeer(name, { cores, folder, upstream, cleanup }));
  }
  const installed = join(folder, "package");
  mkdirSync(installed);
  return { options, cores, folder, launcher: installPackage(installed), upstream, peers };
}

async function run(args: readonly string[]): Promise<void> {
  const options = parseOptions(args);
  if (options.help) return console.log(usage);
  if (options.configure !== undefined) {
    return configure(options.configure, { small: options.upstream!, bodies: options.upstream! });
  }
  const command = ["npm run bench", ...(args.length > 0 ? ["--", ...args] : [])].join(" ");
  if (options.profile) return recordProfile(options, command, results, readme);
  const rows = choose(options);
  checkPrograms(rows);
  await using cleanup = new AsyncDisposableStack();
  const cores = findCores();
  const machine = describeMachine(cores, command, options.engine);
  const base = await start(options, cores, cleanup);
  const found: Result[] = [];
  for (const row of rows) {
    console.log(`${row.title} ...`);
    try {
      found.push(await measure(row, base));
    } catch (error) {
      const reached = `failed: ${(error as Error).message}`;
      found.push({
        name: row.name,
        title: row.title,
        goal: row.goal.text,
        verdict: { met: false, reached },
        contenders: [],
      });
    }
    const { verdict } = found.at(-1)!;
    console.log(`  ${verdict.reached} (target ${row.goal.text})`);
  }
  console.log(`\n${table(found)}\n`);
  console.log(`written: ${writeResults(results, options.name, machine, found)}.json and .md`);
  if (options.only === undefined) updateFile(readme, "table", page(machine, found));
  else console.log("README keeps its table, as not all rows were measured");
}

// Leaving by exit() stops what was started.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
try {
  await run(process.argv.slice(2));
} catch (error) {
  console.error(`bench: ${(error as Error).message}`);
  process.exitCode = 1;
}
