import { mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "iovalkey";
import { openCassandra } from "../../src/plugins/session/clients/cassandra.ts";
import { openMysql } from "../../src/plugins/session/clients/mysql.ts";
import { openPostgres } from "../../src/plugins/session/clients/postgres.ts";
import type { SqlClient } from "../../src/session/index.ts";
import { lackingCassandra, startCassandra } from "./cassandra-server.ts";
import { askMemcached, startMemcached } from "./memcached-server.ts";
import { startRedis } from "./redis-servers.ts";
import { lacking, type TestServer } from "./servers.ts";
import { startMariadb, startPostgres } from "./sql-servers.ts";

/** A storage of sessions that gateways can share, as the session plugin calls it. */
export interface StorageKind {
  readonly storage: "redis" | "memcached" | "mysql" | "postgres" | "file" | "cassandra";
  /** Why there is none; false when there is. */
  lacks(): string | false;
  start(): Promise<StartedStorage>;
}

export interface StartedStorage {
  readonly server: Pick<TestServer, "port" | "start" | "kill" | "remove">;
  /** What the session plugin gets as the setting of this name. */
  readonly settings: object;
  /** Delete what is revoked there, if not everything. */
  empty(): Promise<void>;
}

const host = "127.0.0.1";

export const storageKinds: readonly StorageKind[] = [
  {
    storage: "redis",
    lacks: () => lacking("redis-server"),
    async start() {
      const server = await startRedis();
      return {
        server,
        settings: { host, port: server.port, prefix: "p", database: 1 },
        async empty() {
          const redis = new Redis(server.port, host);
          await redis.flushall();
          redis.disconnect();
        },
      };
    },
  },
  {
    storage: "memcached",
    lacks: () => lacking("memcached"),
    async start() {
      const server = await startMemcached();
      return {
        server,
        settings: { host, port: server.port, suffix: "s" },
        empty: async () => void (await askMemcached(server.port, "flush_all\r\n", "OK\r\n")),
      };
    },
  },
  {
    storage: "mysql",
    lacks: () => lacking("mariadbd", "mariadb-install-db"),
    async start() {
      const server = await startMariadb("a secret");
      const settings = { ...server.settings, create_tables: true, pool_size: 2 };
      return { server, settings, empty: () => truncate(openMysql(settings), "sessions_revoked") };
    },
  },
  {
    storage: "postgres",
    lacks: () => lacking("postgres", "initdb"),
    async start() {
      const server = await startPostgres("a secret");
      const settings = { ...server.settings, create_tables: true, table: "visits" };
      return { server, settings, empty: () => truncate(openPostgres(settings), "visits_revoked") };
    },
  },
  {
    storage: "file",
    lacks: () => false,
    async start() {
      const folder = mkdtempSync(join(tmpdir(), "sesame-files-"));
      const path = join(folder, "sessions");
      const elsewhere = join(folder, "elsewhere");
      mkdirSync(path);
      return {
        server: {
          port: 0,
          start: async () => renameSync(elsewhere, path),
          kill: async () => renameSync(path, elsewhere),
          remove: async () => rmSync(folder, { recursive: true }),
        },
        settings: { path, prefix: "p", suffix: "s" },
        async empty() {
          // Gateways may be writing there.
          renameSync(path, elsewhere);
          mkdirSync(path);
          rmSync(elsewhere, { recursive: true });
        },
      };
    },
  },
  {
    storage: "cassandra",
    lacks: lackingCassandra,
    async start() {
      const server = await startCassandra();
      const settings = { ...server.settings, create_tables: true, table_meta: "visitors" };
      const open = () => openCassandra({ ...settings, read_timeout: 10_000 });
      return { server, settings, empty: () => truncate(open(), "sessions_revoked") };
    },
  },
];

async function truncate(client: SqlClient & { close(): Promise<void> }, table: string): Promise<void> {
  try {
    await client.query(`TRUNCATE TABLE ${table}`, []);
  } finally {
    await client.close();
  }
}
