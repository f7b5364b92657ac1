import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { Redis } from "iovalkey";
import { generate } from "selfsigned";
import { openRedis, type RedisSettings } from "../../src/plugins/session/clients/redis.ts";
import { slotOf } from "../../src/plugins/session/clients/redis-servers.ts";
import { RedisWatch } from "../../src/plugins/session/clients/redis-watch.ts";
import { redisStorage, type SessionStorage } from "../../src/session/index.ts";
import { testSessionStorage } from "../contracts/session-storage.ts";
import { testOutage } from "../contracts/storage-outage.ts";
import {
  advanceRedis,
  type ClusterSetup,
  type SentinelSetup,
  startCluster,
  startRedis,
  startSentinels,
} from "../helpers/redis-servers.ts";
import { lacking, type TestServer, until } from "../helpers/servers.ts";

const host = "127.0.0.1";
const key = () => randomBytes(32).toString("base64url");
const now = () => Math.floor(Date.now() / 1000);

/** A storage on the server that these settings lead to, closed at the end of the suite. */
function opened(settings: () => RedisSettings, prefix?: string, ca?: string): () => SessionStorage {
  let client: ReturnType<typeof openRedis> | undefined;
  after(() => client?.close());
  return () => {
    client ??= openRedis(settings(), { ca });
    return redisStorage({ client, prefix });
  };
}

describe("one Redis", { skip: lacking("redis-server") }, () => {
  let server: TestServer;
  let admin: Redis;
  before(async () => {
    server = await startRedis(["unixsocket {folder}/redis.sock"]);
    admin = new Redis(server.port, host, { db: 3 });
  });
  after(async () => {
    admin?.disconnect();
    await server?.remove();
  });

  testSessionStorage(
    "redis",
    opened(() => ({ host, port: server.port, database: 3 })),
    (seconds) => advanceRedis(admin, seconds),
  );

  test("what is written is what lua-resty-session expects", async () => {
    await admin.flushdb();
    const client = openRedis({ port: server.port, database: 3 });
    const storage = redisStorage({ client, prefix: "p", suffix: "s" });
    const index = { audience: "YXVk", subject: "c3Vi" };
    await storage.set("session", "old", "1", { now: now(), ttl: 100, metadata: [index] });
    const write = { now: now(), ttl: 50, replaces: "old", stale_ttl: 10, metadata: [index] };
    await storage.set("session", "new", "2", write);
    assert.deepEqual((await admin.keys("*")).sort(), ["p:session:YXVk:c3Vi:s", "p:session:new:s", "p:session:old:s"]);
    const scores = await admin.zrange("p:session:YXVk:c3Vi:s", 0, -1, "WITHSCORES");
    assert.deepEqual(scores, ["new", String(write.now + 50)]);
    assert.deepEqual(
      await Promise.all(["new:s", "old:s", "YXVk:c3Vi:s"].map((name) => admin.ttl(`p:session:${name}`))),
      [50, 10, 50],
    );
    await client.close();
  });

  test("a Unix domain socket will do", async () => {
    const client = openRedis({ socket: `${await folderOf(admin)}/redis.sock` });
    assert.equal(await client.command(["PING"]), "PONG");
    await client.close();
  });

  test("an error of the server is told, what was sent is not", async () => {
    const client = openRedis({ port: server.port });
    await assert.rejects(client.command(["SET", "a", "secret", "EX", "x"]), (error: Error) => {
      assert.match(error.message, /not an integer/);
      assert.ok(!JSON.stringify({ ...error, stack: error.stack }).includes("secret"));
      return true;
    });
    await client.close();
  });

  testOutage("redis", {
    server: () => server,
    open(port) {
      const client = openRedis({ port, connect_timeout: 1000, read_timeout: 1000 });
      return { storage: redisStorage({ client }), close: () => client.close() };
    },
  });
});

async function folderOf(redis: Redis): Promise<string> {
  return ((await redis.config("GET", "dir")) as string[])[1]!;
}

describe("Redis with a user of limited rights", { skip: lacking("redis-server") }, () => {
  let server: TestServer;
  let admin: Redis;
  before(async () => {
    const commands = "+get +set +ttl +expire +unlink +zadd +zrem +zrange +zremrangebyscore";
    const users = ["user default off", `user sesame on >secret ~mine:* ${commands}`];
    server = await startRedis([...users, "user admin on >admin ~* &* +@all"]);
    admin = new Redis({ port: server.port, username: "admin", password: "admin" });
  });
  after(async () => {
    admin?.disconnect();
    await server?.remove();
  });
  const user = { username: "sesame", password: "secret" };

  testSessionStorage(
    "redis as a user",
    opened(() => ({ port: server.port, ...user }), "mine"),
    (seconds) => advanceRedis(admin, seconds),
  );

  test("what the user may not do is an error of the storage", async () => {
    const client = openRedis({ port: server.port, ...user });
    await assert.rejects(async () => redisStorage({ client, prefix: "theirs" }).get("session", key()), /NOPERM/);
    await client.close();
  });

  test("a wrong password is an error that does not contain it", async () => {
    const client = openRedis({ port: server.port, username: "sesame", password: "mistyped" });
    await assert.rejects(client.command(["GET", "mine:a"]), (error: Error) => {
      assert.match(String(error.cause ?? error), /WRONGPASS/);
      const all = [error, error.cause as Error | undefined].map((each) =>
        JSON.stringify({ ...each, stack: each?.stack }),
      );
      assert.ok(!all.join().includes("mistyped"));
      return true;
    });
    await client.close();
  });
});

describe("Redis over TLS", { skip: lacking("redis-server") }, () => {
  let server: TestServer;
  let admin: Redis;
  let ca: string;
  before(async () => {
    const names = [
      { type: 2, value: "redis.test" },
      { type: 7, ip: host },
    ] as const;
    const made = await generate([{ name: "commonName", value: "redis.test" }], {
      extensions: [{ name: "subjectAltName", altNames: [...names] }],
    });
    ca = made.cert;
    const files = [
      "tls-cert-file {folder}/cert.pem",
      "tls-key-file {folder}/key.pem",
      "tls-ca-cert-file {folder}/cert.pem",
    ];
    const lines = ["port 0", "tls-port {port}", "tls-auth-clients no", ...files];
    server = await startRedis(lines, { "cert.pem": made.cert, "key.pem": made.private });
    admin = new Redis(server.port, host, { tls: { rejectUnauthorized: false } });
  });
  after(async () => {
    admin?.disconnect();
    await server?.remove();
  });

  testSessionStorage(
    "redis over TLS",
    opened(() => ({ port: server.port, ssl: true })),
    (seconds) => advanceRedis(admin, seconds),
  );

  test("changes are heard of", async () => {
    const log = { warn: assert.fail, notice: assert.fail } as never;
    const redis = new RedisWatch(openRedis({ port: server.port, ssl: true }), { name: "session", log });
    await redis.command(["SET", "session:a", "text"]);
    await until("there is a link", () => redis.isCurrent());
    assert.equal(await redis.command(["GET", "session:a"]), "text");
    const isStored = redis.watch("a")!;
    assert.equal(isStored(), true);
    await admin.del("session:a");
    await until("it is known", () => !isStored());
    await redis.close();
  });

  test("a certificate is verified when that is asked for", async () => {
    const settings = { host, port: server.port, ssl: true, ssl_verify: true, server_name: "redis.test" };
    const ping = async (more: RedisSettings, authority?: string) => {
      const client = openRedis({ ...settings, ...more }, { ca: authority });
      try {
        return await client.command(["PING"]);
      } catch (error) {
        return (error as Error & { cause: { code: string } }).cause.code;
      } finally {
        await client.close();
      }
    };
    assert.equal(await ping({}, ca), "PONG");
    assert.equal(await ping({}), "DEPTH_ZERO_SELF_SIGNED_CERT");
    assert.equal(await ping({ server_name: "other.test" }, ca), "ERR_TLS_CERT_ALTNAME_INVALID");
    assert.equal(await ping({ ssl_verify: false }), "PONG");
  });
});

describe("Redis with Sentinels", { skip: lacking("redis-server", "redis-sentinel") }, () => {
  let setup: SentinelSetup;
  let admin: Redis;
  before(async () => {
    setup = await startSentinels("secret", "watchword");
    const { password, sentinel_password: sentinelPassword } = settings();
    admin = new Redis({ sentinels: sentinels(), name: "mymaster", password, sentinelPassword });
    admin.on("error", () => undefined);
  });
  after(async () => {
    admin?.disconnect();
    await setup?.remove();
  });
  const sentinels = () => setup.sentinels.map(({ port }) => ({ host, port }));
  const passwords = { password: "secret", sentinel_password: "watchword" };
  const settings = () => ({ sentinels: sentinels(), master: "mymaster", role: "master", ...passwords }) as const;

  testSessionStorage("redis by Sentinels", opened(settings), (seconds) => advanceRedis(admin, seconds));

  test("when the master dies under load, the next one is found, with every session that it had", async () => {
    const client = openRedis({ ...settings(), connect_timeout: 500, read_timeout: 500 });
    const storage = redisStorage({ client });
    const written = new Set<string>();
    const errors = new Set<string>();
    let going = true;
    const visitor = async () => {
      while (going) {
        const own = key();
        try {
          await storage.set("session", own, own, { now: now(), ttl: 1000 });
          written.add(own);
        } catch (error) {
          errors.add((error as Error).message);
        }
        await setTimeout(5);
      }
    };
    const visitors = Promise.all([1, 2, 3, 4].map(visitor));
    await until("there are some sessions", () => written.size > 50);
    const before = [...written];
    // Nothing that was acknowledged by both may be lost.
    const master = new Redis(setup.master.port, host, { password: "secret" });
    assert.equal(await master.wait(1, 2_000), 1);
    master.disconnect();
    await setup.master.kill();
    await until("the replica is master", async () => (await setup.masterPort()) === setup.replica.port, 20_000);
    const count = written.size;
    await until("sessions are written again", () => written.size > count + 50, 10_000);
    going = false;
    await visitors;
    for (const own of before) assert.equal(await storage.get("session", own), own);
    for (const message of errors)
      assert.match(message, /cannot be reached|took longer|READONLY|Connection is closed|aborted/);
    await client.close();
  });
});

describe("a Redis Cluster", { skip: lacking("redis-server") }, () => {
  let cluster: ClusterSetup;
  const admins: Redis[] = [];
  before(async () => {
    cluster = await startCluster();
    for (const { port } of cluster.masters) admins.push(new Redis(port, host));
    for (const admin of admins) admin.on("error", () => undefined);
  });
  after(async () => {
    for (const admin of admins) admin.disconnect();
    await cluster?.remove();
  });
  const settings = () => ({ nodes: cluster.masters.map(({ port }) => ({ ip: host, port })), max_redirections: 5 });

  testSessionStorage("a cluster of Redis", opened(settings), (seconds) =>
    Promise.all(admins.map((admin) => advanceRedis(admin, seconds))),
  );

  test("the slot of a key is computed as the servers do", async () => {
    const names = ["foo", "", "session:a", "a{b}c", "a{}b", "a{{b}}c", "a{b", "{x}{y}", "é{ü}", key(), key()];
    for (const name of names) assert.equal(slotOf(name), await admins[0]!.call("CLUSTER", "KEYSLOT", name), name);
  });

  test("sessions are spread over all masters", async () => {
    const client = openRedis(settings());
    const storage = redisStorage({ client });
    for (let number = 0; number < 60; number++) await storage.set("spread", key(), "text", { now: now(), ttl: 100 });
    for (const admin of admins) assert.ok((await admin.keys("spread:*")).length > 0);
    await client.close();
  });

  test("what is closed while it learns the slots keeps no process alive", { timeout: 30_000 }, async () => {
    const program = `
      const { openRedis } = await import(${JSON.stringify(new URL("../../src/plugins/session/clients/redis.ts", import.meta.url))});
      const client = openRedis(${JSON.stringify(settings())});
      await client.command(["GET", "a"]);
      process.stdin.once("data", async () => {
        await client.close();
        process.stdin.destroy();
      });
      console.log("open");`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
      stdio: ["pipe", "pipe", "inherit"],
      timeout: 20_000,
    });
    const ended = once(child, "exit");
    await once(child.stdout, "data");
    for (const master of cluster.masters) master.freeze();
    try {
      // It learns them every second.
      await setTimeout(1_500);
      child.stdin.write("close");
      assert.deepEqual(await ended, [0, null]);
    } finally {
      for (const master of cluster.masters) master.thaw();
    }
  });

  test("when a master is gone its sessions are out of reach, others and new ones of others are not", async () => {
    const client = openRedis({ ...settings(), connect_timeout: 500, read_timeout: 1_000 });
    const storage = redisStorage({ client });
    const first = cluster.masters[0]!;
    const keys = Array.from({ length: 30 }, key);
    for (const own of keys) await storage.set("session", own, own, { now: now(), ttl: 100 });
    const lost = new Set((await admins[0]!.keys("session:*")).map((name) => name.slice("session:".length)));
    await first.kill();
    const theirs = keys.find((own) => lost.has(own))!;
    const ours = keys.find((own) => !lost.has(own))!;
    await assert.rejects(async () => storage.get("session", theirs));
    await first.start();
    await until("the cluster serves again", async () => (await storage.get("session", theirs)) === undefined, 20_000);
    assert.equal(await storage.get("session", ours), ours);
    await storage.set("session", theirs, "again", { now: now(), ttl: 100 });
    assert.equal(await storage.get("session", theirs), "again");
    await client.close();
  });
});
