import type { Services } from "../../../gateway/index.ts";
import { openCassandra } from "../clients/cassandra.ts";
import { openMemcached } from "../clients/memcached.ts";
import { openMysql } from "../clients/mysql.ts";
import { openPostgres } from "../clients/postgres.ts";
import type { Config } from "../config.ts";
import { cookieNameOf, given } from "../keeper.ts";
import { cassandraLog } from "./cassandra.ts";
import { fileLog } from "./file.ts";
import type { OpenedLog } from "./log.ts";
import { memcachedLog } from "./memcached.ts";
import { mysqlLog, postgresLog } from "./sql.ts";

export type LogKind = "file" | "memcached" | "mysql" | "postgres" | "cassandra";

/** Connections at most: who reads and who writes does not wait for the other, nor for sessions. */
const POOL_SIZE = 2;

/** What is revoked, over connections of its own to the storage that the setting of this kind describes. */
export function openLog(kind: LogKind, config: Config, { authorities }: Services): OpenedLog {
  const trust = { ca: authorities };
  const name = cookieNameOf(config);
  switch (kind) {
    case "file":
      return { log: fileLog({ ...given(config.file ?? {}), name }) };
    case "memcached": {
      const { prefix, suffix, ...server } = config.memcached ?? {};
      const client = openMemcached(server, trust);
      return { log: memcachedLog({ client, ...given({ prefix, suffix }), name }), close: client.close };
    }
    case "mysql": {
      const { table, create_tables, ...server } = config.mysql ?? {};
      const client = openMysql({ ...server, pool_size: POOL_SIZE }, trust);
      return {
        log: mysqlLog({ client, ...given({ table, ensureTables: create_tables }), name }),
        close: client.close,
      };
    }
    case "postgres": {
      const { table, create_tables, ...server } = config.postgres ?? {};
      const client = openPostgres({ ...server, pool_size: POOL_SIZE }, trust);
      return {
        log: postgresLog({ client, ...given({ table, ensureTables: create_tables }), name }),
        close: client.close,
      };
    }
    case "cassandra": {
      const { table, create_tables, ...cluster } = config.cassandra ?? {};
      const client = openCassandra(cluster, trust);
      return {
        log: cassandraLog({ client, ...given({ table, ensureTables: create_tables }), name }),
        close: client.close,
      };
    }
  }
}
