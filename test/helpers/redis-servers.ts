import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before } from "node:test";
import { Redis } from "iovalkey";
import { freePort, serverFolder, startServer, type TestServer, until } from "./servers.ts";

/**
 * Start a Redis server with these further lines of configuration, in which `{folder}` stands for its folder and `{port}` for
 * its port, and with these files by their names in the folder.
 */
export async function startRedis(
  lines: readonly string[] = [],
  files: Readonly<Record<string, string>> = {},
): Promise<TestServer> {
  const at = { port: await freePort(), folder: serverFolder() };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(at.folder, name), text);
  const hasPort = lines.some((line) => line.startsWith("port "));
  const configuration = [
    "bind 127.0.0.1",
    'save ""',
    `dir ${at.folder}`,
    ...(hasPort ? [] : [`port ${at.port}`]),
    ...lines.map((line) => line.replaceAll("{folder}", at.folder).replaceAll("{port}", String(at.port))),
  ];
  const file = join(at.folder, "redis.conf");
  writeFileSync(file, configuration.join("\n"));
  return startServer("redis-server", [file], at);
}

/** A Redis that lives as long as the suite this is called in, with a client of it; both are there when its tests run. */
export function useRedis(): { readonly server: TestServer; readonly redis: Redis } {
  const used = {} as { server: TestServer; redis: Redis };
  before(async () => {
    used.server = await startRedis();
    used.redis = new Redis(used.server.port, "127.0.0.1");
  });
  after(async () => {
    used.redis?.disconnect();
    await used.server?.remove();
  });
  return used;
}

export interface SentinelSetup {
  readonly master: TestServer;
  readonly replica: TestServer;
  readonly sentinels: readonly TestServer[];
  /** The port of the server that the Sentinels name as master. */
  masterPort(): Promise<number>;
  remove(): Promise<void>;
}

const SENTINELS = 3;

/**
 * A master called `mymaster`, its replica, and three Sentinels that fail over when the master is silent for 300 ms. The servers
 * have one password, the Sentinels another.
 */
export async function startSentinels(password: string, sentinelPassword: string): Promise<SentinelSetup> {
  const auth = [`requirepass ${password}`, `masterauth ${password}`, "repl-diskless-sync-delay 0"];
  const master = await startRedis(auth);
  const replica = await startRedis([...auth, `replicaof 127.0.0.1 ${master.port}`]);
  const sentinels: TestServer[] = [];
  for (let number = 0; number < SENTINELS; number++) {
    const at = { port: await freePort(), folder: serverFolder() };
    const file = join(at.folder, "sentinel.conf");
    const lines = [
      `port ${at.port}`,
      "bind 127.0.0.1",
      `dir ${at.folder}`,
      `sentinel monitor mymaster 127.0.0.1 ${master.port} 2`,
      `sentinel auth-pass mymaster ${password}`,
      `requirepass ${sentinelPassword}`,
      `sentinel sentinel-pass ${sentinelPassword}`,
      "sentinel down-after-milliseconds mymaster 300",
      "sentinel failover-timeout mymaster 2000",
    ];
    writeFileSync(file, lines.join("\n"));
    sentinels.push(await startServer("redis-sentinel", [file], at));
  }
  const asked = new Redis(sentinels[0]!.port, "127.0.0.1", { password: sentinelPassword });
  await until("the Sentinels know each other and the replica", async () => {
    const fields = (await asked.call("SENTINEL", "MASTER", "mymaster")) as string[];
    const field = (name: string) => fields[fields.indexOf(name) + 1];
    return field("num-slaves") === "1" && field("num-other-sentinels") === String(SENTINELS - 1);
  });
  return {
    master,
    replica,
    sentinels,
    async masterPort() {
      const [, port] = (await asked.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "mymaster")) as string[];
      return Number(port);
    },
    async remove() {
      asked.disconnect();
      for (const server of [...sentinels, replica, master]) await server.remove();
    },
  };
}

export interface ClusterSetup {
  readonly masters: readonly TestServer[];
  remove(): Promise<void>;
}

const SLOTS = 16_384;
const MASTERS = 3;

/** A cluster of three masters, which go on when one is gone. */
export async function startCluster(): Promise<ClusterSetup> {
  const nodes: { server: TestServer; bus: number; redis: Redis }[] = [];
  for (let number = 0; number < MASTERS; number++) {
    const bus = await freePort();
    const lines = [
      "cluster-enabled yes",
      `cluster-port ${bus}`,
      "cluster-node-timeout 2000",
      "cluster-require-full-coverage no",
    ];
    const server = await startRedis(lines);
    nodes.push({ server, bus, redis: new Redis(server.port, "127.0.0.1") });
  }
  for (const [number, { redis }] of nodes.entries()) {
    const first = Math.floor((number * SLOTS) / MASTERS);
    const last = Math.floor(((number + 1) * SLOTS) / MASTERS) - 1;
    await redis.call("CLUSTER", "ADDSLOTSRANGE", first, last);
    await redis.call("CLUSTER", "SET-CONFIG-EPOCH", number + 1);
    const { server, bus } = nodes[0]!;
    if (number > 0) await redis.call("CLUSTER", "MEET", "127.0.0.1", server.port, bus);
  }
  for (const { redis } of nodes) {
    await until("the cluster is complete", async () => {
      const info = (await redis.call("CLUSTER", "INFO")) as string;
      return info.includes("cluster_state:ok") && info.includes(`cluster_slots_assigned:${SLOTS}`);
    });
    redis.disconnect();
  }
  const masters = nodes.map(({ server }) => server);
  return {
    masters,
    async remove() {
      for (const server of masters) await server.remove();
    },
  };
}

/** Let every key of a Redis server be this many seconds older, as if time had passed. */
export async function advanceRedis(redis: Redis, seconds: number): Promise<void> {
  for (const key of await redis.keys("*")) {
    const left = await redis.pttl(key);
    if (left < 0) continue;
    if (left > seconds * 1000) await redis.pexpire(key, left - seconds * 1000);
    else await redis.del(key);
  }
}
