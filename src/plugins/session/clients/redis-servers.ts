import type { Cluster, Redis } from "iovalkey";

/** One server that holds keys, with the connection over which it is sent commands. */
export interface RedisServer {
  /** `host:port` in a cluster; empty where there is one server, whichever that is now. */
  readonly id: string;
  /** As `RedisClient`'s `command`; a node of a cluster refuses keys that it does not hold (`MOVED`, `ASK`). */
  command(args: readonly string[]): Promise<unknown>;
  /** Hear that the connection was closed; the next one may lead to another server. Answers how to stop. */
  onClose(listener: () => void): () => void;
  /** A connection of its own, still to be opened, that is not made again when it is lost. */
  another(): Redis;
}

/** The servers that hold the keys of one client. */
export interface RedisServers {
  /** The ids of all that hold keys, be they in reach or not; none before the first command. */
  ids(): ReadonlySet<string>;
  /** Undefined while there is no connection to it. */
  get(id: string): RedisServer | undefined;
  /** The id of the one that holds this key. */
  idOf(name: string): string | undefined;
  /** Hear that it may be others now. */
  onChange(listener: () => void): void;
}

export type SendTo = (redis: Redis, args: readonly string[]) => Promise<unknown>;

export function serversOf(driver: Redis | Cluster, sendTo: SendTo): RedisServers {
  return driver.isCluster ? nodesOf(driver as Cluster, sendTo) : onlyServer(driver as Redis, sendTo);
}

function onlyServer(redis: Redis, sendTo: SendTo): RedisServers {
  const server = serverOver(redis, "", sendTo);
  const ids = new Set([server.id]);
  return { ids: () => ids, get: () => server, idOf: () => server.id, onChange: () => {} };
}

/** The driver's table of slots: of each the nodes that hold it, the master first. */
interface Slots {
  readonly slots: readonly (readonly string[] | undefined)[];
}

function nodesOf(cluster: Cluster, sendTo: SendTo): RedisServers {
  const { slots } = cluster as unknown as Slots;
  const known = new WeakMap<Redis, RedisServer>();
  return {
    ids: () => new Set(slots.flatMap((nodes) => nodes?.[0] ?? [])),
    get(id) {
      const redis = cluster.nodes("master").find(({ options: { host, port } }) => `${host}:${port}` === id);
      if (!redis) return undefined;
      let server = known.get(redis);
      if (!server) known.set(redis, (server = serverOver(redis, id, sendTo)));
      return server;
    },
    idOf: (name) => slots[slotOf(name)]?.[0],
    onChange: (listener) => void cluster.on("refresh", listener),
  };
}

function serverOver(redis: Redis, id: string, sendTo: SendTo): RedisServer {
  return {
    id,
    command: (args) => sendTo(redis, args),
    onClose(listener) {
      redis.on("close", listener);
      return () => redis.off("close", listener);
    },
    another: () =>
      redis.duplicate({
        retryStrategy: () => null,
        reconnectOnError: null,
        maxRetriesPerRequest: 0,
        autoResubscribe: false,
        enableAutoPipelining: false,
        lazyConnect: true,
      }),
  };
}

const SLOTS = 16_384;

/** The slot of a key in a cluster: CRC-16/XMODEM of it, or of what stands in its first `{}` if that is not empty. */
export function slotOf(name: string): number {
  const [, tag] = /^[^{]*\{([^}]+)\}/s.exec(name) ?? [];
  let crc = 0;
  for (const byte of Buffer.from(tag ?? name)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : crc << 1;
  }
  return crc % SLOTS;
}
