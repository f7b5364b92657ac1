import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { type Cores, pin } from "./cores.ts";

/** A server that was started and can be stopped. */
export interface Server {
  readonly pid: number;
  stop(): Promise<void>;
}

export interface ServerOptions {
  readonly cores: Cores;
  /** The processors it runs on. */
  readonly on: readonly number[];
  readonly env?: Readonly<Record<string, string>>;
  /** An address that answers, with whatever status, once the server is ready; or what resolves then, and rejects before. */
  readonly ready: string | (() => Promise<unknown>);
  /** Whom it runs as, where it refuses to run as root. */
  readonly user?: { readonly uid?: number; readonly gid?: number };
}

const READY_WITHIN_MS = 60_000;
const STOP_WITHIN_MS = 10_000;
const CUT_SHORT_MS = 1_000;
const children = new Set<ChildProcess>();

// Nothing outlives the benchmark, however it ends; what is cut short gets a moment to end in good order.
process.on("exit", () => {
  if (children.size === 0) return;
  for (const child of children) child.kill("SIGTERM");
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, CUT_SHORT_MS);
});

/** Start a server and wait until it answers. Rejects with what it wrote when it ends before. */
export async function startServer(command: readonly string[], options: ServerOptions): Promise<Server> {
  const [file, args] = pin(options.cores, options.on, command);
  const { env, user, ready } = options;
  const child = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...env }, ...user });
  children.add(child);
  let output = "";
  const keep = (chunk: Buffer) => {
    output = (output + chunk).slice(-2000);
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  const ended = new Promise<void>((resolve) => {
    child.on("error", (error) => keep(Buffer.from(error.message)));
    child.on("close", () => {
      children.delete(child);
      resolve();
    });
  });
  const stop = async () => {
    child.kill("SIGTERM");
    const kill = setTimeout(() => child.kill("SIGKILL"), STOP_WITHIN_MS);
    await ended;
    clearTimeout(kill);
  };
  const deadline = Date.now() + READY_WITHIN_MS;
  while (!(await answers(ready))) {
    if (children.has(child) && Date.now() < deadline) await sleep(50);
    else {
      await stop();
      throw new Error(`${command.slice(0, 3).join(" ")} does not serve:\n${output}`);
    }
  }
  return { pid: child.pid!, stop };
}

async function answers(ready: ServerOptions["ready"]): Promise<boolean> {
  try {
    if (typeof ready === "string") await (await fetch(ready, { signal: AbortSignal.timeout(2000) })).arrayBuffer();
    else await ready();
    return true;
  } catch {
    return false;
  }
}

/** What a program that ends by itself wrote to its standard output. Rejects when it fails. */
export function runProgram(
  cores: Cores,
  on: readonly number[],
  command: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const [file, args] = pin(cores, on, command);
  const child = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...env } });
  children.add(child);
  let output = "";
  let errors = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk));
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      children.delete(child);
      if (code === 0) resolve(output);
      else reject(new Error(`${command[0]} ended with ${code}: ${errors || output}`));
    });
  });
}

/** A port of this machine that was free just now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

/** What a process and its descendants have used so far. */
export interface Usage {
  /** User and system, in microseconds. */
  readonly cpu: number;
  /** Resident memory in bytes; shared pages count for each. */
  readonly memory: number;
  /** The most it ever was. */
  readonly peak: number;
}

/** proc(5) counts in hundredths of a second, and pages of 4 KiB on the machines we know. */
const TICK_MICROS = 10_000;
const PAGE = 4096;

/** The usage of a process tree; undefined where there is no /proc. */
export function usageOf(pid: number): Usage | undefined {
  try {
    const stats = allStats();
    let cpu = 0;
    let memory = 0;
    let peak = 0;
    for (const member of treeOf(pid, stats)) {
      cpu += member.ticks * TICK_MICROS;
      memory += member.pages * PAGE;
      peak += peakOf(member.pid);
    }
    return { cpu, memory, peak };
  } catch {
    return undefined;
  }
}

function peakOf(pid: number): number {
  return 1024 * Number(/^VmHWM:\s*(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
}

export interface Stat {
  readonly pid: number;
  readonly parent: number;
  readonly ticks: number;
  readonly pages: number;
}

/** The line of /proc/PID/stat; its second member is a name in parentheses that may hold blanks and parentheses. */
export function parseStat(text: string): Stat {
  const end = text.lastIndexOf(")");
  const rest = text.slice(end + 2).split(" ");
  return {
    pid: Number.parseInt(text, 10),
    parent: Number(rest[1]),
    ticks: Number(rest[11]) + Number(rest[12]),
    pages: Number(rest[21]),
  };
}

function allStats(): Stat[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        return [parseStat(readFileSync(`/proc/${name}/stat`, "utf8"))];
      } catch {
        return []; // It ended meanwhile.
      }
    });
}

function treeOf(pid: number, stats: readonly Stat[]): Stat[] {
  const root = stats.find((stat) => stat.pid === pid);
  if (!root) return [];
  return [root, ...stats.filter(({ parent }) => parent === pid).flatMap((child) => treeOf(child.pid, stats))];
}
