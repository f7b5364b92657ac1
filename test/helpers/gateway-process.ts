import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { Agent, type IncomingMessage, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { engineSettings } from "./engine-settings.ts";
import { freeze, groupOf, isRunning, thaw } from "./processes.ts";

const launcher = fileURLToPath(new URL("../../bin/sesame", import.meta.url));

/** A gateway in processes of its own, as an operator starts it; it is killed with the test, should it still run. */
export interface GatewayProcess {
  readonly child: ChildProcess;
  readonly prefix: string;
  /** `http://127.0.0.1:port` of the first listener, without a slash at the end; empty when it is off. */
  readonly proxy: string;
  readonly admin: string;
  readonly status: string;
  /** What it has written to standard output and standard error so far. */
  readonly output: () => string;
  readonly errors: () => string;
  /** How it ended: its exit code, else the signal. */
  readonly ended: Promise<number | NodeJS.Signals>;
  /** The process ids of the workers now; that of the one process when there are none. */
  workers(): Promise<readonly number[]>;
  /** Send JSON to the Admin API, expecting a status of 2xx; answers the body. */
  change(method: string, path: string, entity?: object): Promise<Record<string, unknown> & { readonly id: string }>;
  /** Stop all of its processes where they are, until `thaw`. */
  freeze(): void;
  thaw(): void;
}

export interface SpawnOptions {
  /** Settings by name; they join those that give a gateway free ports on the loopback and a fresh prefix. */
  readonly settings?: Readonly<Record<string, string>>;
  /** The Node that runs the launcher; this one when absent. */
  readonly node?: string;
  /** Variables of its environment beside the settings. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A new folder below the system's temporary one, removed with the test. */
export function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "sesame-test-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Run `sesame start`, without waiting until it serves. */
export function spawnStart(t: TestContext, options: SpawnOptions = {}) {
  const { settings = {}, node = process.execPath } = options;
  const { prefix = join(temporaryFolder(t), "prefix") } = settings;
  const all = {
    proxy_listen: "127.0.0.1:0",
    admin_listen: "127.0.0.1:0",
    status_listen: "127.0.0.1:0",
    nginx_worker_processes: "1",
    ...engineSettings,
    ...settings,
    prefix,
  };
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(?:SESAME|KONG|NODE)_/.test(name)));
  Object.assign(env, options.env);
  for (const [name, value] of Object.entries(all)) env[`SESAME_${name.toUpperCase()}`] = value;
  const child = spawn(node, [launcher, "start"], { env, stdio: ["ignore", "pipe", "pipe"], detached: true });
  // The whole group: a worker that a test has stopped would not notice that its gateway is gone.
  t.after(() => isRunning(-child.pid!) && process.kill(-child.pid!, "SIGKILL"));
  let output = "";
  let errors = "";
  child.stdout.setEncoding("utf8").on("data", (text) => (output += text));
  child.stderr.setEncoding("utf8").on("data", (text) => (errors += text));
  const ended = once(child, "close").then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals);
  return { child, prefix, output: () => output, errors: () => errors, ended };
}

/** Run `sesame start` until it serves; fails the test when it ends instead. */
export async function spawnGateway(t: TestContext, options: SpawnOptions = {}): Promise<GatewayProcess> {
  const started = spawnStart(t, options);
  const { child, output, errors, ended } = started;
  const isUp = () => /^status .*\n/m.test(output());
  void ended.then(() => child.stdout.emit("data", ""));
  while (!isUp()) {
    assert.equal(child.exitCode ?? child.signalCode, null, errors());
    await once(child.stdout, "data");
  }
  const urlOf = (kind: string) => new RegExp(`^${kind} +(http\\S+)`, "m").exec(output())?.[1] ?? "";
  const admin = urlOf("admin");
  return {
    ...started,
    proxy: urlOf("proxy"),
    admin,
    status: urlOf("status"),
    async workers() {
      const facts = (await (await fetch(`${admin}/`)).json()) as { pids: { workers: number[] } };
      return facts.pids.workers;
    },
    async change(method, path, entity = {}) {
      const response = await fetch(admin + path, {
        method,
        headers: { "content-type": "application/json" },
        body: JSON.stringify(entity),
      });
      const body = await response.text();
      assert.ok(response.ok, `${method} ${path}: ${response.status} ${body}`);
      return body === "" ? {} : JSON.parse(body);
    },
    freeze: () => freeze(groupOf(child.pid!)),
    thaw: () => thaw(groupOf(child.pid!)),
  };
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** A GET over a connection of its own, or one that an agent keeps. */
export async function get(url: string, headers: Record<string, string> = {}, agent?: Agent): Promise<Answer> {
  const asked = request(url, { headers, agent: agent ?? false });
  asked.end();
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  let body = "";
  for await (const text of response.setEncoding("utf8")) body += text;
  return { status: response.statusCode!, headers: response.headers, body };
}

/** For each worker an agent whose one connection that worker has accepted: the others are stopped meanwhile. */
export async function connectToEach(t: TestContext, gateway: GatewayProcess): Promise<Agent[]> {
  const pids = await gateway.workers();
  const agents: Agent[] = [];
  for (const pid of pids) {
    const others = pids.filter((other) => other !== pid);
    freeze(others);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    t.after(() => agent.destroy());
    await get(gateway.proxy, {}, agent);
    thaw(others);
    agents.push(agent);
  }
  return agents;
}
