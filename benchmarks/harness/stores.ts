import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "iovalkey";
import pg from "pg";
import { find, run, serverFolder, unprivileged } from "../../test/helpers/servers.ts";
import type { Bench } from "./bench.ts";
import { freePort, startServer } from "./processes.ts";

// Servers that keep sessions. They run where the load does, as they would on machines of their own, and end with the row.

export interface Postgres {
  /** The settings of a gateway on it. */
  readonly settings: Readonly<Record<string, string>>;
  query(sql: string): Promise<readonly Record<string, unknown>[]>;
}

const USER = "sesame";
const PASSWORD = "a password of the benchmarks";

/** A new PostgreSQL with the settings it comes with: a commit is on the disk when it is answered. */
export async function startPostgres({ cores, cleanup }: Bench): Promise<Postgres> {
  const user = unprivileged();
  const folder = serverFolder(user);
  const remove = () => rmSync(folder, { recursive: true, force: true });
  process.on("exit", remove);
  cleanup.defer(remove);
  const [port, data, secret] = [await freePort(), join(folder, "data"), join(folder, "password")];
  writeFileSync(secret, PASSWORD, { mode: 0o644 });
  const init = ["-D", data, "-U", USER, "-A", "scram-sha-256", `--pwfile=${secret}`, "-E", "UTF8", "--locale=C"];
  run("initdb", init, user, folder);
  const connection = { host: "127.0.0.1", port, user: USER, password: PASSWORD, database: "postgres" };
  const connect = async () => {
    const client = new pg.Client(connection);
    await client.connect();
    return client;
  };
  const options = ["listen_addresses=127.0.0.1", `unix_socket_directories=${folder}`];
  const command = [find("postgres")!, "-D", data, "-p", `${port}`, ...options.flatMap((option) => ["-c", option])];
  const ready = async () => (await connect()).end();
  const server = await startServer(command, { cores, on: cores.load, user, ready });
  cleanup.defer(server.stop);
  const client = await connect();
  cleanup.defer(() => client.end());
  return {
    settings: {
      database: "postgres",
      pg_host: connection.host,
      pg_port: `${port}`,
      pg_user: USER,
      pg_password: PASSWORD,
      pg_database: connection.database,
    },
    query: async (sql) => (await client.query(sql)).rows,
  };
}

/** A new Redis that keeps everything in memory; its port. */
export async function startRedis({ cores, cleanup }: Bench): Promise<number> {
  const port = await freePort();
  const command = [find("redis-server")!, "--bind", "127.0.0.1", "--port", `${port}`, "--save", ""];
  const ready = async () => {
    const redis = new Redis(port, "127.0.0.1", { lazyConnect: true, retryStrategy: () => null });
    redis.on("error", () => {});
    try {
      await redis.connect();
    } finally {
      redis.disconnect();
    }
  };
  const server = await startServer(command, { cores, on: cores.load, ready });
  cleanup.defer(server.stop);
  return port;
}
