import type { Bench } from "./bench.ts";
import type { Goal } from "./goals.ts";

/** One line of work that is measured: the same requests to Sesame and to others. */
export interface Row {
  /** For `--only`. */
  readonly name: string;
  readonly title: string;
  readonly goal: Goal;
  /** It takes long, so it is run when it is named only. */
  readonly isExtra?: true;
  /** Runs of each contender, where one is enough. */
  readonly rounds?: number;
  /** Who does this work, Sesame first; or why it cannot be measured here. What it starts is stopped by `bench.cleanup`. */
  prepare(bench: Bench): Promise<readonly Contender[] | string>;
}

/** Someone doing the work of a row. */
export interface Contender {
  readonly name: string;
  /** Look at the answers, before any of them is counted. Rejects when one is not what it should be. */
  check(): Promise<void>;
  /** One run. Rejects when an answer was wrong. */
  run(seconds: number): Promise<Sample>;
}

/** What one run gave. */
export interface Sample {
  /** Requests per second. */
  readonly rate?: number;
  /** User and system, in microseconds per request, of all processes under test; absent where they cannot be seen. */
  readonly cpu?: number;
  readonly p99Ms?: number;
  /** Resident memory after the run, in MB (a million bytes). */
  readonly memory?: number;
  /** The most resident memory so far, in MB, where that is of interest. */
  readonly peak?: number;
}
