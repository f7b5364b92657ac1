import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chownSync, existsSync, globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { after, before } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { freeze, signalAll, thaw, withChildren } from "./processes.ts";

// Real servers for tests: programs of this machine on free ports of the loopback, with folders of their own.

const SETTLED_WITHIN_MS = 60_000;

/** The path of a program, also where Debian keeps those of PostgreSQL; undefined when there is none. */
export function find(program: string): string | undefined {
  const folders = (process.env.PATH ?? "").split(delimiter);
  const more = ["/usr/sbin", "/usr/local/sbin", ...globSync("/usr/lib/postgresql/*/bin").sort().reverse()];
  return [...folders, ...more].map((folder) => join(folder, program)).find((path) => existsSync(path));
}

/** Why tests that need these programs are skipped; false when they are all there. In CI a missing one is an error. */
export function lacking(...programs: string[]): string | false {
  const missing = programs.filter((program) => find(program) === undefined);
  if (missing.length === 0) return false;
  const reason = `not installed here: ${missing.join(", ")}`;
  if (process.env.CI) throw new Error(reason);
  return reason;
}

/** A port nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

/** Whether a server takes connections. */
export async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** Wait until something is so; what throws is not so yet. */
export async function until(
  what: string,
  isSo: () => Promise<boolean> | boolean,
  ms = SETTLED_WITHIN_MS,
): Promise<void> {
  const end = performance.now() + ms;
  let last: unknown;
  while (performance.now() < end) {
    try {
      if (await isSo()) return;
    } catch (error) {
      last = error;
    }
    await sleep(25);
  }
  throw new Error(`${what}: not after ${ms} ms`, { cause: last });
}

/** Servers that refuse to run as root run as this user, if we are root. */
interface User {
  readonly uid?: number;
  readonly gid?: number;
}

export function unprivileged(): User {
  if (process.getuid?.() !== 0) return {};
  const [, uid, gid] = /^nobody:[^:]*:(\d+):(\d+):/m.exec(readFileSync("/etc/passwd", "utf8")) ?? [];
  return { uid: Number(uid), gid: Number(gid) };
}

/** An empty folder for this user. */
export function serverFolder({ uid, gid }: User = {}): string {
  const folder = mkdtempSync(join(tmpdir(), "sesame-server-"));
  if (uid !== undefined && gid !== undefined) chownSync(folder, uid, gid);
  return folder;
}

/** Run a program to its end, for at most `ms`. */
export function run(
  program: string,
  args: readonly string[],
  user: User = {},
  cwd?: string,
  ms = SETTLED_WITHIN_MS,
): void {
  const { status, stdout, stderr, error } = spawnSync(find(program)!, args, {
    ...user,
    cwd,
    encoding: "utf8",
    timeout: ms,
  });
  if (status !== 0) throw new Error(`${program} ended with ${status}:\n${stdout}${stderr}`, { cause: error });
}

export interface TestServer {
  readonly port: number;
  /** Start it again after `kill`, on the same port and folder. */
  start(): Promise<void>;
  /** End it without a warning. */
  kill(): Promise<void>;
  /** Stop it where it is, connections and all, until `thaw`. */
  freeze(): void;
  thaw(): void;
  /** End it for good and remove its folder. */
  remove(): Promise<void>;
}

/** The servers that run with their folders, and the processes of those that are frozen: these do not end by themselves. */
const running = new Map<ChildProcess, { readonly folder: string; frozen: readonly number[] }>();
process.once("exit", () => {
  for (const [server, { folder, frozen }] of running) {
    signalAll([server.pid!, ...frozen], "SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  }
});
// A second signal must not end us before that is done.
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => process.exit(1));

/** Start a server in its folder; it is there when `isReady`, by default when it takes connections. */
export async function startServer(
  program: string,
  args: readonly string[],
  at: { readonly port: number; readonly folder: string; readonly user?: User },
  isReady: () => Promise<boolean> = () => accepts(at.port),
): Promise<TestServer> {
  let child: ChildProcess | undefined;
  const server: TestServer = {
    port: at.port,
    async start() {
      const { folder, user } = at;
      const started = spawn(find(program)!, args, { ...user, cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
      child = started;
      running.set(started, { folder, frozen: [] });
      let said = "";
      const listen = (bytes: Buffer) => {
        said = (said + bytes).slice(-4_000);
      };
      started.stdout.on("data", listen);
      started.stderr.on("data", listen);
      started.once("exit", () => running.delete(started));
      await until(`${program} is ready`, async () => started.exitCode !== null || (await isReady()));
      if (started.exitCode !== null) throw new Error(`${program} ended with ${started.exitCode}:\n${said}`);
    },
    async kill() {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, "exit");
      signalAll(withChildren(child.pid!), "SIGKILL");
      await ended;
    },
    freeze() {
      const frozen = withChildren(child!.pid!);
      running.get(child!)!.frozen = frozen;
      freeze(frozen);
    },
    thaw() {
      const server = running.get(child!)!;
      thaw(server.frozen);
      server.frozen = [];
    },
    async remove() {
      await server.kill();
      rmSync(at.folder, { recursive: true, force: true });
    },
  };
  await server.start();
  return server;
}

/** A server and a client of it for the tests of one `describe`: there from their beginning to their end. */
export function useServer<S extends { remove(): Promise<void> }, C extends { close(): Promise<void> }>(
  start: () => Promise<S>,
  connect: (server: S) => C,
): { readonly server: S; readonly client: C } {
  const used = {} as { server: S; client: C };
  before(async () => {
    used.server = await start();
    used.client = connect(used.server);
  });
  after(async () => {
    await used.client?.close();
    await used.server?.remove();
  });
  return used;
}
