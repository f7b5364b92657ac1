import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Cores } from "./cores.ts";
import { type Server, startServer } from "./processes.ts";

export interface NginxOptions {
  readonly cores: Cores;
  readonly on: readonly number[];
  /** A folder for this nginx alone; it is made. */
  readonly folder: string;
  readonly port: number;
  /** What stands in its `http` block. */
  readonly http: string;
}

/** nginx's version; undefined where there is none. */
export function nginxVersion(): string | undefined {
  const { status, stderr } = spawnSync("nginx", ["-v"], { encoding: "utf8" });
  return status === 0 ? /nginx\/([\d.]+)/.exec(stderr)?.[1] : undefined;
}

/** Start nginx with one worker and without logs; its first server must listen on `port`. */
export function startNginx({ cores, on, folder, port, http }: NginxOptions): Promise<Server> {
  mkdirSync(folder, { recursive: true });
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  );
  const file = join(folder, "nginx.conf");
  writeFileSync(
    file,
    `daemon off;
pid ${folder}/nginx.pid;
error_log stderr crit;
worker_processes 1;
${process.getuid?.() === 0 ? "user root;" : ""}
events { worker_connections 8192; }
http {
access_log off;
keepalive_requests 1000000000;
${temporary.join("\n")}
${http}
}
`,
  );
  const command = ["nginx", "-p", folder, "-e", "stderr", "-c", file];
  return startServer(command, { cores, on, ready: `http://127.0.0.1:${port}/` });
}
