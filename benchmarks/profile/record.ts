import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkSession, logIn } from "../harness/answers.ts";
import { paths } from "../harness/configuration.ts";
import { findCores } from "../harness/cores.ts";
import { describeMachine } from "../harness/machine.ts";
import { nginxVersion } from "../harness/nginx.ts";
import type { Options } from "../harness/options.ts";
import { runProgram } from "../harness/processes.ts";
import { describe, updateFile } from "../harness/report.ts";
import { startSesame } from "../harness/sesame.ts";
import { startUpstream } from "../harness/upstream.ts";
import { parseWrk, wrkCommand } from "../harness/wrk.ts";
import { account } from "./account.ts";
import { drawFlames } from "./flame.ts";
import { type CpuProfile, treeOf } from "./profile.ts";

/** How many runs long it is recorded: what is not yet compiled well shall be lost in it. */
const RUNS = 20;

/**
 * Record where the CPU goes under signed-in requests: `flame.svg` and `profile.md` among the results, the account in README.
 * `command` is what was asked for, as it is to be repeated.
 */
export async function recordProfile(options: Options, command: string, results: string, readme: string): Promise<void> {
  await using cleanup = new AsyncDisposableStack();
  const { seconds, connections, engine } = options;
  const cores = findCores();
  const machine = describe(describeMachine(cores, command, engine));
  const folder = mkdtempSync(join(tmpdir(), "sesame-profile-"));
  cleanup.defer(() => rmSync(folder, { recursive: true, force: true }));
  const upstream = await startUpstream({ cores, folder, hasNginx: nginxVersion() !== undefined, cleanup });
  const profiles = join(folder, "profiles");
  const nodeOptions = ["--cpu-prof", `--cpu-prof-dir=${profiles}`, "--cpu-prof-interval=200"];
  await using recorded = new AsyncDisposableStack();
  const sesame = await startSesame({ cores, upstream, engine, prefix: join(folder, "sesame"), nodeOptions });
  recorded.defer(sesame.stop);
  const cookie = await logIn(sesame, paths.session);
  await checkSession(sesame, paths.session, cookie);
  const load = wrkCommand(sesame.url + paths.session, {
    connections,
    threads: 1,
    seconds: seconds * RUNS,
    headers: { cookie },
  });
  const { requests, refused } = parseWrk(await runProgram(cores, cores.load, load));
  if (refused > 0) throw new Error(`of ${requests} requests ${refused} were refused`);
  await recorded.disposeAsync();

  const [file] = readdirSync(profiles);
  const tree = treeOf(JSON.parse(readFileSync(join(profiles, file!), "utf8")) as CpuProfile);
  writeFileSync(join(results, "flame.svg"), drawFlames(tree, "Sesame, a request with a session cookie"));
  const text = `${machine}\n\n${account(tree, requests)}`;
  writeFileSync(join(results, "profile.md"), `# Where the CPU goes in a signed-in request\n\n${text}`);
  updateFile(readme, "profile", text);
  console.log(text);
}
