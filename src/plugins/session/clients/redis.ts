import type { Cluster, ClusterOptions, Redis, RedisOptions } from "iovalkey";
import type { RedisClient } from "../../../session/index.ts";
import { type ConnectionSettings, type Setting, type Trust, timeoutsOf, tlsOf, within } from "./connection.ts";
import { type RedisServers, serversOf } from "./redis-servers.ts";

export interface OpenedRedis extends RedisClient {
  /** The servers behind it; it connects for that, if it has not yet. */
  servers(): Promise<RedisServers>;
  close(): Promise<void>;
}

/** A Redis or Valkey server; the one that Sentinels name if `sentinels` is there; a cluster if `nodes` is. */
export interface RedisSettings extends ConnectionSettings {
  readonly username?: Setting<string>;
  readonly password?: Setting<string>;
  readonly database?: Setting<number>;
  readonly sentinels?: Setting<readonly { readonly host: string; readonly port: number }[]>;
  /** The name of the master that Sentinels watch. */
  readonly master?: Setting<string>;
  readonly role?: Setting<"master" | "slave">;
  readonly sentinel_username?: Setting<string>;
  readonly sentinel_password?: Setting<string>;
  readonly nodes?: Setting<readonly { readonly ip: string; readonly port: number }[]>;
  readonly max_redirections?: Setting<number>;
}

const LONGEST_PAUSE_MS = 1_000;
const RECONNECT_AND_REPEAT = 2;

/** How often a cluster is asked which node has what, besides whenever a node says that it has not. */
const SLOTS_REFRESH_MS = 1_000;

/** How long to wait before the next attempt to connect: longer each time. */
const pauseMs = (attempt: number): number => Math.min(50 * 2 ** (attempt - 1), LONGEST_PAUSE_MS);

/**
 * A client that connects with its first command, and again whenever the connection is lost. Commands of one tick travel
 * together; one that got no answer by the end of its time has failed, though the server may still have done it.
 */
export function openRedis(settings: RedisSettings, trust: Trust = {}): OpenedRedis {
  const { connectMs, answerMs } = timeoutsOf(settings);
  let driver: Promise<Redis | Cluster> | undefined;
  let lastError: Error | undefined;

  async function connect(): Promise<Redis | Cluster> {
    const { Cluster, Redis } = await import("iovalkey");
    const { nodes, max_redirections } = settings;
    const redis = nodes
      ? new Cluster(
          nodes.map(({ ip, port }) => ({ host: ip, port })),
          clusterOptions(optionsOf(settings, trust), max_redirections),
        )
      : new Redis(optionsOf(settings, trust));
    // Whoever waits for an answer hears that there is none; why it is so is only told here.
    redis.on("error", (error: DriverError) => {
      lastError = withoutCommand(error.lastNodeError ?? error);
    });
    redis.on("ready", () => {
      lastError = undefined;
    });
    return redis;
  }

  async function sendTo(redis: Redis | Cluster | Promise<Redis | Cluster>, args: readonly string[]): Promise<unknown> {
    try {
      return await within(connectMs + answerMs, call(redis, args), `${args[0]} on Redis`);
    } catch (error) {
      const own = withoutCommand(error as DriverError);
      throw lastError === undefined ? own : new Error("Redis cannot be reached", { cause: lastError });
    }
  }

  return {
    command: (args) => sendTo((driver ??= connect()), args),
    async servers() {
      const redis = await (driver ??= connect());
      // The driver goes on trying by itself.
      if (redis.status === "wait") await redis.connect().catch(() => undefined);
      return serversOf(redis, sendTo);
    },
    async close() {
      const redis = await driver;
      // The driver of a cluster that is just learning the slots would otherwise ask for them again every second, for good.
      if (redis !== undefined && "refreshSlotsCache" in redis) redis.refreshSlotsCache = () => undefined;
      redis?.disconnect();
    },
  };
}

/** The driver has a method for each command, and those of a cluster find the node by the first argument. */
type Commands = Record<string, (...args: string[]) => Promise<unknown>>;

async function call(
  redis: Redis | Cluster | Promise<Redis | Cluster>,
  [name = "", ...args]: readonly string[],
): Promise<unknown> {
  return ((await redis) as unknown as Commands)[name.toLowerCase()]!(...args);
}

function optionsOf(settings: RedisSettings, trust: Trust): RedisOptions {
  const { connectMs, answerMs } = timeoutsOf(settings);
  const tls = tlsOf(settings, trust);
  const { sentinels, master, role, sentinel_username, sentinel_password } = settings;
  return {
    ...(settings.socket
      ? { path: settings.socket }
      : { host: settings.host ?? "127.0.0.1", port: settings.port ?? 6379, family: 0 }),
    ...(settings.username != null && { username: settings.username }),
    ...(settings.password != null && { password: settings.password }),
    db: settings.database ?? 0,
    ...(tls && { tls }),
    ...(sentinels && {
      sentinels: [...sentinels],
      name: master ?? "mymaster",
      role: role ?? "master",
      ...(sentinel_username != null && { sentinelUsername: sentinel_username }),
      ...(sentinel_password != null && { sentinelPassword: sentinel_password }),
      ...(tls && { sentinelTLS: tls, enableTLSForSentinelMode: true }),
      sentinelRetryStrategy: pauseMs,
    }),
    lazyConnect: true,
    enableAutoPipelining: true,
    // It needs a permission that sessions do not need.
    enableReadyCheck: false,
    connectTimeout: connectMs,
    socketTimeout: answerMs,
    retryStrategy: pauseMs,
    maxRetriesPerRequest: 1,
    // A master that has become a replica: the next connection leads to the new one.
    reconnectOnError: ({ message }) => (message.startsWith("READONLY") ? RECONNECT_AND_REPEAT : false),
  };
}

function clusterOptions(options: RedisOptions, maxRedirections: Setting<number>): ClusterOptions {
  const { host: _, port: __, path: ___, family: ____, lazyConnect, enableAutoPipelining, ...redisOptions } = options;
  return {
    redisOptions,
    lazyConnect: lazyConnect!,
    enableAutoPipelining: enableAutoPipelining!,
    clusterRetryStrategy: pauseMs,
    slotsRefreshTimeout: options.connectTimeout!,
    slotsRefreshInterval: SLOTS_REFRESH_MS,
    ...(maxRedirections != null && { maxRedirections }),
  };
}

interface DriverError extends Error {
  command?: unknown;
  lastNodeError?: DriverError;
}

/** What was sent does not belong into logs: it may be a password. */
function withoutCommand(error: DriverError): Error {
  delete error.command;
  return error;
}
