import assert from "node:assert/strict";
import { it, type TestContext } from "node:test";
import { openWorld, START } from "../../../test/helpers/plugins.ts";
import { createSessions, type SessionStorage } from "../../session/index.ts";
import type { Config } from "./config.ts";
import { session as sessionEntity, sessionMetadata } from "./entities.ts";
import { session } from "./index.ts";
import { kongStorage } from "./kong-storage.ts";
import { createAgreement } from "./successors.ts";

const LATER = START + 2701;

/** A login in the gateway's database, and processes that renew it, each of which has opened it already. */
async function open(t: TestContext, change: (storage: SessionStorage) => SessionStorage = (storage) => storage) {
  const world = await openWorld(t, [session]);
  const storage = change(kongStorage(world.services.lookups));
  const options = { secret: "a secret", idling_timeout: 0, store_metadata: true };
  const sessions = createSessions(options, { storage });
  const login = sessions.create({});
  login.subject = "fiona";
  const [set] = await login.save(START);
  const former = login.id!;
  const cookie = set!.text.split(";", 1)[0]!;
  const keeper = { storage, watch: () => undefined, retryAfter: () => 0, redis: undefined };
  world.now = LATER;
  const process = async (own: object = {}) => {
    const config = { ...options, stale_ttl: 10, ...own } as Config;
    const agree = createAgreement(config, sessions, keeper);
    const opened = await sessions.open({ cookie }, LATER);
    return { opened, agree, renew: async () => agree!(former, opened, await opened.refresh(LATER), LATER) };
  };
  const ids = async () => (await world.stores.of(sessionEntity).all()).map(({ session_id }) => session_id);
  const metadata = async () => (await world.stores.of(sessionMetadata).all()).filter(({ subject }) => subject !== null);
  return { process, ids, metadata, former };
}

it("of several processes that renew a session the first wins, and the others have its cookies", async (t) => {
  const { process, ids, metadata, former } = await open(t);
  const processes = [await process(), await process(), await process()];
  const renewals = await Promise.all(processes.map(({ renew }) => renew()));
  assert.deepEqual(renewals.map(({ action }) => action).sort(), ["joined", "joined", "saved"]);
  assert.equal(new Set(renewals.map(({ cookies }) => JSON.stringify(cookies))).size, 1);
  const winner = processes[renewals.findIndex(({ action }) => action === "saved")]!.opened.id!;
  assert.deepEqual((await ids()).sort(), [former, winner].sort());
  assert.deepEqual((await metadata()).map(({ sid }) => sid).sort(), [former, winner].sort());
  assert.equal((await (await process()).renew()).action, "joined", "a late one");
});

it("a note that another secret has sealed, or nobody, counts for nothing", async (t) => {
  const { process, ids } = await open(t);
  assert.equal((await (await process({ secret: "another" })).renew()).action, "saved");
  assert.equal((await (await process()).renew()).action, "saved");
  assert.equal((await ids()).length, 3);
});

it("where the note cannot be kept, each has its own session", async (t) => {
  const { process, ids } = await open(t, (storage) => ({
    ...storage,
    noteSuccessor: () => Promise.reject(new Error("down")),
  }));
  for (let i = 0; i < 2; i++) assert.equal((await (await process()).renew()).action, "saved");
  assert.equal((await ids()).length, 3);
});

it("there is nothing to agree on where no other process can open the cookies, or none finds the old session", async (t) => {
  const { process } = await open(t);
  assert.equal((await process({ secret: null })).agree, undefined);
  assert.equal((await process({ stale_ttl: 0 })).agree, undefined);
});
