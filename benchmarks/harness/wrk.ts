import { fileURLToPath } from "node:url";

/** What one run of wrk saw. */
export interface WrkResult {
  readonly requests: number;
  /** Requests per second. */
  readonly rate: number;
  /** Answers of another status than 2xx or 3xx. */
  readonly refused: number;
  /** Connections that failed, broke or timed out. */
  readonly socketErrors: number;
  /** Counted by a script that looks at every answer: `answers`, `ok`, `cookies`. */
  readonly counts: Readonly<Record<string, number>>;
}

export interface WrkOptions {
  readonly connections: number;
  readonly threads: number;
  readonly seconds: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** A script beside this file, and its arguments. */
  readonly script?: readonly [name: string, ...args: string[]];
}

export function wrkCommand(url: string, { connections, threads, seconds, headers = {}, script }: WrkOptions): string[] {
  const fields = Object.entries(headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`]);
  const [file, ...args] = script ?? [];
  const lua = file === undefined ? [] : ["-s", fileURLToPath(new URL(file, import.meta.url))];
  const size = ["-t", `${threads}`, "-c", `${connections}`, "-d", `${seconds}s`, "--timeout", "10s"];
  return ["wrk", ...size, ...fields, ...lua, url, ...(args.length > 0 ? ["--", ...args] : [])];
}

/** Read wrk's report. Throws when it is none. */
export function parseWrk(text: string): WrkResult {
  const requests = /^\s*(\d+) requests in /m.exec(text)?.[1];
  const rate = /^Requests\/sec:\s+([\d.]+)/m.exec(text)?.[1];
  if (requests === undefined || rate === undefined) throw new Error(`wrk gave no report:\n${text}`);
  const errors = /^\s*Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/m.exec(text)?.slice(1) ?? [];
  const counts = /^counts:(.*)$/m.exec(text)?.[1] ?? "";
  return {
    requests: Number(requests),
    rate: Number(rate),
    refused: Number(/^\s*Non-2xx or 3xx responses: (\d+)/m.exec(text)?.[1] ?? 0),
    socketErrors: errors.reduce((sum, count) => sum + Number(count), 0),
    counts: Object.fromEntries([...counts.matchAll(/(\w+)=(\d+)/g)].map(([, name, value]) => [name, Number(value)])),
  };
}
