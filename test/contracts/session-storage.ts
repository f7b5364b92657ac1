import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { type TestContext, test } from "node:test";
import { createSessions, type SessionStorage, type SessionWrite } from "../../src/session/index.ts";

/** A storage for one test; it may be the same for all. */
export type CreateStorage = (t: TestContext) => SessionStorage | Promise<SessionStorage>;
/** Let time pass where the storage's own clock counts, in seconds; storages that ask for the time are told. */
export type Advance = (seconds: number) => unknown;

interface Fixture {
  readonly storage: SessionStorage;
  /** Seconds since the epoch: of the machine, so that servers with a clock of their own agree. */
  readonly now: () => number;
  readonly pass: Advance;
  /** Write a record; by default it lives for 100 seconds. */
  write(key: string, value: string, write?: Partial<SessionWrite>): Promise<void>;
  read(key: string): Promise<string | undefined>;
  list(index: { audience: string; subject: string }): Promise<string[]>;
}

const name = "session";
const randomKey = () => randomBytes(32).toString("base64url");
const randomIndex = () => ({
  audience: randomBytes(6).toString("base64url"),
  subject: randomBytes(6).toString("base64url"),
});

/**
 * What every storage of sessions must do. Servers count in seconds of their own, so that a record may live one second more or
 * less than it was told to.
 */
export function testSessionStorage(
  storageName: string,
  create: CreateStorage,
  advance: Advance = () => undefined,
): void {
  const contract = (sentence: string, check: (fixture: Fixture) => Promise<void>) =>
    test(`${storageName}: ${sentence}`, async (t) => {
      const storage = await create(t);
      let now = Math.floor(Date.now() / 1000);
      await check({
        storage,
        now: () => now,
        async pass(seconds) {
          now += seconds;
          await advance(seconds);
        },
        write: async (key, value, write = {}) => storage.set(name, key, value, { now, ttl: 100, ...write }),
        read: async (key) => storage.get(name, key, now),
        list: async (index) => [...(await storage.list!(name, index, now)).keys()].sort(),
      });
    });

  contract("what was never written is not there", async ({ storage, now, read }) => {
    assert.equal(await read(randomKey()), undefined);
    await storage.delete(name, randomKey(), now());
  });

  const texts: readonly (readonly [what: string, text: string])[] = [
    ["a record", `["${randomBytes(120).toString("base64url")}","eyJhIjp7fX0"]`],
    ["quotes, percent signs and ends of lines", `["'; DROP TABLE sessions; -- %s $1 ? \\" \\\\ \r\nEND\r\n\t"]`],
    ["100 kB", `["${"x".repeat(100_000)}"]`],
  ];
  for (const [what, text] of texts) {
    contract(`${what} comes back as it was written`, async ({ write, read }) => {
      const key = randomKey();
      await write(key, text);
      assert.equal(await read(key), text);
    });
  }

  contract("a record as large as records get comes back whole, or is refused", async ({ write, read }) => {
    const key = randomKey();
    const text = `["${"x".repeat(2 ** 24 - 1)}"]`;
    const refused = await write(key, text).then(
      () => false,
      () => true,
    );
    assert.equal(await read(key), refused ? undefined : text);
    // And what comes after it is served.
    await write(key, "small");
    assert.equal(await read(key), "small");
  });

  contract("a record is found by its own name only", async ({ storage, now, write, read }) => {
    const key = randomKey();
    await write(key, "text");
    assert.equal(await storage.get("remember", key, now()), undefined);
    assert.equal(await read(key.toLowerCase()), undefined);
  });

  contract("a record lives as long as it was told to", async ({ write, read, pass }) => {
    const key = randomKey();
    await write(key, "text");
    await pass(97);
    assert.equal(await read(key), "text");
    await pass(5);
    assert.equal(await read(key), undefined);
  });

  contract("a record may live for 400 days", async ({ write, read, pass }) => {
    const key = randomKey();
    await write(key, "text", { ttl: 34_560_000 });
    await pass(34_560_000 - 5);
    assert.equal(await read(key), "text");
    await pass(10);
    assert.equal(await read(key), undefined);
  });

  contract("a record that is written again has the new text and the new life", async ({ write, read, pass }) => {
    const key = randomKey();
    await write(key, "first", { ttl: 10 });
    await pass(5);
    await write(key, "second", { ttl: 100 });
    await pass(90);
    assert.equal(await read(key), "second");
    await pass(15);
    assert.equal(await read(key), undefined);
  });

  contract("a replaced record lives stale_ttl longer", async ({ write, read, pass }) => {
    const [old, key] = [randomKey(), randomKey()];
    await write(old, "old");
    await write(key, "new", { replaces: old, stale_ttl: 10 });
    await pass(7);
    assert.equal(await read(old), "old");
    await pass(5);
    assert.equal(await read(old), undefined);
    assert.equal(await read(key), "new");
  });

  contract("a replaced record that has less to live keeps that", async ({ write, read, pass }) => {
    const [old, key] = [randomKey(), randomKey()];
    await write(old, "old", { ttl: 5 });
    await write(key, "new", { replaces: old, stale_ttl: 50 });
    await pass(8);
    assert.equal(await read(old), undefined);
  });

  contract("a record that is replaced twice is not given more life", async ({ write, read, pass }) => {
    const [old, one, two] = [randomKey(), randomKey(), randomKey()];
    await write(old, "old");
    await write(one, "1", { replaces: old, stale_ttl: 10 });
    await pass(7);
    await write(two, "2", { replaces: old, stale_ttl: 10 });
    await pass(5);
    assert.equal(await read(old), undefined);
  });

  contract("a record replaced without a stale_ttl is gone at once", async ({ write, read, pass }) => {
    const [old, key] = [randomKey(), randomKey()];
    await write(old, "old");
    await write(key, "new", { replaces: old, stale_ttl: 0 });
    await pass(2);
    assert.equal(await read(old), undefined);
    assert.equal(await read(key), "new");
  });

  contract("replacing what is not there is no error, and makes nothing", async ({ write, read }) => {
    const [old, key] = [randomKey(), randomKey()];
    await write(key, "new", { replaces: old, stale_ttl: 10, metadata: [randomIndex()] });
    assert.equal(await read(old), undefined);
    assert.equal(await read(key), "new");
  });

  contract("a deleted record is gone, and only that", async ({ storage, now, write, read }) => {
    const [one, two] = [randomKey(), randomKey()];
    await write(one, "1");
    await write(two, "2");
    await storage.delete(name, one, now());
    await storage.delete(name, one, now());
    assert.equal(await read(one), undefined);
    assert.equal(await read(two), "2");
  });

  contract("an index has the keys that live with their expiry", async ({ storage, now, write, list, pass }) => {
    const index = randomIndex();
    const [short, long] = [randomKey(), randomKey()];
    assert.deepEqual(await list(index), []);
    await write(short, "1", { ttl: 10, metadata: [index] });
    await write(long, "2", { ttl: 1000, metadata: [index] });
    assert.deepEqual(await list(index), [short, long].sort());
    const expires = (await storage.list!(name, index, now())).get(long)!;
    assert.ok(Math.abs(expires - now() - 1000) <= 1, `${expires}`);
    await pass(13);
    assert.deepEqual(await list(index), [long]);
    await pass(990);
    assert.deepEqual(await list(index), []);
  });

  contract("an index belongs to one audience, subject and name", async ({ storage, now, write, list }) => {
    const index = randomIndex();
    const other = randomIndex();
    const key = randomKey();
    await write(key, "1", { metadata: [index] });
    assert.deepEqual(await list({ ...index, subject: other.subject }), []);
    assert.deepEqual(await list({ ...index, audience: other.audience }), []);
    assert.deepEqual(await list({ audience: index.subject, subject: index.audience }), []);
    assert.equal((await storage.list!("remember", index, now())).size, 0);
  });

  contract("indexes that differ by upper and lower case are two", async ({ write, list }) => {
    const index = { audience: "YQ", subject: `aLiCe${randomBytes(8).toString("hex")}` };
    const other = { ...index, subject: index.subject.toLowerCase() };
    const [one, two] = [randomKey(), randomKey()];
    await write(one, "1", { metadata: [index] });
    await write(two, "2", { metadata: [other] });
    assert.deepEqual(await list(index), [one]);
    assert.deepEqual(await list(other), [two]);
  });

  contract("a session may be in several indexes", async ({ storage, now, write, list }) => {
    const [one, two] = [randomIndex(), randomIndex()];
    const key = randomKey();
    await write(key, "1", { metadata: [one, two] });
    assert.deepEqual([await list(one), await list(two)], [[key], [key]]);
    await storage.delete(name, key, now(), [one, two]);
    assert.deepEqual([await list(one), await list(two)], [[], []]);
  });

  contract("a replaced session leaves the index, though its record lives on", async ({ write, list, read }) => {
    const index = randomIndex();
    const [old, key, other] = [randomKey(), randomKey(), randomKey()];
    await write(other, "0", { metadata: [index] });
    await write(old, "1", { metadata: [index] });
    await write(key, "2", { replaces: old, stale_ttl: 10, metadata: [index] });
    assert.deepEqual(await list(index), [key, other].sort());
    assert.equal(await read(old), "1");
  });

  contract("a session that is written again in place stays in the index", async ({ write, list }) => {
    const index = randomIndex();
    const key = randomKey();
    await write(key, "1", { metadata: [index] });
    await write(key, "2");
    assert.deepEqual(await list(index), [key]);
    await write(key, "3", { metadata: [index] });
    assert.deepEqual(await list(index), [key]);
  });

  contract("a deleted session leaves the index, others stay", async ({ storage, now, write, list }) => {
    const index = randomIndex();
    const [one, two] = [randomKey(), randomKey()];
    await write(one, "1", { metadata: [index] });
    await write(two, "2", { metadata: [index] });
    await storage.delete(name, one, now(), [index]);
    assert.deepEqual(await list(index), [two]);
    await storage.delete(name, one, now(), [index]);
    await storage.delete(name, two, now(), [index]);
    assert.deepEqual(await list(index), []);
    await storage.delete(name, randomKey(), now(), [randomIndex()]);
  });

  contract("an index outlives the shortest of its sessions", async ({ write, list, pass }) => {
    const index = randomIndex();
    const [long, short] = [randomKey(), randomKey()];
    await write(long, "1", { ttl: 1000, metadata: [index] });
    await pass(1);
    await write(randomKey(), "2", { ttl: 1000, metadata: [index], replaces: randomKey() });
    await write(short, "3", { ttl: 1010, metadata: [index] });
    await pass(500);
    assert.equal((await list(index)).length, 3);
  });

  contract("an index that sessions have left lives as long as those that come", async (fixture) => {
    const { storage, now, write, list, pass } = fixture;
    const index = randomIndex();
    const [left, short, long] = [randomKey(), randomKey(), randomKey()];
    await write(left, "1", { ttl: 10, metadata: [index] });
    await write(short, "2", { ttl: 20, metadata: [index] });
    await storage.delete(name, left, now(), [index]);
    await write(long, "3", { ttl: 1000, metadata: [index] });
    await pass(50);
    assert.deepEqual(await list(index), [long]);
  });

  // Where strictly compatible, a subject is written as it is.
  for (const subject of [`o'Brien "quoted" %41`, "'; DELETE FROM sessions; --", "..", "a:b", "$(id) `id` \\' \\"]) {
    contract(`the subject ${JSON.stringify(subject)} is text like any other`, async ({ write, list, read }) => {
      const index = { audience: randomIndex().audience, subject };
      const key = randomKey();
      await write(key, "1", { metadata: [index] });
      assert.deepEqual(await list(index), [key]);
      assert.equal(await read(key), "1");
    });
  }

  contract("subjects that no store can name are kept apart or refused", async ({ write, list }) => {
    for (const subject of ["../../escape", "a\0b", "line\r\nflush_all\r\n", "x".repeat(1_000), "jürgen", "\ud800"]) {
      const index = { audience: randomIndex().audience, subject };
      const key = randomKey();
      const refused = await write(key, "1", { metadata: [index] }).then(
        () => false,
        (error: unknown) => error instanceof Error,
      );
      if (!refused) assert.deepEqual(await list(index), [key], subject);
    }
  });

  contract("two hundred visitors at once each find their own", async ({ write, read, list }) => {
    const index = randomIndex();
    const keys = Array.from({ length: 200 }, randomKey);
    await Promise.all(keys.map((key, number) => write(key, `text ${number}`, { metadata: [index] })));
    const found = await Promise.all(keys.map(read));
    assert.deepEqual(
      found,
      keys.map((_, number) => `text ${number}`),
    );
    assert.deepEqual(await list(index), [...keys].sort());
  });

  contract("fifty requests that replace one record at once all succeed", async ({ write, read, list }) => {
    const index = randomIndex();
    const old = randomKey();
    await write(old, "old", { metadata: [index] });
    const keys = Array.from({ length: 50 }, randomKey);
    await Promise.all(keys.map((key) => write(key, key, { replaces: old, stale_ttl: 10, metadata: [index] })));
    assert.deepEqual(await Promise.all(keys.map(read)), keys);
    assert.equal(await read(old), "old");
    assert.deepEqual(await list(index), [...keys].sort());
  });

  contract(
    "of fifty notes of a successor at once the first stays, where processes share a storage",
    async (fixture) => {
      const { storage, now, write, read, pass } = fixture;
      // Memory is of one process.
      if (storageName === "memory") return;
      const old = randomKey();
      await write(old, "old");
      const note = (text: string) => storage.noteSuccessor!(name, old, text, { now: now(), ttl: 10 });
      const noted = await Promise.all(Array.from({ length: 50 }, (_, number) => note(`note ${number}`)));
      assert.equal(new Set(noted).size, 1);
      assert.match(noted[0]!, /^note \d+$/);
      assert.equal(await note("a late one"), noted[0]);
      assert.equal(
        await storage.noteSuccessor!(name, randomKey(), "of another", { now: now(), ttl: 10 }),
        "of another",
      );
      assert.equal(await read(old), "old");
      await pass(13);
      assert.equal(await note("the next one"), "the next one");
    },
  );

  contract("fifty logins and logouts of one subject at once leave nobody behind", async (fixture) => {
    const { storage, now, write, list } = fixture;
    const index = randomIndex();
    const visit = async () => {
      const key = randomKey();
      await write(key, "1", { metadata: [index] });
      await storage.delete(name, key, now(), [index]);
    };
    await Promise.all(Array.from({ length: 50 }, visit));
    assert.deepEqual(await list(index), []);
  });

  const damages: readonly (readonly [what: string, damage: (record: string) => string, reason: string])[] = [
    ["cut in half", (record) => record.slice(0, record.length / 2), "unable_to_json_decode_session"],
    ["of another version", (record) => JSON.stringify({ v: 5, record }), "invalid_session_payload"],
    ["with a longer payload", (record) => record.replace('["', '["AAAA'), "invalid_session_payload"],
    ["of 200 kB", () => JSON.stringify(["A".repeat(200_000)]), "invalid_session_payload"],
    ["of somebody else's making", (record) => record.replace(/[A-Za-z]/g, "A"), "unable_to_decrypt_session_data"],
  ];
  for (const [what, damage, reason] of damages) {
    contract(`a record ${what} does not open, and a new session does`, async ({ storage, now, write, read }) => {
      const sessions = createSessions({ secret: "a secret of this test" }, { storage });
      const session = sessions.create({});
      session.set("user", "alice");
      const [cookie] = await session.save(now());
      const visit = { cookie: cookie!.text };
      assert.equal((await sessions.open(visit, now())).get("user"), "alice");
      const key = session.property("id") as string;
      await write(key, damage((await read(key))!));
      const opened = await sessions.open(visit, now());
      assert.equal(opened.isOpen, false);
      assert.equal(opened.reason, reason);
      opened.set("user", "bob");
      const [fresh] = await opened.save(now());
      assert.equal((await sessions.open({ cookie: fresh!.text }, now())).get("user"), "bob");
    });
  }
}
