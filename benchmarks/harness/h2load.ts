/** What one run of h2load saw. */
export interface Latencies {
  readonly requests: number;
  /** Answers of another status than 200, and requests without an answer. */
  readonly failed: number;
  /** Requests per second that were answered. */
  readonly rate: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface H2loadOptions {
  readonly connections: number;
  readonly seconds: number;
  /** Requests per second of all connections together. */
  readonly rate: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Where each request is noted. */
  readonly logFile: string;
}

/** Before the requests that are noted there are others, at the same rate. */
export const WARM_UP_SECONDS = 1;

export function h2loadCommand(url: string, options: H2loadOptions): string[] {
  const { connections, seconds, rate, headers = {}, logFile } = options;
  const fields = Object.entries(headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`]);
  const size = [
    "-c",
    `${connections}`,
    "-t",
    "1",
    "-D",
    `${seconds}`,
    `--warm-up-time=${WARM_UP_SECONDS}`,
    `--rps=${rate / connections}`,
  ];
  return ["h2load", "--h1", ...size, `--log-file=${logFile}`, ...fields, url];
}

/** Read a log of h2load: start in microseconds since the epoch, status, microseconds until the end of the answer. */
export function parseLatencies(log: string): Latencies {
  const times: number[] = [];
  let failed = 0;
  let first = Number.POSITIVE_INFINITY;
  let last = 0;
  for (const line of log.split("\n")) {
    if (line === "") continue;
    const [start, status, time] = line.split("\t").map(Number);
    if (start === undefined || status === undefined || time === undefined || Number.isNaN(start + status + time)) {
      throw new Error(`not a line of h2load's log: '${line}'`);
    }
    if (status !== 200) failed++;
    first = Math.min(first, start);
    last = Math.max(last, start);
    times.push(time);
  }
  if (times.length === 0) throw new Error("h2load's log is empty");
  times.sort((a, b) => a - b);
  return {
    requests: times.length,
    failed,
    rate: last > first ? (times.length - 1) / ((last - first) / 1e6) : 0,
    p50Ms: percentile(times, 0.5) / 1000,
    p99Ms: percentile(times, 0.99) / 1000,
  };
}

/** Nearest rank, in a sorted list. */
function percentile(sorted: readonly number[], part: number): number {
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)]!;
}
