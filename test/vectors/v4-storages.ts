import type { SessionStorage } from "../../src/session/index.ts";
import { Folder, fileStorage } from "./stand-ins/file.ts";
import { MemcachedServer, memcachedStorage } from "./stand-ins/memcached.ts";
import { RedisServer, redisStorage } from "./stand-ins/redis.ts";
import { SharedDictionary, shmStorage } from "./stand-ins/shm.ts";
import type { VectorServers } from "./v4-check.ts";
import type { Dump, VectorConfig } from "./v4-vectors.ts";

/** The time of the machine on which the files of the vectors were written. */
const WALL = 1_795_167_858;

/** Servers in memory: quick, and there on every machine. */
export class StandIns implements VectorServers {
  readonly #redis = new RedisServer();
  readonly #folder = new Folder(WALL);
  readonly #shm = new SharedDictionary();
  readonly #memcached = new MemcachedServer();

  /** The storage a configuration names, on these servers. */
  storage(config: VectorConfig): SessionStorage | undefined {
    switch (config.storage) {
      case undefined:
        return undefined;
      case "redis":
        return redisStorage(this.#redis, config.redis ?? {});
      case "file":
        return fileStorage(this.#folder, config.file ?? {});
      case "shm":
        return shmStorage(this.#shm);
      case "memcached":
        return memcachedStorage(this.#memcached, config.memcached ?? {});
      default:
        throw new Error(`no stand-in for the storage ${config.storage}`);
    }
  }

  load({ redis, files, shm, memcached }: Dump): void {
    if (redis) this.#redis.load(redis);
    if (files) this.#folder.load(files);
    if (shm) this.#shm.load(shm);
    if (memcached) this.#memcached.load(memcached);
  }

  refused(): SessionStorage {
    const refuse = () => {
      throw new Error("connection refused");
    };
    return { get: refuse, set: refuse, delete: refuse, list: refuse };
  }

  expected(recorded: Dump): Dump {
    return recorded;
  }

  dump(): Required<Dump> {
    return {
      redis: this.#redis.dump(),
      files: this.#folder.dump(),
      shm: this.#shm.dump(),
      memcached: this.#memcached.dump(),
    };
  }
}

/** One key of any store, in one form: its name, the rest of its life, and its text or list. */
export interface StoredKey {
  readonly key: string;
  readonly life: number | null;
  readonly value: string | readonly string[];
}

/** The keys of a dump by name; files that the machine's clock dates all get the same date. */
export function keysOf({ redis = [], files = [], shm = [], memcached = [] }: Dump): StoredKey[] {
  const keys: StoredKey[] = [
    ...redis.map(({ key, ttl, value }) => ({
      key,
      life: ttl,
      value: typeof value === "string" ? value : [...value].sort(),
    })),
    ...files.map(({ file, mtime, content }) => ({
      key: file,
      life: mtime <= WALL + 86_400 ? WALL : mtime,
      value: content,
    })),
    ...shm.map(({ key, ttl, value }) => ({ key, life: Math.round(ttl), value })),
    ...memcached.map(({ key, ttl_about, value }) => ({ key, life: ttl_about, value })),
  ];
  return keys.sort((a, b) => (a.key < b.key ? -1 : 1));
}
