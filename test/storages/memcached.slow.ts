import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, test } from "node:test";
import { openMemcached } from "../../src/plugins/session/clients/memcached.ts";
import { memcachedStorage } from "../../src/session/index.ts";
import { testSessionStorage } from "../contracts/session-storage.ts";
import { testOutage } from "../contracts/storage-outage.ts";
import { advanceMemcached, askMemcached, keysOfMemcached, startMemcached } from "../helpers/memcached-server.ts";
import { lacking, useServer } from "../helpers/servers.ts";

const index = { audience: "YXVk", subject: "c3Vi" };
const key = () => randomBytes(32).toString("base64url");
const now = () => Math.floor(Date.now() / 1000);

describe("memcached", { skip: lacking("memcached") }, () => {
  const used = useServer(startMemcached, (server) => openMemcached({ port: server.port }));

  for (const cleanUpProbability of [0, 0.1, 1]) {
    testSessionStorage(
      `memcached that cleans up indexes ${cleanUpProbability * 10} times in ten`,
      () => memcachedStorage({ client: used.client, prefix: "p", cleanUpProbability }),
      (seconds) => advanceMemcached(used.server.port, seconds),
    );
  }

  test("names are percent-encoded, and indexes have the lives that others expect", async () => {
    await askMemcached(used.server.port, "flush_all\r\n", "OK\r\n");
    const storage = memcachedStorage({ client: used.client, prefix: "mc", suffix: "s", cleanUpProbability: 0 });
    const [one, two] = [key(), key()];
    const write = { now: now(), ttl: 100, metadata: [index] };
    await storage.set("session", one, "1", write);
    const names = [`mc%3Asession%3A${one}%3As`, "mc%3Asession%3AYXVk%3Ac3Vi%3As"];
    assert.deepEqual([...(await keysOfMemcached(used.server.port)).keys()].sort(), [...names].sort());
    assert.equal((await keysOfMemcached(used.server.port)).get(names[1]!), -1);
    await storage.set("session", two, "2", { ...write, ttl: 50 });
    await storage.delete("session", one, now(), [index]);
    const expires = (await keysOfMemcached(used.server.port)).get(names[1]!)!;
    assert.ok(Math.abs(expires - write.now - 50) <= 2, `${expires}`);
    await storage.delete("session", two, now(), [index]);
    assert.equal(await used.client.get(names[1]!), undefined);
  });

  test("a record of more than a megabyte is refused by the server, and the connection goes on", async () => {
    const storage = memcachedStorage({ client: used.client });
    const own = key();
    const write = { now: now(), ttl: 100 };
    await assert.rejects(storage.set("session", own, "x".repeat(2 ** 20), write), /object too large for cache/);
    await storage.set("session", own, "small", write);
    assert.equal(await storage.get("session", own), "small");
  });

  test("a key that the protocol cannot carry is refused before it is sent", async () => {
    for (const bad of ["a b", "a\r\nflush_all", "a\0", "ä", "x".repeat(251)]) {
      await assert.rejects(used.client.store("set", bad, "1", 0), /printable characters/);
    }
  });

  test("answers of many megabytes at once go to those who asked", async () => {
    const storage = memcachedStorage({ client: used.client });
    const keys = Array.from({ length: 50 }, key);
    const text = (own: string) => `${own}${"é\r\n".repeat(100_000)}`;
    await Promise.all(keys.map((own) => storage.set("session", own, text(own), { now: now(), ttl: 100 })));
    const found = await Promise.all(keys.map((own) => storage.get("session", own)));
    for (const [at, own] of keys.entries()) assert.ok(found[at] === text(own), own);
  });

  testOutage("memcached", {
    server: () => used.server,
    open(port) {
      const opened = openMemcached({ port, connect_timeout: 1000, read_timeout: 1000 });
      return { storage: memcachedStorage({ client: opened }), close: () => opened.close() };
    },
  });
});
