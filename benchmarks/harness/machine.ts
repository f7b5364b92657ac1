import { spawnSync } from "node:child_process";
import { cpus, loadavg, release, totalmem } from "node:os";
import type { Cores } from "./cores.ts";
import { nginxVersion } from "./nginx.ts";

/** Where and with what was measured. */
export interface Machine {
  readonly date: string;
  /** The commit that was checked out, whatever was changed since; empty outside of a clone. */
  readonly commit: string;
  readonly command: string;
  /** Sesame's `http_engine`. */
  readonly engine: string;
  readonly processors: string;
  readonly memory: string;
  readonly system: string;
  readonly pinning: string;
  readonly versions: string;
  /** Processes that wanted to run before the first row, a minute's average: above 0.5, somebody else was at work. */
  readonly load: number;
}

export function describeMachine(cores: Cores, command: string, engine: string): Machine {
  const models = cpus();
  const { subject, load } = cores;
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: spawnSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).stdout?.trim() ?? "",
    command,
    engine,
    processors: `${models.length} × ${models[0]?.model.trim() ?? "unknown"}`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    system: `${process.platform} ${release()}`,
    pinning: cores.pinned
      ? `process under test on core ${subject.join()}, load and upstream on ${load.join()}`
      : "processes are not pinned",
    versions: Object.entries({
      Node: process.version.slice(1),
      nginx: nginxVersion(),
      wrk: versionOf("wrk", /^wrk (?:debian\/)?([\d.]+)/m),
      h2load: versionOf("h2load", /nghttp2\/([\d.]+)/),
    })
      .map(([name, version]) => `${name} ${version ?? "missing"}`)
      .join(", "),
    load: Math.round(loadavg()[0]! * 100) / 100,
  };
}

/** The version a program tells; undefined when it is not there. */
export function versionOf(program: string, pattern: RegExp): string | undefined {
  const { error, stdout, stderr } = spawnSync(program, [program === "wrk" ? "-v" : "--version"], { encoding: "utf8" });
  const match = error ? undefined : pattern.exec(stdout + stderr);
  return match ? (match[1] ?? match[0]) : undefined;
}
