import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Redis } from "iovalkey";
import { createSessions, type RedisClient, redisStorage } from "../../src/session/index.ts";
import { startRedis } from "../helpers/redis-servers.ts";
import { lacking, type TestServer } from "../helpers/servers.ts";
import { visitOf } from "../vectors/legacy-run.ts";
import { vectors } from "../vectors/legacy-vectors.ts";

/** A client whose texts have one character for each byte, as the records of older releases need it. */
function byteClient(redis: Redis): RedisClient {
  return {
    async command([name = "", ...args]) {
      const answer: unknown = await redis.callBuffer(name, ...args);
      return Buffer.isBuffer(answer) ? answer.toString("latin1") : answer;
    },
  };
}

describe("records of lua-resty-session 2.x and 3.x on a real Redis", { skip: lacking("redis-server") }, () => {
  let server: TestServer;
  let redis: Redis;
  before(async () => {
    server = await startRedis();
    redis = new Redis(server.port, "127.0.0.1");
  });
  after(async () => {
    redis.disconnect();
    await server.remove();
  });

  for (const id of ["v2-013", "v2-014", "v3-013", "v3-014", "v3-018"]) {
    test(`${id}: the session opens, is issued anew, and its record lives on for stale_ttl`, async () => {
      const { config, requests } = vectors.find((vector) => vector.id === id)!;
      const { key, ttl, value_hex } = requests[0]!.storage_after!.redis[0]!;
      await redis.set(key, Buffer.from(value_hex, "hex"), "EX", ttl);
      const storage = redisStorage({ client: byteClient(redis) });
      const { secret, strategy } = config;
      const legacy = { secret, strategy, storage: "redis", prefix: config.redis?.prefix } as const;
      const sessions = createSessions({ secret: "a secret of today", legacy }, { storage });

      const { now, response } = requests[1]!;
      const session = await sessions.open(visitOf(requests[1]!), now);
      assert.deepEqual([session.reason, session.data], [undefined, response.session.data]);
      const { cookies } = await session.refresh(now);
      assert.equal(await redis.ttl(key), 10);
      assert.equal((await redis.getBuffer(key))!.toString("hex"), value_hex);
      const again = await sessions.open(visitOf(requests[1]!, cookies[0]!.text.split(";", 1)[0]), now);
      assert.deepEqual([again.isOpen, again.isLegacy, again.data], [true, false, response.session.data]);

      const ending = await sessions.open(visitOf(requests[1]!), now);
      await ending.destroy(now);
      assert.equal(await redis.exists(key), 0);
      assert.equal((await sessions.open(visitOf(requests[1]!), now)).reason, "unable_to_load_session");
    });
  }
});
