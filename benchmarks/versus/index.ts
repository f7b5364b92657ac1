import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Cores } from "../harness/cores.ts";
import { freePort, runProgram, startServer } from "../harness/processes.ts";
import type { Subject } from "../harness/subject.ts";
import type { Upstream } from "../harness/upstream.ts";
import { kongAt } from "./kong.ts";
import { startNginxPeer } from "./nginx.ts";

export interface VersusParts {
  readonly cores: Cores;
  readonly folder: string;
  readonly upstream: Upstream;
  readonly cleanup: AsyncDisposableStack;
}

/** Peers that are a program of Node, each a file here: what it is called in tables, and what it can do. */
const programs: Readonly<Record<string, Pick<Subject, "name" | "works">>> = {
  fastify: { name: "fastify", works: ["proxy", "session", "login"] },
  express: { name: "express", works: ["proxy", "session", "login"] },
  "iron-session": { name: "iron-session", works: ["session", "login"] },
};

/** Start a peer by its name on the command line. Throws when there is none of that name. */
export async function startPeer(wanted: string, parts: VersusParts): Promise<Subject> {
  const [name = "", url] = wanted.split(/=(.*)/s);
  if (name === "nginx") return startNginxPeer(parts);
  if (name === "kong" && url !== undefined) return kongAt(url);
  const program = programs[name];
  if (!program) throw new Error(`--vs: expected ${Object.keys(programs).join(", ")} or kong=URL, got '${wanted}'`);
  await install(parts.cores);
  const port = await freePort();
  const address = `http://127.0.0.1:${port}`;
  const file = fileURLToPath(new URL(`./${name}.js`, import.meta.url));
  const server = await startServer([process.execPath, file, `${port}`, parts.upstream.small], {
    cores: parts.cores,
    on: parts.cores.subject,
    env: { NODE_ENV: "production" },
    ready: address,
  });
  parts.cleanup.defer(server.stop);
  return { ...program, url: address, pid: server.pid };
}

/** The peers' packages are installed when they are first wanted, from their own lock file. */
async function install(cores: Cores): Promise<void> {
  const folder = fileURLToPath(new URL("..", import.meta.url));
  if (existsSync(`${folder}/node_modules/.package-lock.json`)) return;
  console.log("installing the competitors (npm ci in benchmarks/) ...");
  await runProgram(cores, [], ["npm", "ci", "--prefix", folder, "--ignore-scripts", "--loglevel=error"]);
}
