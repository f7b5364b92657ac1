import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { openWorld, respond, START, type World } from "../../../test/helpers/plugins.ts";
import { mint } from "../../../test/vectors/legacy-mint.ts";
import { vectors } from "../../../test/vectors/legacy-vectors.ts";
import { session as sessionEntity } from "./entities.ts";
import { session } from "./index.ts";

const consumer = { id: "11111111-1111-4111-8111-111111111111", username: "coop" };
const data = [consumer.id, "22222222-2222-4222-8222-222222222222", ["g1", "g2"]];
const agent = "Mozilla/5.0 (vectors)";
const legacy_secret = "legacy-public-secret";

/** A session of plugin 2.4.5 with storage `kong`, as cookie and row. */
const stored = mint(
  { secret: legacy_secret, storage: "kong", strategy: "regenerate" },
  {
    release: 3,
    id: Buffer.alloc(16, 7),
    expires: START + 3600,
    plaintext: JSON.stringify(data),
    bound: `${agent}http`,
  },
);
const row = {
  session_id: stored.idText,
  data: stored.ciphertext.toString("base64url"),
  expires: START + 3600,
  ttl: 3600,
};

async function open(t: TestContext, config: object = {}) {
  const world = await openWorld(t, [session]);
  await world.add("consumers", consumer);
  await world.configure("session", { secret: "a secret", legacy_secret, ...config });
  return {
    world,
    send: (cookie: string, request: object = {}) => send(world, cookie, request),
    rows: async () =>
      (await world.stores.of(sessionEntity).all()).map(({ session_id, expires }) => [session_id, expires]),
  };
}

async function send(world: World, cookie: string, request: { userAgent?: string; method?: string; target?: string }) {
  const headers = ["Cookie", cookie, "User-Agent", request.userAgent ?? agent];
  const { ctx, chain, run } = await world.begin({ ...request, headers });
  await respond(ctx, chain, await run());
  return {
    status: ctx.response.status,
    consumer: ctx.client.consumer?.username,
    credential: ctx.client.credential?.id,
    groups: ctx.client.authenticatedGroups,
    cookies: ctx.response.headers.getAll("set-cookie"),
  };
}

const signedIn = { status: 200, consumer: "coop", credential: data[1], groups: data[2] };
const stranger = { status: 200, consumer: undefined, credential: undefined, groups: undefined, cookies: [] };
const cookieOf = ({ cookies }: { readonly cookies: readonly string[] }) => cookies[0]!.split(";", 1)[0]!;

describe("a session of Kong 3.1 or older in its cookie", () => {
  for (const id of ["v2-003", "v3-003"]) {
    it(`signs its visitor in and is replaced on that very request (${id})`, async (t) => {
      const vector = vectors.find((other) => other.id === id)!;
      const { now, request_headers } = vector.requests[1]!;
      const { world, send } = await open(t, { store_metadata: true });
      world.now = now;
      const { cookies, ...answer } = await send(request_headers.Cookie!);
      assert.deepEqual(answer, signedIn);
      assert.equal(cookies.length, 1);
      assert.match(cookies[0]!, /^session=AQ[\w-]{200,}; Path=\/; SameSite=Strict; Secure; HttpOnly$/);

      assert.deepEqual(await send(cookieOf({ cookies })), { ...signedIn, cookies: [] });
      world.now = now + 3600;
      assert.deepEqual(await send(request_headers.Cookie!), stranger, "the older one is over");
    });
  }

  const cookie = vectors.find(({ id }) => id === "v3-003")!.requests[1]!.request_headers.Cookie!;
  const NOW = 1_544_650_816;

  it("tells whose session the new one is", async (t) => {
    const { world } = await open(t, { response_headers: ["subject", "audience"] });
    world.now = NOW;
    const { ctx, run } = await world.begin({ headers: ["Cookie", cookie, "User-Agent", agent] });
    assert.equal(await run(), undefined);
    assert.equal(ctx.response.headers.get("session-subject"), "coop");
    assert.equal(ctx.response.headers.get("session-audience"), "default");
  });

  it("opens for nobody else, and not without its secret", async (t) => {
    const { world, send } = await open(t);
    world.now = NOW;
    assert.deepEqual(await send(cookie, { userAgent: "another" }), stranger);
    assert.deepEqual(await send(cookie, { connection: { tls: true } }), stranger);
    for (const config of [{ legacy_secret: null }, { legacy_secret: "wrong" }]) {
      const other = await open(t, config);
      other.world.now = NOW;
      assert.deepEqual(await other.send(cookie), stranger);
    }
  });

  it("ends with a logout", async (t) => {
    const { world, send } = await open(t);
    world.now = NOW;
    const { status, cookies } = await send(cookie, { method: "POST", target: "/?session_logout=1" });
    assert.equal(status, 200);
    assert.match(cookies[0]!, /^session=; .*; Max-Age=0$/);
  });

  it("ends when its consumer is gone", async (t) => {
    const { world, send } = await open(t);
    world.now = NOW;
    const { consumers } = { consumers: world.stores.named("consumers")! };
    await consumers.delete({ id: consumer.id } as never);
    const { cookies, ...answer } = await send(cookie);
    assert.deepEqual({ ...answer, cookies: [] }, stranger);
    assert.match(cookies[0]!, /; Max-Age=0$/);
  });
});

describe("a session of Kong 3.1 or older in the database", () => {
  const cookie = stored.cookies[0]!;

  it("is replaced by a row of today, and its own lives on for stale_ttl", async (t) => {
    const { world, send, rows } = await open(t, { storage: "kong" });
    await world.add("sessions", row);
    const { cookies, ...answer } = await send(cookie);
    assert.deepEqual(answer, signedIn);
    const [old, made] = (await rows()).sort(([, one], [, other]) => Number(one) - Number(other));
    assert.deepEqual(old, [stored.idText, START + 10]);
    assert.match(String(made![0]), /^[\w-]{43}$/);
    assert.deepEqual(await send(cookieOf({ cookies })), { ...signedIn, cookies: [] });
    world.now = START + 9;
    assert.equal((await send(cookie)).consumer, "coop");
    world.now = START + 11;
    assert.deepEqual(await send(cookie), stranger);
  });

  it("moves into the cookie, when that is the storage now", async (t) => {
    const { world, send, rows } = await open(t, { legacy_storage: "kong" });
    await world.add("sessions", row);
    const { cookies, ...answer } = await send(cookie);
    assert.deepEqual(answer, signedIn);
    assert.deepEqual(await send(cookieOf({ cookies })), { ...signedIn, cookies: [] });
    world.now = START + 11;
    assert.deepEqual(await rows(), []);
    assert.deepEqual(await send(cookie), stranger);
  });

  it("ends with a logout, in the database too", async (t) => {
    const { world, send, rows } = await open(t, { storage: "kong" });
    await world.add("sessions", row);
    const { status, cookies } = await send(cookie, { method: "DELETE", target: "/?session_logout" });
    assert.equal(status, 200);
    assert.match(cookies[0]!, /; Max-Age=0$/);
    assert.deepEqual(await rows(), []);
    assert.deepEqual(await send(cookie), stranger);
  });

  it("is not given up while the database is out of order", async (t) => {
    const { world, send } = await open(t, { storage: "kong" });
    await world.add("sessions", row);
    await world.database.execute("ALTER TABLE sessions RENAME TO away");
    assert.deepEqual(await send(cookie), { ...stranger, status: 503 });
    await world.database.execute("ALTER TABLE away RENAME TO sessions");
    assert.equal((await send(cookie)).consumer, "coop");
  });
});
