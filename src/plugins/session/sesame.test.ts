import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { START, type World } from "../../../test/helpers/plugins.ts";
import { cookieOf, open, type Request } from "./testing.ts";

async function reconfigure(world: World, config: object): Promise<void> {
  const [row] = (await world.stores.named("plugins")!.all()).filter(({ name }) => name === "session");
  await world.stores.named("plugins")!.update({ id: row!.id }, { config });
}

const outOfOrder = (world: World) => world.database.execute("ALTER TABLE sessions RENAME TO away");
const repaired = (world: World) => world.database.execute("ALTER TABLE away RENAME TO sessions");
const logout = { method: "POST", target: "/?session_logout" };

describe("a secret that is replaced", () => {
  for (const storage of ["cookie", "kong"]) {
    it(`logs nobody out, and its sessions get the new one with the next answer, storage ${storage}`, async (t) => {
      const { world, send } = await open(t, { storage });
      const old = cookieOf(await send({ key: true }));
      await send({ cookie: old });
      await reconfigure(world, { secret: "another", secret_fallbacks: ["a secret"] });
      const visit = await send({ cookie: old });
      assert.deepEqual([visit.consumer, visit.cookies.length], ["coop", 1]);
      const { snapshot } = world;
      assert.equal(snapshot()["sesame_sessions_opened_by_fallback_total"]?.[""]?.count, 1);
      await reconfigure(world, { secret_fallbacks: null });
      assert.equal((await send({ cookie: cookieOf(visit) })).consumer, "coop");
      assert.equal((await send({ cookie: old })).consumer, undefined);
    });
  }

  it("takes the long-lived cookie with it", async (t) => {
    const { world, send } = await open(t, { remember: true });
    const old = cookieOf(await send({ key: true }));
    await reconfigure(world, { secret: "another", secret_fallbacks: ["a secret"] });
    const visit = await send({ cookie: old });
    assert.equal(visit.cookies.length, 2);
    await reconfigure(world, { secret_fallbacks: null });
    const remember = cookieOf(visit).split("; ")[1]!;
    assert.match(remember, /^remember=/);
    assert.equal((await send({ cookie: remember })).consumer, "coop");
  });
});

describe("a bound session", () => {
  const visitor = { headers: ["User-Agent", "Firefox"], connection: { remoteAddress: "192.0.2.1" } } as const;
  const others: readonly [what: string, visitor: Request][] = [
    ["address", { ...visitor, connection: { remoteAddress: "192.0.2.2" } }],
    ["browser", { ...visitor, headers: ["User-Agent", "Chrome"] }],
    ["scheme", { ...visitor, connection: { remoteAddress: "192.0.2.1", tls: true } }],
  ];

  it("opens where it was made only, also when it was recognised there before", async (t) => {
    const { send } = await open(t, { bind: ["ip", "scheme", "user-agent"] });
    const cookie = cookieOf(await send({ ...visitor, key: true }));
    for (let i = 0; i < 2; i++) {
      assert.equal((await send({ ...visitor, cookie })).consumer, "coop");
      for (const [what, other] of others) assert.equal((await send({ ...other, cookie })).consumer, undefined, what);
    }
  });
});

describe("the session's own cookie", () => {
  const rows: readonly [config: object, isCleared: boolean][] = [
    [{}, false],
    [{ storage: "kong", store_metadata: true }, false],
    [{ touch_threshold: 30 }, true],
    [{ clear_request_cookie: true }, true],
    [{ clear_request_cookie: false, touch_threshold: 30 }, false],
  ];
  for (const [config, isCleared] of rows) {
    it(`${isCleared ? "never reaches" : "reaches"} the upstream with ${JSON.stringify(config)}`, async (t) => {
      const { send } = await open(t, config);
      const cookie = cookieOf(await send({ key: true }));
      for (let i = 0; i < 3; i++) {
        const visit = await send({ cookie: `a=1; ${cookie}; b=2` });
        assert.equal(visit.consumer, "coop");
        assert.equal(visit.upstreamCookie, isCleared ? "a=1; b=2" : `a=1; ${cookie}; b=2`);
      }
      assert.equal((await send({ cookie: "session=forged" })).upstreamCookie, isCleared ? undefined : "session=forged");
    });
  }
});

describe("a session that is required", () => {
  it("or a credential lets in, and nobody else gets through", async (t) => {
    const { send } = await open(t, { require: true });
    assert.equal((await send({})).status, 401);
    assert.equal((await send({ cookie: "session=forged" })).status, 401);
    const login = await send({ key: true });
    assert.equal(login.status, 200);
    assert.equal((await send({ cookie: cookieOf(login) })).status, 200);
    assert.equal((await send({ cookie: cookieOf(login) })).status, 200, "from memory");
  });
});

describe("the storages", () => {
  it("in memory keeps what the cookie does not", async (t) => {
    const { send } = await open(t, { storage: "memory" });
    const cookie = cookieOf(await send({ key: true }));
    assert.equal(cookie.length, "session=".length + 110);
    assert.equal((await send({ cookie })).consumer, "coop");
    assert.equal((await send({ cookie, ...logout })).status, 200);
    assert.equal((await send({ cookie })).consumer, undefined);
  });

  it("of files puts them where it is told", async (t) => {
    const path = mkdtempSync(join(tmpdir(), "sesame-test-"));
    t.after(() => rmSync(path, { recursive: true }));
    const { send } = await open(t, { storage: "file", file: { path, prefix: "p" } });
    const cookie = cookieOf(await send({ key: true }));
    assert.deepEqual(
      readdirSync(path).map((name) => name.slice(0, 10)),
      ["p_session_"],
    );
    assert.equal((await send({ cookie })).consumer, "coop");
  });

  it("can know sessions by the hashes of their ids", async (t) => {
    const { world, send } = await open(t, { storage: "kong", hash_storage_key: true });
    const cookie = cookieOf(await send({ key: true }));
    for (let i = 0; i < 2; i++) assert.equal((await send({ cookie })).consumer, "coop");
    const [row] = await world.stores.named("sessions")!.all();
    assert.ok(!cookie.includes(String(row!["session_id"]).slice(0, 30)));
    await world.stores.named("sessions")!.delete({ id: row!.id });
    assert.equal((await send({ cookie })).consumer, undefined, "at once, though it was recognised");
  });
});

describe("a visitor without a session", () => {
  for (const storage of ["kong", "memory"]) {
    it(`costs the storage nothing, nor does one with a forged cookie, storage ${storage}`, async (t) => {
      const { world, send } = await open(t, { storage });
      const other = await open(t, { storage: "memory", secret: "another secret" });
      const foreign = cookieOf(await other.send({ key: true }));
      for (const cookie of [undefined, "session=x", "session=", foreign, foreign.replace(/.$/, "_")]) {
        for (const request of [{}, { headers: ["x-pass", "unknown"] }, logout]) {
          const { status, consumer, cookies } = await send({ ...request, cookie });
          assert.deepEqual([status, consumer, cookies], [200, undefined, []]);
        }
      }
      assert.deepEqual(world.snapshot()["sesame_session_storage_seconds"] ?? {}, {});
      await send({ key: true });
      assert.ok(world.snapshot()["sesame_session_storage_seconds"], "a login does");
    });
  }
});

describe("a storage that is out of order", () => {
  it("makes strangers of visitors where Kong's way is asked for, but no logout is reported", async (t) => {
    const { world, send } = await open(t, { storage: "kong", on_storage_error: "anonymous" });
    const cookie = cookieOf(await send({ key: true }));
    await outOfOrder(world);
    const visit = await send({ cookie });
    assert.deepEqual([visit.status, visit.consumer, visit.cookies], [200, undefined, []]);
    const login = await send({ key: true });
    assert.deepEqual([login.status, login.cookies], [200, []]);
    const left = await send({ cookie, ...logout });
    assert.deepEqual([left.status, left.cookies], [503, []]);
    await repaired(world);
    assert.equal((await send({ cookie })).consumer, "coop");
  });

  it("is stood in for by what was known, for its time, where that is asked for", async (t) => {
    const { world, send } = await open(t, { storage: "kong", on_storage_error: "stale", stale_seconds: 100 });
    const cookie = cookieOf(await send({ key: true }));
    await send({ cookie });
    await outOfOrder(world);
    // What lookups remember goes with any change of the row; the storage must be asked then.
    await world.stores.publish([
      { entity: "sessions", operation: "update", row: { id: "x", session_id: idOf(cookie) }, old: { id: "x" } },
    ]);
    world.now = START + 90;
    const visit = await send({ cookie });
    assert.deepEqual([visit.status, visit.consumer], [200, "coop"]);
    assert.equal((await send({ cookie, ...logout })).status, 503);
    assert.equal((await send({ key: true })).status, 503);
    world.now = START + 101;
    assert.equal((await send({ cookie })).status, 503);
    await repaired(world);
    world.now = START + 110;
    assert.equal((await send({ cookie })).consumer, "coop");
  });

  it("is not asked again and again, and visitors hear when to come back", async (t) => {
    const { world, send } = await open(t, { storage: "kong" });
    const cookies = await Promise.all(Array.from({ length: 8 }, async () => cookieOf(await send({ key: true }))));
    await outOfOrder(world);
    const answers = [];
    for (const cookie of cookies) answers.push(await send({ cookie }));
    assert.deepEqual(new Set(answers.map(({ status, retryAfter }) => `${status} ${retryAfter}`)), new Set(["503 5"]));
    const calls = world.snapshot()["sesame_session_storage_seconds"]!['storage="kong",operation="get"']!.count;
    assert.equal(calls, 5);
    await repaired(world);
    assert.equal((await send({ cookie: cookies[0] })).status, 503, "too early");
    world.now = START + 5;
    assert.equal((await send({ cookie: cookies[0] })).consumer, "coop");
  });
});

/** The id of the session in a cookie. */
const idOf = (cookie: string): string =>
  Buffer.from(cookie.slice("session=".length, "session=".length + 110), "base64url")
    .subarray(3, 35)
    .toString("base64url");

describe("a logout", () => {
  const config = {
    logout_redirect: "/bye",
    logout_redirect_arg: "next",
    logout_redirect_allowed: ["/shop/", "https://example.com/"],
    logout_clear_site_data: ["cache", "storage"],
  };
  const rows: readonly [query: string, location: string][] = [
    ["", "/bye"],
    ["&next=/shop/cart", "/shop/cart"],
    ["&next=https%3A%2F%2Fexample.com%2Fa", "https://example.com/a"],
    ["&next=https%3A%2F%2Fevil.test%2F", "/bye"],
    ["&next=%2F%2Fevil.test", "/bye"],
    ["&next", "/bye"],
  ];
  for (const [query, location] of rows) {
    it(`leads to ${location} with ${query || "no wish"}`, async (t) => {
      const { send } = await open(t, config);
      const cookie = cookieOf(await send({ key: true }));
      const left = await send({ method: "POST", target: `/?session_logout${query}`, cookie });
      assert.equal(left.status, 303);
      assert.equal(left.field("location"), location);
      assert.equal(left.field("clear-site-data"), '"cache", "storage"');
      assert.match(left.cookies[0]!, /^session=; .*Max-Age=0$/);
    });
  }
});

describe("the reason of a refusal", () => {
  const rows: readonly [cookie: string | undefined, reason: string][] = [
    [undefined, "missing_session_cookie"],
    ["session=x", "invalid_session_header"],
  ];
  it("is told to who debugs from a trusted address, and counted", async (t) => {
    const { world, send } = await open(t, {}, undefined, { trusted_ips: ["192.0.2.0/24"] });
    const trusted = { connection: { remoteAddress: "192.0.2.1" }, isDebugging: true };
    for (const [cookie, reason] of rows) {
      assert.equal((await send({ ...trusted, cookie })).field("session-reason"), reason);
      assert.equal((await send({ ...trusted, isDebugging: false, cookie })).field("session-reason"), undefined);
      assert.equal((await send({ isDebugging: true, cookie })).field("session-reason"), undefined);
    }
    const counted = world.snapshot()["sesame_sessions_refused_total"];
    assert.deepEqual(counted, { 'reason="invalid_session_header"': { count: 3 } });
  });
});

it("what happens to sessions is counted", async (t) => {
  const { world, send } = await open(t, { storage: "kong" });
  const cookie = cookieOf(await send({ key: true }));
  world.now = START + 61;
  const touched = await send({ cookie });
  world.now = START + 2761;
  const idle = await send({ cookie: cookieOf(touched) });
  assert.equal(idle.consumer, undefined);
  const other = cookieOf(await send({ key: true }));
  await send({ cookie: other, ...logout });
  const counts = Object.entries(world.snapshot()).map(([name, series]) => [name, series[""]?.count]);
  const { sesame_sessions_created_total, sesame_sessions_touched_total, sesame_session_cookie_bytes } =
    Object.fromEntries(counts);
  assert.deepEqual(
    [sesame_sessions_created_total, sesame_sessions_touched_total, sesame_session_cookie_bytes],
    [2, 1, 3],
  );
  assert.deepEqual(world.snapshot()["sesame_sessions_ended_total"], { 'how="logout"': { count: 1 } });
});
