import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createConnection } from "mysql2/promise";
import pg from "pg";
import { freePort, run, serverFolder, startServer, type TestServer, unprivileged } from "./servers.ts";

/** A server with one database for tests, and how its user `sesame` gets there. */
export interface SqlServer extends TestServer {
  readonly settings: {
    readonly host: string;
    readonly port: number;
    readonly username: string;
    readonly password: string;
    readonly database: string;
  };
}

const username = "sesame";
const database = "sesame";
const host = "127.0.0.1";

/** PostgreSQL with a password, and with these settings (`name=value`); `socket` is in its folder too. */
export async function startPostgres(password: string, more: readonly string[] = []): Promise<SqlServer> {
  const user = unprivileged();
  const at = { port: await freePort(), folder: serverFolder(user), user };
  const data = join(at.folder, "data");
  const secret = join(at.folder, "password");
  writeFileSync(secret, password, { mode: 0o644 });
  const init = ["-D", data, "-U", username, "-A", "scram-sha-256", `--pwfile=${secret}`, "-E", "UTF8", "--no-sync"];
  run("initdb", [...init, "--locale=C"], user, at.folder);
  const settings = { host, port: at.port, username, password, database };
  const connect = (to: string) => new pg.Client({ host, port: at.port, user: username, password, database: to });
  const quick = ["fsync=off", "full_page_writes=off", "shared_buffers=16MB"];
  const options = [`listen_addresses=${host}`, `unix_socket_directories=${at.folder}`, ...quick, ...more];
  const args = ["-D", data, "-p", String(at.port), ...options.flatMap((option) => ["-c", option])];
  const server = await startServer("postgres", args, at, async () => {
    const client = connect("postgres");
    await client.connect();
    await client.end();
    return true;
  });
  const client = connect("postgres");
  await client.connect();
  await client.query(`CREATE DATABASE ${database}`);
  await client.end();
  return { ...server, settings };
}

/** A standby of a PostgreSQL, which follows it by streaming replication. */
export async function startStandby({ settings }: SqlServer): Promise<SqlServer> {
  const user = unprivileged();
  const at = { port: await freePort(), folder: serverFolder(user), user };
  const data = join(at.folder, "data");
  const from = `postgresql://${username}:${encodeURIComponent(settings.password)}@${host}:${settings.port}/`;
  run("pg_basebackup", ["-D", data, "-d", from, "-R", "--checkpoint=fast", "--no-sync"], user, at.folder);
  const args = ["-D", data, "-p", String(at.port)];
  const options = [
    `listen_addresses=${host}`,
    `unix_socket_directories=${at.folder}`,
    "fsync=off",
    "shared_buffers=16MB",
  ];
  const server = await startServer(
    "postgres",
    [...args, ...options.flatMap((option) => ["-c", option])],
    at,
    async () => {
      const client = new pg.Client({ ...settings, port: at.port, user: username });
      await client.connect();
      await client.end();
      return true;
    },
  );
  return { ...server, settings: { ...settings, port: at.port } };
}

/** MariaDB with a user that has a password. */
export async function startMariadb(password: string): Promise<SqlServer> {
  const user = unprivileged();
  const at = { port: await freePort(), folder: serverFolder(user), user };
  const data = join(at.folder, "data");
  const init = ["--no-defaults", `--datadir=${data}`, "--auth-root-authentication-method=normal", "--skip-test-db"];
  run("mariadb-install-db", [...init, "--skip-name-resolve"], user, at.folder);
  const args = [
    "--no-defaults",
    `--datadir=${data}`,
    `--socket=${join(at.folder, "mariadb.sock")}`,
    `--pid-file=${join(at.folder, "mariadb.pid")}`,
    `--port=${at.port}`,
    `--bind-address=${host}`,
    "--skip-name-resolve",
    "--skip-log-bin",
    "--performance-schema=OFF",
    "--innodb-flush-log-at-trx-commit=2",
    "--innodb-buffer-pool-size=16M",
    "--innodb-log-file-size=8M",
    // Elsewhere on the globe, so that times are shown to be written as UTC.
    "--default-time-zone=+05:00",
  ];
  const connect = () => createConnection({ host, port: at.port, user: "root" });
  const server = await startServer("mariadbd", args, at, async () => {
    await (await connect()).end();
    return true;
  });
  const connection = await connect();
  await connection.query(`CREATE DATABASE ${database}`);
  await connection.query(`CREATE USER ${username}@'%' IDENTIFIED BY '${password}'`);
  await connection.query(`GRANT ALL ON ${database}.* TO ${username}@'%'`);
  await connection.end();
  return { ...server, settings: { host, port: at.port, username, password, database } };
}
