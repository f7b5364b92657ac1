import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { respond, START, type World } from "../../../test/helpers/plugins.ts";
import { revocationKey } from "../../entities/index.ts";
import { createSessions } from "../../session/index.ts";
import { sessionData } from "./owner.ts";
import { type Answer, cookieOf, open, someone } from "./testing.ts";

const logout = { method: "POST", target: "/?session_logout" };
const sameOrigin = { headers: ["Sec-Fetch-Site", "same-origin"] };

const rowsOf = (world: World, entity: string) => world.stores.named(entity)!.all();

/** What an operator does by the Admin API. */
async function cutOff(world: World, what: Parameters<typeof revocationKey>[0], before: number): Promise<void> {
  await world.add("session_revocations", { key: revocationKey(what), before, expires: before + 1000 });
}

for (const storage of ["cookie", "kong", "memory"]) {
  describe(`a logout with revocation, storage ${storage}`, () => {
    const config = { storage, revocation: true };

    it("ends copies of the cookie too", async (t) => {
      const { world, send } = await open(t, config);
      const cookie = cookieOf(await send({ key: true }));
      for (let i = 0; i < 2; i++) assert.equal((await send({ cookie })).consumer, "coop");
      assert.equal((await send({ cookie, ...logout })).status, 200);
      assert.equal((await send({ cookie })).consumer, undefined);
      assert.deepEqual(await rowsOf(world, "session_lineages"), []);
    });

    it("ends a copy from before the last renewal", async (t) => {
      const { world, send } = await open(t, { ...config, idling_timeout: 0, stale_ttl: 3600 });
      const first = cookieOf(await send({ key: true }));
      world.now = START + 2701;
      const second = cookieOf(await send({ cookie: first }));
      assert.notEqual(second, first);
      for (const cookie of [first, second]) assert.equal((await send({ cookie })).consumer, "coop");
      await send({ cookie: second, ...logout });
      for (const cookie of [first, second]) assert.equal((await send({ cookie })).consumer, undefined);
    });

    it("ends what a renewal that ran beside it gave", async (t) => {
      const { world, send } = await open(t, { ...config, idling_timeout: 0, stale_ttl: 3600 });
      const first = cookieOf(await send({ key: true }));
      world.now = START + 2701;
      const { ctx, chain, run } = await world.begin({ headers: ["Cookie", first] });
      const exit = await run();
      const left = await send({ cookie: first, ...logout });
      assert.equal(left.status, 200);
      await respond(ctx, chain, exit);
      const renewed = ctx.response.headers.getAll("set-cookie").map((line) => line.split(";", 1)[0]!);
      assert.equal(renewed.length, 1);
      assert.equal((await send({ cookie: renewed[0] })).consumer, undefined);
    });

    it("ends the long-lived cookie too, and leaves other logins alone", async (t) => {
      const { send } = await open(t, { ...config, remember: true });
      const [mine, other] = [cookieOf(await send({ key: true })), cookieOf(await send({ key: true }))];
      const copy = mine.split("; ")[1]!;
      await send({ cookie: mine, ...logout });
      assert.equal((await send({ cookie: copy })).consumer, undefined);
      assert.equal((await send({ cookie: other })).consumer, "coop");
    });

    it("that was done already is done again", async (t) => {
      const { send } = await open(t, config);
      const cookie = cookieOf(await send({ key: true }));
      const both = await Promise.all([send({ cookie, ...logout }), send({ cookie, ...logout })]);
      assert.deepEqual(
        both.map(({ status }) => status),
        [200, 200],
      );
    });

    it("is not reported while it cannot be written down", async (t) => {
      const { world, send } = await open(t, config);
      const cookie = cookieOf(await send({ key: true }));
      await world.database.execute("ALTER TABLE session_revocations RENAME TO away");
      const left = await send({ cookie, ...logout });
      assert.deepEqual([left.status, left.cookies], [503, []]);
      await world.database.execute("ALTER TABLE away RENAME TO session_revocations");
      assert.equal((await send({ cookie })).consumer, "coop");
      assert.equal((await send({ cookie, ...logout })).status, 200);
    });
  });
}

describe("a session of Kong's", () => {
  it("has a lineage from the first sight on: a logout ends all its cookies", async (t) => {
    const { world, send } = await open(t, { revocation: true, idling_timeout: 0 });
    const session = createSessions({ secret: "a secret", release: "4.0" }).create({});
    session.data = sessionData({ consumerId: someone.id, credentialId: undefined, groups: undefined });
    session.subject = "coop";
    const first = (await session.save(START))[0]!.text.split(";", 1)[0]!;
    world.now = START + 2701;
    const second = cookieOf(await send({ cookie: first }));
    assert.equal((await send({ cookie: second })).consumer, "coop");
    assert.equal((await rowsOf(world, "session_lineages")).length, 1);
    await send({ cookie: second, ...logout });
    for (const cookie of [first, second]) assert.equal((await send({ cookie })).consumer, undefined);
  });
});

describe("a time before which logins are revoked", () => {
  const whats: readonly [what: Parameters<typeof revocationKey>[0], isMeant: boolean][] = [
    [{}, true],
    [{ subject: "coop" }, true],
    [{ audience: "default" }, true],
    [{ subject: "coop", audience: "default" }, true],
    [{ consumer: someone.id }, true],
    [{ subject: "dave" }, false],
    [{ subject: "coop", audience: "other" }, false],
    [{ consumer: "c0000000-0000-4000-8000-000000000002" }, false],
  ];
  for (const [what, isMeant] of whats) {
    for (const revocation of [undefined, true]) {
      it(`counts for ${JSON.stringify(what)}${revocation ? " with revocation" : ""}: ${isMeant}`, async (t) => {
        const { world, send } = await open(t, { revocation });
        const cookie = cookieOf(await send({ key: true }));
        await send({ cookie });
        world.now = START + 10;
        await cutOff(world, what, START + 10);
        const visit = await send({ cookie });
        assert.equal(visit.consumer, isMeant ? undefined : "coop");
        const later = cookieOf(await send({ cookie, key: true }));
        if (isMeant) assert.equal((await send({ cookie: later })).consumer, "coop", "a later login counts");
      });
    }
  }

  it("counts for long-lived cookies too, whose sessions begin anew", async (t) => {
    const { world, send } = await open(t, { remember: true });
    const login = await send({ key: true });
    const remember = cookieOf(login).split("; ")[1]!;
    await cutOff(world, {}, START + 10);
    world.now = START + 100;
    assert.equal((await send({ cookie: remember })).consumer, undefined);
  });

  it("is known to a process that starts later", async (t) => {
    const { world, send } = await open(t, {});
    await cutOff(world, {}, START + 10);
    const cookie = cookieOf(await send({ key: true }));
    assert.equal((await send({ cookie })).consumer, undefined);
  });
});

describe("the visitor's own door", () => {
  const config = { revocation: true, sessions_path: "/.sesame/sessions", store_metadata: true };
  const path = config.sessions_path;
  const list = ({ body }: Answer) => JSON.parse(body!).data as { id: string; current: boolean; ip?: string }[];

  it("lists the visitor's sessions, and marks this one", async (t) => {
    const { world, send } = await open(t, config);
    const browser = { headers: ["User-Agent", "Firefox"], connection: { remoteAddress: "192.0.2.9" } };
    const cookie = cookieOf(await send({ key: true, ...browser }));
    world.now = START + 5;
    await send({ key: true });
    const answer = await send({ cookie, target: path });
    assert.equal(answer.field("cache-control"), "no-store");
    const [first, second] = list(answer);
    assert.deepEqual(first, {
      id: first!.id,
      current: true,
      audience: "default",
      created_at: START,
      last_seen: START,
      expires: START + 900,
      ip: "192.0.2.9",
      user_agent: "Firefox",
    });
    assert.equal(second!.current, false);
  });

  it("ends one, the others, or all", async (t) => {
    const { send } = await open(t, config);
    const [a, b, c] = await Promise.all([1, 2, 3].map(async () => cookieOf(await send({ key: true }))));
    const bees = list(await send({ cookie: b, target: path }));
    assert.equal(bees.length, 3);
    const own = bees.find(({ current }) => current)!;
    const end = (cookie: string, suffix: string) =>
      send({ cookie, method: "DELETE", target: path + suffix, ...sameOrigin });
    assert.equal((await end(a!, `/${own.id}`)).status, 204);
    assert.equal((await send({ cookie: b })).consumer, undefined);
    assert.equal((await end(a!, `/${own.id}`)).status, 404);
    const others = await end(a!, "?others");
    assert.deepEqual([others.status, others.cookies], [204, []]);
    assert.equal((await send({ cookie: c })).consumer, undefined);
    assert.equal((await send({ cookie: a })).consumer, "coop");
    const all = await end(a!, "");
    assert.equal(all.status, 204);
    assert.match(all.cookies[0]!, /Max-Age=0/);
    assert.equal((await send({ cookie: a })).consumer, undefined);
  });

  const origins: readonly [headers: string[], status: number][] = [
    [[], 403],
    [["Sec-Fetch-Site", "cross-site"], 403],
    [["Sec-Fetch-Site", "same-site"], 403],
    [["Sec-Fetch-Site", "cross-site", "Origin", "http://shop.test", "Host", "shop.test"], 403],
    [["Origin", "http://evil.test", "Host", "shop.test"], 403],
    [["Origin", "https://shop.test", "Host", "shop.test"], 403],
    [["Origin", "null", "Host", "shop.test"], 403],
    [["Origin", "http://shop.test", "Host", "shop.test"], 204],
    [["Sec-Fetch-Site", "same-origin"], 204],
  ];
  for (const [headers, status] of origins) {
    it(`answers ${status} to a DELETE with ${headers.join(" ") || "nothing to go by"}`, async (t) => {
      const { send } = await open(t, config);
      const cookie = cookieOf(await send({ key: true }));
      assert.equal((await send({ cookie, method: "DELETE", target: path, headers })).status, status);
      assert.equal((await send({ cookie })).consumer, status === 204 ? undefined : "coop");
    });
  }

  it("is closed to strangers, to other methods and to what is not there", async (t) => {
    const { send } = await open(t, config);
    const cookie = cookieOf(await send({ key: true }));
    assert.equal((await send({ target: path })).status, 401);
    assert.equal((await send({ target: `${path}/x`, cookie })).status, 404);
    assert.equal((await send({ target: path, method: "POST", cookie })).status, 405);
    assert.equal((await send({ target: `${path}s`, cookie })).body, undefined, "another path is the upstream's");
  });

  it("shows nobody the sessions of others, nor ends them", async (t) => {
    const { world, send } = await open(t, config);
    const dave = await world.add("consumers", { username: "dave" });
    await world.add("passes", { consumer: { id: dave.id }, word: "w" });
    const [cookie, daves] = [cookieOf(await send({ key: true })), cookieOf(await send({ pass: "w" }))];
    const [row] = list(await send({ cookie: daves, target: path }));
    assert.equal(
      list(await send({ cookie, target: path })).some(({ id }) => id === row!.id),
      false,
    );
    const ended = await send({ cookie, method: "DELETE", target: `${path}/${row!.id}`, ...sameOrigin });
    assert.equal(ended.status, 404);
    assert.equal((await send({ cookie: daves })).consumer, "dave");
  });
});

describe("a limit of sessions", () => {
  it("refuses the login that is one too many", async (t) => {
    const { send } = await open(t, { revocation: true, max_sessions: 2 });
    const [first] = [await send({ key: true }), await send({ key: true })];
    const third = await send({ key: true });
    assert.deepEqual([third.status, third.cookies], [403, []]);
    await send({ cookie: cookieOf(first), ...logout });
    assert.equal((await send({ key: true })).status, 200);
  });

  it("ends the oldest where that is the policy", async (t) => {
    const config = { revocation: true, max_sessions: 2, max_sessions_policy: "evict_oldest" };
    const { world, send } = await open(t, config, undefined, { trusted_ips: ["192.0.2.1"] });
    const cookies: string[] = [];
    for (let i = 0; i < 4; i++) {
      world.now = START + i;
      cookies.push(cookieOf(await send({ key: true })));
    }
    const live: boolean[] = [];
    for (const cookie of cookies) live.push((await send({ cookie })).consumer === "coop");
    assert.deepEqual(live, [false, false, true, true]);
    assert.equal((await rowsOf(world, "session_lineages")).length, 2);
    const trusted = { connection: { remoteAddress: "192.0.2.1" }, isDebugging: true };
    const reasonOf = async (cookie: string) => (await send({ ...trusted, cookie })).field("session-reason");
    assert.deepEqual([await reasonOf(cookies[0]!), await reasonOf(cookies[3]!)], ["replaced", undefined]);
    await send({ cookie: cookies[3], ...logout });
    assert.equal(await reasonOf(cookies[3]!), "revoked");
    assert.deepEqual(world.snapshot()["sesame_sessions_refused_total"], {
      'reason="replaced"': { count: 3 },
      'reason="revoked"': { count: 1 },
    });
  });

  it("holds for logins at the same time", async (t) => {
    const { world, send } = await open(t, { revocation: true, max_sessions: 3 });
    const logins = await Promise.all(Array.from({ length: 10 }, () => send({ key: true })));
    const accepted = logins.filter(({ status }) => status === 200).length;
    assert.ok(accepted <= 3);
    assert.equal((await rowsOf(world, "session_lineages")).length, accepted);
  });

  it("counts what lives: a session that ran out makes room", async (t) => {
    const { world, send } = await open(t, { revocation: true, max_sessions: 1 });
    await send({ key: true });
    assert.equal((await send({ key: true })).status, 403);
    world.now = START + 902;
    assert.equal((await send({ key: true })).status, 200);
  });
});

it("a login of a consumer who is deleted meanwhile gives a session that is over", async (t) => {
  for (const storage of ["cookie", "kong"]) {
    const { world, send } = await open(t, { storage, revocation: true });
    const login = await send({
      key: true,
      meanwhile: () => world.stores.named("consumers")!.delete({ id: someone.id }),
    });
    assert.equal(login.status, 200);
    assert.equal((await send({ cookie: cookieOf(login) })).consumer, undefined);
  }
});

it("the record of a login follows its session through touches and renewals", async (t) => {
  const { world, send } = await open(t, { revocation: true });
  const login = cookieOf(await send({ key: true }));
  world.now = START + 700;
  const touched = cookieOf(await send({ cookie: login }));
  const [row] = await rowsOf(world, "session_lineages");
  assert.deepEqual(
    [row!["created_at"], row!["last_seen"], row!["expires"], row!["subject"], row!["ip"]],
    [START, START + 700, START + 1600, "coop", null],
  );
  world.now = START + 1500;
  assert.equal((await send({ cookie: touched })).consumer, "coop");
  assert.equal((await rowsOf(world, "session_lineages")).length, 1);
});
