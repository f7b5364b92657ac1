import { hash } from "node:crypto";
import type { Services } from "../../gateway/index.ts";
import {
  type Awaitable,
  cassandraStorage,
  fileStorage,
  memcachedStorage,
  memoryStorage,
  mysqlStorage,
  postgresStorage,
  redisStorage,
  type Session,
  type SessionStorage,
} from "../../session/index.ts";
import { staleSecondsOf } from "./authority.ts";
import { guardedStorage } from "./breaker.ts";
import { openCassandra } from "./clients/cassandra.ts";
import { openMemcached } from "./clients/memcached.ts";
import { openMysql } from "./clients/mysql.ts";
import { openPostgres } from "./clients/postgres.ts";
import { openRedis } from "./clients/redis.ts";
import { RedisWatch } from "./clients/redis-watch.ts";
import type { Config } from "./config.ts";
import { kongStorage } from "./kong-storage.ts";
import { lastKnownStorage } from "./last-known.ts";
import { timedStorage } from "./timed-storage.ts";

/** Who keeps the sessions of one configured row. */
export interface Keeper {
  readonly storage: SessionStorage;
  /**
   * Tells later, again and again, whether the storage still has an open session as it was. Undefined when that would have to be
   * asked of it.
   */
  watch(session: Session): ((now: number) => boolean) | undefined;
  /** Where the storage is Redis: what tells of changes there. */
  readonly redis: RedisWatch | undefined;
  /** Seconds until it is worth asking again; 0 while it is not known to be out of order. */
  retryAfter(now: number): number;
  /** Close connections, where there are any. What fails then has no consequence. */
  readonly close?: () => Promise<void>;
}

/** The storage that a row names, with its circuit breaker; undefined where the cookies keep the sessions. */
export function openKeeper(config: Config, services: Services): Keeper | undefined {
  const opened = openStorage(config, services);
  if (opened === undefined) return undefined;
  const { storage, watch = () => undefined, redis, close } = opened;
  const guarded = guardedStorage(timedStorage(storage, config.storage ?? "cookie", services.metrics));
  const staleSeconds = staleSecondsOf(config);
  const known = staleSeconds === undefined ? undefined : lastKnownStorage(guarded, staleSeconds);
  const name = cookieNameOf(config);
  return {
    storage: known ?? guarded,
    watch(session) {
      const id = session.id;
      if (id === undefined) return undefined;
      // SPEC-session-v4 §8
      const key = config.hash_storage_key ? hash("sha256", Buffer.from(id, "base64url"), "base64url") : id;
      const isStored = watch(key);
      return isStored && known ? known.confirmedBy(isStored, name, key) : isStored;
    },
    redis,
    retryAfter: guarded.retryAfter,
    ...(close && { close: () => closeQuietly(close, config, services) }),
  };
}

async function closeQuietly(close: () => Awaitable<void>, config: Config, { log }: Services): Promise<void> {
  try {
    await close();
  } catch (error) {
    log.warn(`the connection to ${config.storage} could not be closed`, { error });
  }
}

interface Opened {
  readonly storage: SessionStorage;
  readonly watch?: (key: string) => (() => boolean) | undefined;
  readonly redis?: RedisWatch;
  readonly close?: () => Awaitable<void>;
}

function openStorage(config: Config, services: Services): Opened | undefined {
  const trust = { ca: services.authorities };
  switch (config.storage) {
    case "kong": {
      const storage = kongStorage(services.lookups);
      return { storage, watch: storage.watch };
    }
    case "memory":
      return { storage: memoryStorage(given({ maxRecords: config.memory?.max_records })) };
    case "file":
      return { storage: fileStorage(given(config.file ?? {})) };
    case "redis": {
      const { prefix, suffix, ...server } = config.redis ?? {};
      const affixes = given({ prefix, suffix });
      const client = openRedis(server, trust);
      // What a replica has not heard of yet nobody can tell, and a link proves itself by a write.
      if (server.role === "slave") return { storage: redisStorage({ client, ...affixes }), close: client.close };
      const redis = new RedisWatch(client, { ...affixes, name: cookieNameOf(config), log: services.log });
      const storage = redisStorage({ client: redis, ...affixes });
      return { storage, watch: (key) => redis.watch(key), redis, close: () => redis.close() };
    }
    case "memcached": {
      const { prefix, suffix, ...server } = config.memcached ?? {};
      const client = openMemcached(server, trust);
      return { storage: memcachedStorage({ client, ...given({ prefix, suffix }) }), close: client.close };
    }
    case "mysql": {
      const { table, table_meta, create_tables, ...server } = config.mysql ?? {};
      const client = openMysql(server, trust);
      const tables = given({ table, table_meta, ensureTables: create_tables });
      return { storage: mysqlStorage({ client, ...tables }), close: client.close };
    }
    case "postgres": {
      const { table, table_meta, create_tables, ...server } = config.postgres ?? {};
      const client = openPostgres(server, trust);
      const tables = given({ table, table_meta, ensureTables: create_tables });
      return { storage: postgresStorage({ client, ...tables }), close: client.close };
    }
    case "cassandra": {
      const { table, table_meta, create_tables, ...cluster } = config.cassandra ?? {};
      const client = openCassandra(cluster, trust);
      const tables = given({ table, table_meta, ensureTables: create_tables });
      return { storage: cassandraStorage({ client, ...tables }), close: client.close };
    }
    default:
      return undefined;
  }
}

/** By which the engine calls the records. */
export function cookieNameOf({ cookie_prefix, cookie_name }: Config): string {
  return `${cookie_prefix ?? ""}${cookie_name}`;
}

/** The options that are set. */
export function given<T extends object>(options: T): { [K in keyof T]?: NonNullable<T[K]> } {
  const set = Object.entries(options).filter(([, value]) => value !== null && value !== undefined);
  return Object.fromEntries(set) as { [K in keyof T]?: NonNullable<T[K]> };
}
