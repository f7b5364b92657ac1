import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Bench } from "./bench.ts";
import { h2loadCommand, parseLatencies, WARM_UP_SECONDS } from "./h2load.ts";
import { runProgram, usageOf } from "./processes.ts";
import type { Contender, Sample } from "./row.ts";
import type { Subject } from "./subject.ts";
import { parseWrk, type WrkOptions, type WrkResult, wrkCommand } from "./wrk.ts";

export interface Requests {
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly script?: WrkOptions["script"];
  /** Look at what a run gave; throws when an answer was wrong. */
  readonly verify?: (result: WrkResult) => void;
  /** Look at the answers before they are counted. */
  check(): Promise<void>;
}

/** Someone who does as many of these requests as they can. */
export function throughput(bench: Bench, subject: Subject, { path, verify, check, ...rest }: Requests): Contender {
  const { cores, options } = bench;
  const threads = Math.max(1, Math.min(cores.load.length, options.connections));
  return {
    name: subject.name,
    check,
    async run(seconds) {
      const command = wrkCommand(subject.url + path, { connections: options.connections, threads, seconds, ...rest });
      const [report, sample] = await observe(
        subject,
        () => runProgram(cores, cores.load, command),
        (text) => parseWrk(text).requests,
      );
      const result = parseWrk(report);
      const { refused, socketErrors, requests, rate } = result;
      if (refused + socketErrors > 0) {
        throw new Error(
          `${subject.name}: of ${requests} requests ${refused} were refused, ${socketErrors} connections failed`,
        );
      }
      verify?.(result);
      return { rate, ...sample };
    },
  };
}

/** Someone who does these requests at a fixed rate. */
export function latency(bench: Bench, subject: Subject, { path, headers = {}, check }: Requests): Contender {
  const { cores, options } = bench;
  const logFile = join(bench.folder, "h2load.log");
  // The rate is divided among the connections: a number of them that divides it well.
  const connections = Math.max(1, Math.floor(options.connections / 10) * 10);
  return {
    name: subject.name,
    check,
    async run(seconds) {
      const command = h2loadCommand(subject.url + path, { connections, seconds, rate: options.rate, headers, logFile });
      rmSync(logFile, { force: true }); // h2load would append to it.
      const read = () => parseLatencies(readFileSync(logFile, "utf8"));
      const [, sample] = await observe(
        subject,
        () => runProgram(cores, cores.load, command),
        // The log is without those of the warm-up, the CPU time with them.
        () => read().requests * ((seconds + WARM_UP_SECONDS) / seconds),
      );
      const { failed, requests, rate, p99Ms } = read();
      if (failed > 0) throw new Error(`${subject.name}: ${failed} of ${requests} requests failed`);
      return { rate, p99Ms, ...sample };
    },
  };
}

/** Run the load and see what it costs the subject. */
async function observe(
  subject: Subject,
  run: () => Promise<string>,
  requestsOf: (output: string) => number,
): Promise<[output: string, sample: Pick<Sample, "cpu" | "memory">]> {
  const before = subject.pid === undefined ? undefined : usageOf(subject.pid);
  const output = await run();
  const after = subject.pid === undefined ? undefined : usageOf(subject.pid);
  if (!before || !after || after.cpu === 0) return [output, {}];
  return [output, { cpu: (after.cpu - before.cpu) / requestsOf(output), memory: after.memory / 1e6 }];
}
