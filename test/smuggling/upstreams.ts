import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { listen } from "../helpers/raw-http.ts";

/** A server that answers every request with its method and path, and remembers them. */
export interface Upstream {
  readonly port: number;
  /** Requests seen since the last call up to `last`: `METHOD path`, and where it can be known ` body`. */
  seen(last: string): Promise<string[]>;
  readonly knowsBodies: boolean;
}

export async function startNode(t: TestContext): Promise<Upstream> {
  let requests: string[] = [];
  const port = await listen(t, (request, response) => {
    let body = "";
    request.setEncoding("latin1");
    request.on("data", (text) => (body += text));
    request.on("end", () => {
      requests.push(`${request.method} ${request.url}${body && ` ${body}`}`);
      response.end(`${request.method} ${request.url}\n`);
    });
  });
  return {
    port,
    knowsBodies: true,
    async seen() {
      const seen = requests;
      requests = [];
      return seen;
    },
  };
}

/** Undefined where nginx is not installed; a CI must have it. */
export function findNginx(): string | undefined {
  const file = ["/usr/sbin/nginx", "/usr/local/sbin/nginx", "/usr/bin/nginx"].find((path) => existsSync(path));
  if (file === undefined && process.env["CI"]) throw new Error("nginx is missing: the CI must install it");
  return file;
}

export async function startNginx(t: TestContext, nginx: string): Promise<Upstream> {
  const folder = mkdtempSync(join(tmpdir(), "sesame-nginx-"));
  const port = await freePort();
  const log = join(folder, "access.log");
  const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  );
  writeFileSync(
    join(folder, "nginx.conf"),
    `daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/error.log; events {}
http { log_format seen '$request_method $request_uri'; access_log ${log} seen; ${paths.join(" ")}
  server { listen 127.0.0.1:${port}; location / { default_type text/plain; return 200 "$request_method $request_uri\\n"; } } }`,
  );
  const arguments_ = ["-p", folder, "-e", `${folder}/error.log`, "-c", `${folder}/nginx.conf`];
  execFileSync(nginx, ["-t", "-q", ...arguments_]);
  const child: ChildProcess = spawn(nginx, arguments_, { stdio: "ignore" });
  t.after(async () => {
    const exited = once(child, "exit");
    child.kill("SIGTERM");
    await exited;
    rmSync(folder, { recursive: true });
  });
  while (!(await answers(port))) await wait(10);
  let read = 0;
  return {
    port,
    knowsBodies: false,
    // nginx writes its log after its answer.
    async seen(last) {
      for (;;) {
        const text = readFileSync(log, "latin1");
        const seen = text.slice(read).split("\n").filter(Boolean);
        if (seen.at(-1) === last) {
          read = text.length;
          return seen;
        }
        await wait(1);
      }
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("connect", () => resolve(true)).on("error", () => resolve(false));
    socket.on("connect", () => socket.destroy());
  });
}
