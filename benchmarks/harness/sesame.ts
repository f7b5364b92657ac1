import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { configure } from "./configuration.ts";
import type { Cores } from "./cores.ts";
import type { Engine } from "./options.ts";
import { freePort, runProgram, startServer } from "./processes.ts";
import type { Subject } from "./subject.ts";
import type { Upstream } from "./upstream.ts";

export interface Sesame extends Subject {
  /** The folder of its database. */
  readonly prefix: string;
  readonly admin: string;
  stop(): Promise<void>;
}

export interface SesameOptions {
  readonly cores: Cores;
  readonly upstream: Upstream;
  /** A folder for this gateway alone; it is made. */
  readonly prefix: string;
  readonly name?: string;
  readonly workers?: number;
  readonly engine: Engine;
  /** More settings by name, such as those of another database, which is migrated first. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Port of the Redis server where the route with `storage: redis` keeps its sessions; without it there is no such route. */
  readonly redisPort?: number;
  /** Of the package that is measured; the checkout's when absent. */
  readonly launcher?: string;
  /** Options for Node, as `--cpu-prof`. */
  readonly nodeOptions?: readonly string[];
  /** Puts more into the database, before the gateway starts for good; the standard configuration is there already. */
  readonly seed?: (prefix: string) => Promise<void>;
}

const checkout = fileURLToPath(new URL("../../bin/sesame", import.meta.url));

/** Start Sesame as a process of its own, without access logs, configured through its Admin API. */
export async function startSesame(options: SesameOptions): Promise<Sesame> {
  const { upstream, prefix, seed, redisPort, cores, settings, launcher = checkout } = options;
  mkdirSync(prefix, { recursive: true, mode: 0o700 });
  if (settings) {
    const command = [process.execPath, launcher, "migrations", "up", "--prefix", prefix];
    await runProgram(cores, cores.load, command, environmentOf(settings));
  }
  const configured = await launch(options);
  await configure(configured.admin, upstream, redisPort);
  if (seed === undefined) return configured;
  await configured.stop();
  await seed(prefix);
  return launch(options);
}

function environmentOf(settings: SesameOptions["settings"] = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(settings).map(([name, value]) => [`SESAME_${name.toUpperCase()}`, value]));
}

async function launch(options: SesameOptions): Promise<Sesame> {
  const { cores, prefix, name = "Sesame", workers = 1, nodeOptions = [], engine, launcher = checkout } = options;
  const [port, adminPort] = [await freePort(), await freePort()];
  const url = `http://127.0.0.1:${port}`;
  const admin = `http://127.0.0.1:${adminPort}`;
  const settings = {
    ...environmentOf(options.settings),
    SESAME_PREFIX: prefix,
    SESAME_HTTP_ENGINE: engine,
    SESAME_PROXY_LISTEN: `127.0.0.1:${port}`,
    SESAME_ADMIN_LISTEN: `127.0.0.1:${adminPort}`,
    SESAME_STATUS_LISTEN: "off",
    SESAME_NGINX_WORKER_PROCESSES: `${workers}`,
    SESAME_PROXY_ACCESS_LOG: "off",
    SESAME_ADMIN_ACCESS_LOG: "off",
    SESAME_LOG_LEVEL: "warn",
  };
  const server = await startServer([process.execPath, ...nodeOptions, launcher, "start"], {
    cores,
    on: workers === 1 ? cores.subject : cores.all.slice(0, workers),
    env: settings,
    // Workers may serve before the primary does.
    ready: () => Promise.all([fetch(url), fetch(admin)]),
  });
  return {
    name,
    url,
    ...server,
    works: ["proxy", "bodies", "session", "login"],
    prefix,
    admin,
  };
}
