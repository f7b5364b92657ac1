import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** Which processors what runs on. */
export interface Cores {
  /** All that this process may use. */
  readonly all: readonly number[];
  /** One, for the process under test. */
  readonly subject: readonly number[];
  /** The others, for load and upstream. */
  readonly load: readonly number[];
  /** False where processes cannot be pinned: no taskset, or one processor. */
  readonly pinned: boolean;
}

/** The numbers in a list such as `0-2,5`. */
export function parseList(text: string): number[] {
  return text
    .trim()
    .split(",")
    .filter(Boolean)
    .flatMap((part) => {
      const [from = 0, to = from] = part.split("-").map(Number);
      return Array.from({ length: to - from + 1 }, (_, index) => from + index);
    });
}

export function findCores(): Cores {
  const all = allowed();
  const pinned = all.length > 1 && spawnSync("taskset", ["--version"]).status === 0;
  return { all, subject: all.slice(0, 1), load: all.slice(1), pinned };
}

function allowed(): number[] {
  try {
    const status = readFileSync("/proc/self/status", "utf8");
    return parseList(/^Cpus_allowed_list:\s*(.*)$/m.exec(status)?.[1] ?? "");
  } catch {
    return [];
  }
}

/** The command and its arguments, pinned to these processors where that can be done. */
export function pin(cores: Cores, to: readonly number[], command: readonly string[]): [string, string[]] {
  const [first = "", ...rest] = cores.pinned && to.length > 0 ? ["taskset", "-c", to.join(","), ...command] : command;
  return [first, rest];
}
