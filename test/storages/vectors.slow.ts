import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Redis } from "iovalkey";
import { openMemcached } from "../../src/plugins/session/clients/memcached.ts";
import { openRedis } from "../../src/plugins/session/clients/redis.ts";
import { fileStorage, memcachedStorage, redisStorage, type SessionStorage } from "../../src/session/index.ts";
import { askMemcached, keysOfMemcached, startMemcached } from "../helpers/memcached-server.ts";
import { startRedis } from "../helpers/redis-servers.ts";
import { freePort, lacking, type TestServer, useServer } from "../helpers/servers.ts";
import type { DumpedFile } from "../vectors/stand-ins/file.ts";
import type { MemcachedKey } from "../vectors/stand-ins/memcached.ts";
import type { RedisKey } from "../vectors/stand-ins/redis.ts";
import { checkVector, type VectorServers } from "../vectors/v4-check.ts";
import { type Dump, type VectorConfig, vectors } from "../vectors/v4-vectors.ts";

// The vectors whose records lua-resty-session kept in Redis, files and memcached, with ours in the same places.

type Kind = "redis" | "file" | "memcached";
const kept = (kind: Kind) => vectors.filter(({ config }) => config.storage === kind);
const empty: Required<Dump> = { redis: [], files: [], shm: [], memcached: [] };

/** One kind of server, which is empty in the beginning. */
function serversOf(kind: Kind, parts: Pick<VectorServers, "load" | "dump"> & Partial<VectorServers>): VectorServers {
  return {
    refused() {
      throw new Error(`no vector is about ${kind} that is out of reach`);
    },
    expected: (recorded) => recorded,
    ...parts,
    storage(config) {
      if (config.storage === undefined) return undefined;
      if (config.storage !== kind) throw new Error(`the storage ${config.storage} is not here`);
      return parts.storage!(config);
    },
  };
}

describe("vectors on Redis", { skip: lacking("redis-server") }, () => {
  let server: TestServer;
  let admin: Redis;
  let client: ReturnType<typeof openRedis>;
  let refused: ReturnType<typeof openRedis>;
  before(async () => {
    server = await startRedis();
    admin = new Redis(server.port, "127.0.0.1");
    client = openRedis({ port: server.port });
    refused = openRedis({ port: await freePort() });
  });
  after(async () => {
    for (const each of [client, refused]) await each?.close();
    admin?.disconnect();
    await server?.remove();
  });

  async function dumped(key: string): Promise<RedisKey> {
    const [type, ttl] = await Promise.all([admin.type(key), admin.ttl(key)]);
    const value = type === "zset" ? await admin.zrange(key, 0, -1, "WITHSCORES") : (await admin.get(key))!;
    return { key, type, ttl, value };
  }

  const servers = serversOf("redis", {
    storage: ({ redis }: VectorConfig): SessionStorage => redisStorage({ client, ...redis }),
    refused: () => redisStorage({ client: refused }),
    async load({ redis = [] }) {
      await admin.flushdb();
      for (const { key, ttl, value } of redis) {
        if (typeof value === "string") await admin.set(key, value);
        else for (let at = 0; at < value.length; at += 2) await admin.zadd(key, value[at + 1]!, value[at]!);
        if (ttl >= 0) await admin.expire(key, ttl);
      }
    },
    dump: async () => ({ ...empty, redis: await Promise.all((await admin.keys("*")).map(dumped)) }),
  });

  for (const vector of kept("redis")) {
    test(`${vector.id}: ${vector.title}`, async () => {
      await servers.load(empty);
      await checkVector(vector, servers);
    });
  }
});

describe("vectors in files", () => {
  const folder = mkdtempSync(join(tmpdir(), "sesame-vectors-"));
  after(() => rmSync(folder, { recursive: true }));

  const servers = serversOf("file", {
    storage: ({ file = {} }: VectorConfig): SessionStorage => {
      const { prefix, suffix } = file;
      return fileStorage({ path: folder, prefix, suffix, cleanUpProbability: 0 });
    },
    load({ files = [] }) {
      for (const file of readdirSync(folder)) rmSync(join(folder, file));
      for (const { file, mtime, content } of files) {
        writeFileSync(join(folder, file), content);
        utimesSync(join(folder, file), mtime, mtime);
      }
    },
    dump: () => ({ ...empty, files: readdirSync(folder).map(dumped) }),
    // An index that a session left has the time of that moment there, so that the next clean-up may take it; ours keeps
    // that of its last entry (Q4).
    expected: ({ files = [] }) => ({
      files: files.map((each) => (each.file.includes(":") ? { ...each, mtime: lastExpiry(each.content) } : each)),
    }),
  });

  function dumped(file: string): DumpedFile {
    const path = join(folder, file);
    return { file, mtime: statSync(path).mtimeMs / 1000, content: readFileSync(path, "utf8") };
  }

  for (const vector of kept("file")) {
    test(`${vector.id}: ${vector.title}`, async () => {
      await servers.load(empty);
      await checkVector(vector, servers);
    });
  }
});

function lastExpiry(index: string): number {
  const times = [...index.matchAll(/:([\w-]{7});/g)].map(([, time]) =>
    Buffer.from(time!, "base64url").readUIntLE(0, 5),
  );
  return Math.max(...times);
}

describe("vectors on memcached", { skip: lacking("memcached") }, () => {
  const used = useServer(startMemcached, (server) => openMemcached({ port: server.port }));

  async function dumped([key, expires]: [string, number]): Promise<MemcachedKey> {
    const { value } = (await used.client.get(key))!;
    return { key, ttl_about: expires === -1 ? null : expires - Math.floor(Date.now() / 1000), value };
  }

  const servers = serversOf("memcached", {
    storage: ({ memcached }: VectorConfig): SessionStorage =>
      memcachedStorage({ client: used.client, ...memcached, cleanUpProbability: 0 }),
    async load({ memcached = [] }) {
      await askMemcached(used.server.port, "flush_all\r\n", "OK\r\n");
      for (const { key, ttl_about, value } of memcached) await used.client.store("set", key, value, ttl_about ?? 0);
    },
    dump: async () => ({
      ...empty,
      memcached: await Promise.all([...(await keysOfMemcached(used.server.port))].map(dumped)),
    }),
  });

  for (const vector of kept("memcached")) {
    test(`${vector.id}: ${vector.title}`, async () => {
      await servers.load(empty);
      await checkVector(vector, servers);
    });
  }
});
