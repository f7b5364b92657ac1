import { spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";

// Processes that tests have started, and what may be done to them.

const FROZEN_WITHIN_MS = 10_000;

/** Whether a process is there, or with a negative id one of a group. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** A process and those that it has started. */
export const withChildren = (pid: number): number[] => [pid, ...idsWith("ppid", pid)];

/** The processes of a group. */
export const groupOf = (pid: number): number[] => idsWith("pgid", pid);

function idsWith(column: "ppid" | "pgid", value: number): number[] {
  const { stdout } = spawnSync("ps", ["-A", "-o", `${column}=,pid=`], { encoding: "utf8" });
  const rows = [...stdout.matchAll(/(\d+) +(\d+)/g)].map(([, of, pid]) => ({ of: Number(of), pid: Number(pid) }));
  return rows.filter(({ of }) => of === value).map(({ pid }) => pid);
}

/** Send a signal to those of the processes that are there. */
export function signalAll(pids: readonly number[], signal: "SIGKILL" | "SIGSTOP" | "SIGCONT"): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch {
      // It has ended with its parent.
    }
  }
}

/** Stop processes where they are, connections and all. On Linux none of their threads runs any more when this returns. */
export function freeze(pids: readonly number[]): void {
  signalAll(pids, "SIGSTOP");
  const end = performance.now() + FROZEN_WITHIN_MS;
  while (pids.some(hasRunningThread)) {
    if (performance.now() > end) throw new Error(`not stopped after ${FROZEN_WITHIN_MS} ms: ${pids.join(", ")}`);
    Atomics.wait(waiting, 0, 0, 1);
  }
}

const waiting = new Int32Array(new SharedArrayBuffer(4));

/** A signal takes a thread that runs on another core a moment, or one that waits for its turn longer. */
function hasRunningThread(pid: number): boolean {
  return globSync(`/proc/${pid}/task/*/stat`).some((path) => {
    try {
      return !/\) [TZX]/.test(readFileSync(path, "latin1"));
    } catch {
      return false; // It has ended.
    }
  });
}

/** Let processes go on. */
export function thaw(pids: readonly number[]): void {
  signalAll(pids, "SIGCONT");
}
