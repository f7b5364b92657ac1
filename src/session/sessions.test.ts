import assert from "node:assert/strict";
import { test } from "node:test";
import {
  createSessions,
  type JsonValue,
  memoryStorage,
  mergeSetCookies,
  type Session,
  type SessionOptions,
  type SessionParts,
  type SessionStorage,
  type SessionWrite,
  type SetCookie,
  type Visit,
} from "./index.ts";

const NOW = 1_900_000_000;
const secret = "a secret for tests";

/** The Cookie header a browser sends after these Set-Cookie texts. */
function cookieOf(cookies: readonly SetCookie[]): string {
  return cookies.map(({ text }) => text.slice(0, text.indexOf(";"))).join("; ");
}

function make(options: SessionOptions = {}, parts: SessionParts = {}) {
  return createSessions({ secret, ...options }, parts);
}

/** Save data in a new session; the answer must not be a promise. */
function login(sessions: ReturnType<typeof make>, data: JsonValue = { user: "alice" }, visit: Visit = {}): string {
  const session = sessions.create(visit);
  session.data = data;
  return cookieOf(now(session.save(NOW)));
}

/** An answer that was given without waiting. */
function now<T>(answer: T | Promise<T>): T {
  assert.ok(!(answer instanceof Promise), "nothing has to be waited for");
  return answer;
}

const open = (sessions: ReturnType<typeof make>, visit: Visit, at = NOW): Session => now(sessions.open(visit, at));

test("a stateless session opens and saves without a promise", () => {
  const sessions = make();
  const session = open(sessions, { cookie: login(sessions) });
  assert.equal(session.isOpen, true);
  assert.equal(session.reason, undefined);
  assert.deepEqual(session.data, { user: "alice" });
  now(session.save(NOW));
  now(session.touch(NOW));
  now(session.refresh(NOW));
  now(session.destroy(NOW));
});

test("a storage that answers at once needs no promise either, one that does not is waited for", async () => {
  const storage = memoryStorage();
  const sessions = make({}, { storage });
  const cookie = login(sessions);
  assert.equal(open(sessions, { cookie }).isOpen, true);
  const slow: SessionStorage = {
    get: async (...args) => storage.get(...args),
    set: async (...args) => storage.set(...args),
    delete: async (name, key) => storage.delete(name, key),
  };
  const answer = make({}, { storage: slow }).open({ cookie }, NOW);
  assert.ok(answer instanceof Promise);
  assert.equal((await answer).isOpen, true);
});

test("a session of one secret does not open under another, but under a fallback", () => {
  const cookie = login(make());
  assert.equal(open(make({ secret: "new" }), { cookie }).reason, "invalid_session_message_authentication_code");
  const rotated = make({ secret: "new", secret_fallbacks: ["unrelated", secret] });
  const session = open(rotated, { cookie });
  assert.equal(session.isOpen, true);
  const touched = cookieOf(now(session.touch(NOW + 5)));
  assert.equal(open(make(), { cookie: touched }).isOpen, true, "a touch keeps the old key");
  const saved = cookieOf(now(session.save(NOW + 5)));
  assert.equal(open(make(), { cookie: saved }).isOpen, false, "a save does not");
  assert.equal(open(make({ secret: "new" }), { cookie: saved }, NOW + 5).isOpen, true);
});

test("without a secret every process has its own", () => {
  const cookie = login(createSessions({}));
  assert.equal(open(createSessions({}), { cookie }).reason, "invalid_session_message_authentication_code");
});

test("sessions take up to nine cookies, and come back from them", () => {
  const sessions = make({ compression_threshold: 0 });
  for (const [size, count] of [
    [10, 1],
    [4_000, 2],
    [10_000, 4],
    [27_000, 9],
  ] as const) {
    const session = sessions.create({});
    session.data = { text: "x".repeat(size) };
    const cookies = now(session.save(NOW));
    assert.equal(cookies.length, count);
    assert.deepEqual(open(sessions, { cookie: cookieOf(cookies) }).data, { text: "x".repeat(size) });
    assert.equal(now(open(sessions, { cookie: cookies.map((c) => cookieOf([c])) }).destroy(NOW)).length, count);
  }
});

test("data too large for nine cookies, or for the configured limit, is refused by name", () => {
  const error = { name: "SessionError", code: "ERR_SESSION_COOKIE_SIZE", message: "cookie size limit exceeded" };
  const session = make({ compression_threshold: 0 }).create({});
  session.data = { text: "x".repeat(28_000) };
  assert.throws(() => session.save(NOW), error);
  assert.equal(session.state, "new");
  const limited = make({ compression_threshold: 0 }, { maxCookieSize: 2_000 }).create({});
  limited.data = { text: "x".repeat(2_000) };
  assert.throws(() => limited.save(NOW), error);
});

test("large data is compressed, and a storage takes what no cookie could", () => {
  const text = "x".repeat(100_000);
  const stateless = make();
  assert.deepEqual(open(stateless, { cookie: login(stateless, { text }) }).data, { text });
  const stored = make({ compression_threshold: 0 }, { storage: memoryStorage() });
  const cookie = login(stored, { text });
  assert.equal(cookie.length, "session=".length + 110);
  assert.deepEqual(open(stored, { cookie }).data, { text });
});

test("cookies that are expired are exactly those that were there", () => {
  const sessions = make({ compression_threshold: 0 });
  const session = open(sessions, { cookie: login(sessions, { text: "x".repeat(8_000) }) });
  session.data = { text: "small" };
  const cookies = now(session.save(NOW + 1));
  assert.deepEqual(
    cookies.map(({ name, text }) => [name, text.includes("Max-Age=0")]),
    [
      ["session", false],
      ["session2", true],
      ["session3", true],
    ],
  );
});

const ada: Visit = { remoteAddress: "192.0.2.1", scheme: "https", userAgent: "Browser/1" };
const others: readonly (readonly [name: "ip" | "scheme" | "user-agent", visit: Visit])[] = [
  ["ip", { ...ada, remoteAddress: "192.0.2.2" }],
  ["scheme", { ...ada, scheme: "http" }],
  ["user-agent", { ...ada, userAgent: "Browser/2" }],
];
for (const [name, other] of others) {
  test(`a session bound to ${name} opens only there, whatever is configured when it opens`, () => {
    const cookie = login(make({ bind: [name] }), {}, ada);
    for (const sessions of [make({ bind: [name] }), make()]) {
      assert.equal(open(sessions, { ...ada, cookie }).isOpen, true);
      assert.equal(open(sessions, { ...other, cookie }).reason, "invalid_session_message_authentication_code");
    }
    const elsewhere = others.filter(([bound]) => bound !== name);
    for (const [, visit] of elsewhere) assert.equal(open(make(), { ...visit, cookie }).isOpen, true);
    const touched = cookieOf(now(open(make(), { ...ada, cookie }).touch(NOW)));
    assert.equal(open(make(), { ...other, cookie: touched }).isOpen, false);
  });
}

test("an empty bind list, and a value that is not there, bind to nothing", () => {
  assert.equal(open(make(), { cookie: login(make({ bind: [] })) }).header?.flags, 0);
  const cookie = login(make({ bind: ["user-agent"] }), {}, { userAgent: "" });
  assert.equal(open(make(), { cookie }).isOpen, true);
});

for (const safety of ["None", "Low", "Medium"] as const) {
  test(`a remembered session comes back by its remember cookie (safety ${safety})`, async () => {
    const sessions = make({ remember: true, remember_safety: safety });
    const created = sessions.create({});
    created.data = { user: "alice" };
    const first = await created.save(NOW);
    assert.deepEqual(
      first.map(({ name }) => name),
      ["session", "remember"],
    );
    const session = await sessions.open({ cookie: cookieOf(first.slice(1)) }, NOW + 100_000);
    assert.equal(session.isOpen, true);
    assert.equal(session.reason, undefined);
    assert.deepEqual(session.data, { user: "alice" });
    assert.equal(session.property("creation-time"), NOW + 100_000);
    assert.deepEqual(
      session.cookies.map(({ name }) => name),
      ["remember", "session"],
    );
    const again = await sessions.open({ cookie: cookieOf(session.cookies) }, NOW + 100_001);
    assert.equal(again.isOpen, true);
    assert.deepEqual(again.cookies, []);
    assert.equal((await again.logout(NOW + 100_002)).filter(({ text }) => text.includes("Max-Age=0")).length, 2);
  });
}

test("a remember cookie opens under its own safety only", async () => {
  const [, remember] = await login2(make({ remember: true, remember_safety: "Low" }));
  const session = await make({ remember: true, remember_safety: "None" }).open({ cookie: cookieOf([remember!]) }, NOW);
  assert.equal(session.reason, "missing_session_cookie");
});

async function login2(sessions: ReturnType<typeof make>): Promise<readonly SetCookie[]> {
  return await sessions.create({}).save(NOW);
}

test("set to be forgotten, a session stays forgotten", () => {
  const sessions = make({ remember: true, remember_safety: "Low" });
  const session = sessions.create({});
  session.remember = false;
  const cookies = now(session.save(NOW));
  assert.equal(cookies.length, 1);
  const again = open(sessions, { cookie: cookieOf(cookies) });
  again.remember = true;
  assert.equal(again.remember, false);
  assert.equal(now(again.save(NOW)).length, 1);
  const release40 = make({ remember: true, remember_safety: "Low", release: "4.0" });
  const older = release40.create({});
  older.remember = false;
  assert.equal(open(release40, { cookie: cookieOf(now(older.save(NOW))) }).remember, true);
});

test("a remembered session starts now, although a damaged session cookie left its header behind", () => {
  const sessions = make({ remember: true, remember_safety: "Low", compatibility: "strict" });
  const cookies = now(sessions.create({}).save(NOW));
  const damaged = cookieOf(cookies).replace(/.; remember/, (end) => (end[0] === "A" ? "Q" : "A") + end.slice(1));
  const session = open(sessions, { cookie: damaged }, NOW + 500);
  assert.equal(session.isOpen, true);
  assert.equal(session.property("creation-time"), NOW + 500);
});

/** A storage in memory that writes down what it is asked. */
function recording() {
  const memory = memoryStorage();
  const calls: string[] = [];
  const writes: SessionWrite[] = [];
  const storage: SessionStorage = {
    get: (name, key, at) => memory.get(name, key, at),
    set(name, key, value, write) {
      calls.push(`set ${name}`);
      writes.push(write);
      return memory.set(name, key, value, write);
    },
    delete(name, key) {
      calls.push(`delete ${name}`);
      return memory.delete(name, key);
    },
    list: (name, of, at) => memory.list(name, of, at),
  };
  return { storage, calls, writes };
}

test("a record does not outlive its absolute timeout, unless the original's arithmetic is wanted", () => {
  const ttls = (options: SessionOptions) => {
    const { storage, writes } = recording();
    const sessions = make({ absolute_timeout: 600, ...options }, { storage });
    now(open(sessions, { cookie: login(sessions) }, NOW + 100).save(NOW + 100));
    return writes.map(({ ttl }) => ttl);
  };
  assert.deepEqual(ttls({}), [600, 500]);
  assert.deepEqual(ttls({ compatibility: "strict" }), [600, 700]);
  assert.deepEqual(ttls({ compatibility: "strict", release: "4.0" }), [3600, 3600]);
});

test("a replaced record stays for stale_ttl, and the index follows the session", () => {
  const { storage } = recording();
  const sessions = make({ store_metadata: true, subject: "alice", stale_ttl: 10 }, { storage });
  const cookie = login(sessions);
  const session = open(sessions, { cookie });
  const former = session.id!;
  now(session.save(NOW + 100));
  const index = sessions.indexOf("default", "alice");
  assert.deepEqual([...now(storage.list!("session", index, NOW + 100))], [[session.id, NOW + 3700]]);
  assert.notEqual(session.id, former);
  assert.equal(open(sessions, { cookie }, NOW + 110).isOpen, true);
  assert.equal(open(sessions, { cookie }, NOW + 111).reason, "unable_to_load_session");
  now(session.logout(NOW + 112));
  assert.equal(now(storage.list!("session", index, NOW + 112)).size, 0);
});

test("release 4.0 removes a remember record when it renews it", () => {
  const calls = (release: "4.0" | "4.1") => {
    const recorder = recording();
    const options = { remember: true, remember_safety: "Low", release } as const;
    const sessions = make(options, { storage: recorder.storage });
    now(open(sessions, { cookie: login(sessions) }).save(NOW + 1));
    return recorder.calls.slice(2);
  };
  assert.deepEqual(calls("4.1"), ["set session", "set remember"]);
  assert.deepEqual(calls("4.0"), ["set session", "set remember", "delete remember"]);
});

test("a storage out of order is told from a record that is gone", async () => {
  const failure = new Error("connection refused");
  const refuse = () => {
    throw failure;
  };
  const reject = () => Promise.reject(failure);
  const cookie = login(make({}, { storage: memoryStorage() }));
  assert.equal(open(make({}, { storage: memoryStorage() }), { cookie }).reason, "unable_to_load_session");
  for (const fail of [refuse, reject]) {
    const storage = { get: fail, set: fail, delete: fail };
    const session = await make({}, { storage }).open({ cookie }, NOW);
    assert.equal(session.reason, "storage_unavailable");
    assert.equal(session.cause, failure);
    const strict = await make({ compatibility: "strict" }, { storage }).open({ cookie }, NOW);
    assert.equal(strict.reason, "unable_to_load_session");
    const fresh = make({}, { storage }).create({});
    await assert.rejects(async () => fresh.save(NOW), {
      code: "ERR_SESSION_STORAGE",
      message: "unable to store session data",
      cause: failure,
    });
    assert.equal(fresh.state, "new");
  }
});

test("a logout that could not be stored is not one", () => {
  const memory = memoryStorage();
  const storage: SessionStorage = {
    ...memory,
    delete: () => {
      throw new Error("disk full");
    },
  };
  const sessions = make({}, { storage });
  const session = open(sessions, { cookie: login(sessions) });
  assert.throws(() => session.logout(NOW), { code: "ERR_SESSION_STORAGE", message: "unable to destroy session" });
  assert.equal(session.isOpen, true);
});

test("a remember cookie that cannot be renewed opens nothing", () => {
  const memory = memoryStorage();
  const options = { remember: true, remember_safety: "Low" } as const;
  const sessions = make(options, { storage: memory });
  const created = sessions.create({});
  created.data = { user: "alice" };
  const [, remember] = now(created.save(NOW));
  const full: SessionStorage = {
    ...memory,
    set: () => {
      throw new Error("disk full");
    },
  };
  const session = open(make(options, { storage: full }), { cookie: cookieOf([remember!]) });
  assert.equal(session.reason, "storage_unavailable");
  assert.equal(session.isOpen, false);
  assert.deepEqual(session.data, {});
  assert.deepEqual(session.cookies, []);
});

test("a storage out of order is the reason also when only the remember cookie came", async () => {
  const options = { remember: true, remember_safety: "Low" } as const;
  const [, remember] = now(make(options, { storage: memoryStorage() }).create({}).save(NOW));
  const get = () => Promise.reject(new Error("connection refused"));
  const storage: SessionStorage = { ...memoryStorage(), get };
  const visit = { cookie: cookieOf([remember!]) };
  assert.equal((await make(options, { storage }).open(visit, NOW)).reason, "storage_unavailable");
  const strict = make({ ...options, compatibility: "strict" }, { storage });
  assert.equal((await strict.open(visit, NOW)).reason, "missing_session_cookie");
});

test("a damaged payload starts afresh, strictly compatible it keeps the creation time", () => {
  const damaged = login(make()).replace(/.$/, (last) => (last === "A" ? "Q" : "A"));
  for (const [compatibility, creation] of [
    ["sesame", NOW + 500],
    ["strict", NOW],
  ] as const) {
    const session = open(make({ compatibility }), { cookie: damaged }, NOW + 500);
    assert.equal(session.reason, "unable_to_decrypt_session_data");
    now(session.save(NOW + 500));
    assert.equal(session.property("creation-time"), creation);
  }
});

test("applications share a session by their audiences", () => {
  const first = make({ audience: "first" });
  const second = make({ audience: "second" });
  const cookie = login(first, { a: 1 });
  const session = open(second, { cookie }, NOW + 5);
  assert.equal(session.reason, "missing_session_audience");
  session.data = { b: 2 };
  const both = cookieOf(now(session.save(NOW + 5)));
  assert.deepEqual(open(first, { cookie: both }, NOW + 6).data, { a: 1 });
  assert.deepEqual(open(second, { cookie: both }, NOW + 6).data, { b: 2 });
  const left = cookieOf(now(open(first, { cookie: both }, NOW + 7).logout(NOW + 7)));
  assert.equal(open(first, { cookie: left }, NOW + 8).reason, "missing_session_audience");
  assert.deepEqual(open(second, { cookie: left }, NOW + 8).data, { b: 2 });
});

test("renaming an audience takes its info along, and the place of another", () => {
  const storage = memoryStorage();
  const one = make({ audience: "one" }, { storage });
  const created = one.create({});
  created.info.set("k", "first");
  const two = make({ audience: "two" }, { storage });
  const session = open(two, { cookie: cookieOf(now(created.save(NOW))) });
  session.info.set("k", "second");
  session.audience = "one";
  const cookie = cookieOf(now(session.save(NOW)));
  const renamed = open(one, { cookie });
  assert.equal(renamed.entries.length, 1);
  assert.equal(renamed.info.get("k"), "second");
});

test("the last of several audiences with info can be logged out", () => {
  const storage = memoryStorage();
  const one = make({ audience: "one" }, { storage });
  const created = one.create({});
  created.info.set("k", 1);
  const session = open(make({ audience: "two" }, { storage }), { cookie: cookieOf(now(created.save(NOW))) });
  const both = cookieOf(now(session.save(NOW)));
  const left = cookieOf(now(open(one, { cookie: both }).logout(NOW)));
  assert.equal(open(make({ audience: "two" }, { storage }), { cookie: left }).isOpen, true);
});

test("info is saved without a new cookie, into the remember record too", () => {
  const { storage, calls, writes } = recording();
  const sessions = make({ remember: true, remember_safety: "Low" }, { storage });
  const session = open(sessions, { cookie: login(sessions) }, NOW + 50);
  now(session.save(NOW + 50));
  calls.length = writes.length = 0;
  assert.deepEqual(now(session.info.save(NOW + 150)), []);
  assert.deepEqual(calls, [], "nothing was set");
  session.info.set("k", 1);
  assert.deepEqual(now(session.info.save(NOW + 150)), []);
  assert.deepEqual(calls, ["set session", "set remember"]);
  assert.deepEqual(
    writes.map(({ ttl }) => ttl),
    [3500, 604_700],
  );
});

test("info of a stateless session lives among its data, without meeting its keys", () => {
  const sessions = make();
  const created = sessions.create({});
  created.set("@k", "data");
  created.info.set("k", "info");
  const session = open(sessions, { cookie: cookieOf(now(created.save(NOW))) });
  assert.equal(session.get("@k"), "data");
  assert.equal(session.info.get("k"), "info");
  assert.deepEqual(session.data, { "$@k": "data", "@k": "info" });
  assert.equal(now(session.info.save(NOW)).length, 1);
});

test("keys that mean something to JavaScript are only keys", () => {
  const sessions = make();
  const session = sessions.create({});
  for (const key of ["__proto__", "constructor", "toString"]) {
    assert.equal(session.get(key), undefined);
    session.set(key, 1);
  }
  const again = open(sessions, { cookie: cookieOf(now(session.save(NOW))) });
  assert.equal(again.get("__proto__"), 1);
  assert.equal(again.get("hasOwnProperty"), undefined);
  again.set("constructor", undefined);
  assert.equal(again.get("constructor"), undefined);
  const stored = make({ audience: "__proto__" }, { storage: memoryStorage() });
  const info = stored.create({});
  info.info.set("__proto__", 5);
  assert.equal(open(stored, { cookie: cookieOf(now(info.save(NOW))) }).info.get("__proto__"), 5);
});

test("data is an object or a list", () => {
  const session = make().create({});
  for (const data of ["x", 5, null, true]) {
    assert.throws(() => (session.data = data as never), { code: "ERR_SESSION_DATA", message: "invalid session data" });
  }
  session.data = ["a", "b"];
  assert.equal(session.get("1"), "b");
  assert.throws(() => session.set("name", 1), { code: "ERR_SESSION_DATA" });
});

test("a refresh says what it did", () => {
  const sessions = make({ idling_timeout: 3600 });
  const cookie = login(sessions);
  const refresh = (after: number) => now(open(sessions, { cookie }, NOW + after).refresh(NOW + after));
  assert.deepEqual(
    [60, 61, 2700, 2701].map((after) => refresh(after).action),
    ["nothing", "touched", "touched", "saved"],
  );
  assert.deepEqual(refresh(10).cookies, []);
});

test("a touch after a save in one request touches what was saved", () => {
  const sessions = make();
  const session = sessions.create({});
  const saved = now(session.save(NOW));
  const merged = mergeSetCookies(
    saved.map(({ text }) => text),
    now(session.touch(NOW + 10)),
  );
  assert.equal(merged.length, 1);
  const again = open(sessions, { cookie: merged[0]!.split(";")[0] }, NOW + 20);
  assert.equal(again.header?.idling_offset, 10);
});

test("a closed session allows nothing, a new one no more than a save", () => {
  const closed = make().create({});
  closed.close();
  assert.throws(() => closed.save(NOW), { code: "ERR_SESSION_CLOSED", message: "unable to save closed session" });
  assert.throws(() => closed.headers("request"), { message: "unable to set request headers on closed session" });
  assert.throws(() => closed.get("k"), { message: "unable to get session data value on closed session" });
  assert.throws(() => closed.info.get("k"), { message: "unable to get session info on closed session" });
  const fresh = make().create({});
  assert.throws(() => fresh.touch(NOW), {
    code: "ERR_SESSION_NOT_OPEN",
    message: "unable to touch nonexistent session",
  });
  assert.throws(() => fresh.headers("response"), { message: "unable to set response headers on nonexistent session" });
  assert.throws(() => fresh.clearRequestCookie("a=1"), { code: "ERR_SESSION_NOT_OPEN" });
});

test("a clock that is none is refused, a fraction of a second is cut off", () => {
  const session = make().create({});
  for (const time of [Number.NaN, Number.POSITIVE_INFINITY, -1]) {
    assert.throws(() => session.save(time), { code: "ERR_SESSION_TIME" });
  }
  assert.throws(() => session.save(2 ** 41), {
    code: "ERR_SESSION_TIME",
    message: "session maximum creation time exceeded",
  });
  now(session.save(NOW + 0.9));
  assert.equal(session.property("creation_time"), NOW);
});

test("a source of random bytes that fails is named", () => {
  const randomBytes = () => {
    throw new Error("no entropy");
  };
  const session = make({}, { randomBytes }).create({});
  assert.throws(() => session.save(NOW), { code: "ERR_SESSION_RANDOM", message: "unable to generate session id" });
});

test("a session tells when it was first saved, also after later saves", () => {
  const session = make().create({});
  assert.equal(session.createdAt, undefined);
  now(session.save(NOW));
  const cookie = cookieOf(now(session.save(NOW + 5)));
  assert.equal(open(make(), { cookie }, NOW + 6).createdAt, NOW);
});

test("a header is shown without any key", () => {
  const cookie = login(make());
  const id = open(make(), { cookie }).id!;
  const fields = { type: 1, flags: 0, id, created_at: NOW, rolling_offset: 0, idling_offset: 0, data_size: 40 };
  assert.deepEqual(createSessions({}).inspect({ cookie }), { header: fields });
  assert.deepEqual(createSessions({}).inspect({}), { reason: "missing_session_cookie" });
  assert.deepEqual(createSessions({}).inspect({ cookie: "session=x" }), { reason: "invalid_session_header" });
});
