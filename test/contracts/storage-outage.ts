import assert from "node:assert/strict";
import { test } from "node:test";
import { createSessions, SessionError, type SessionStorage } from "../../src/session/index.ts";
import { startRelay } from "../helpers/relay.ts";
import { type TestServer, until } from "../helpers/servers.ts";

interface Outage {
  readonly server: () => TestServer;
  /** A storage on this port, with timeouts of a second. */
  open(port: number): { storage: SessionStorage; close(): unknown };
  /** Whether what was stored before the server's end is there after it. */
  readonly isDurable?: boolean;
}

/** Nothing takes longer than this, be it that the server does not answer or that it does again: timeouts, and some time for a busy machine. */
const PATIENCE_MS = 10_000;
/** A test that takes longer waits for what does not come. */
const timeout = 60_000;

/** What every storage with a server must do when that is not there: name the reason, lose no time, and recover by itself. */
export function testOutage(storageName: string, { server, open, isDurable = false }: Outage): void {
  const now = Math.floor(Date.now() / 1000);

  function begin(port = server().port) {
    const { storage, close } = open(port);
    const sessions = createSessions({ secret: "a secret of this test", store_metadata: true }, { storage });
    const login = async () => {
      const session = sessions.create({});
      session.subject = "alice";
      const [cookie] = await session.save(now);
      return { cookie: cookie!.text };
    };
    const reasonOf = async (visit: { cookie: string }) => (await sessions.open(visit, now)).reason;
    return { sessions, close, login, reasonOf };
  }

  const isUnavailable = (error: unknown) => {
    assert.ok(error instanceof SessionError);
    assert.equal(error.code, "ERR_SESSION_STORAGE");
    assert.ok(error.cause instanceof Error);
    return true;
  };

  async function quickly(work: Promise<unknown>): Promise<void> {
    const started = performance.now();
    await work;
    const took = performance.now() - started;
    assert.ok(took < PATIENCE_MS, `took ${Math.round(took)} ms`);
  }

  test(`${storageName}: killed in the middle it is unavailable, and back without a restart of ours`, {
    timeout,
  }, async () => {
    const { sessions, close, login, reasonOf } = begin();
    const visit = await login();
    const opened = await sessions.open(visit, now);
    assert.equal(opened.isOpen, true);
    const busy = Promise.allSettled(Array.from({ length: 100 }, login));
    await server().kill();
    for (const result of await busy) if (result.status === "rejected") isUnavailable(result.reason);
    await quickly(reasonOf(visit).then((reason) => assert.equal(reason, "storage_unavailable")));
    await quickly(assert.rejects(login, isUnavailable));
    await quickly(assert.rejects(async () => opened.logout(now), isUnavailable));
    await server().start();
    await until("sessions are saved again", () => login().then(() => true), PATIENCE_MS);
    assert.equal(await reasonOf(visit), isDurable ? undefined : "unable_to_load_session");
    await close();
  });

  test(`${storageName}: a server that is silent is unavailable after its time, and back when it speaks`, {
    timeout,
  }, async () => {
    const { close, login, reasonOf } = begin();
    const visit = await login();
    server().freeze();
    try {
      await quickly(reasonOf(visit).then((reason) => assert.equal(reason, "storage_unavailable")));
      await quickly(Promise.all([1, 2, 3].map(() => assert.rejects(login, isUnavailable))));
    } finally {
      server().thaw();
    }
    await until("sessions are opened again", async () => (await reasonOf(visit)) === undefined, PATIENCE_MS);
    await until("sessions are saved again", () => login().then(() => true), PATIENCE_MS);
    await close();
  });

  test(`${storageName}: connections that swallow everything are given up, and new ones are made`, {
    timeout,
  }, async () => {
    const relay = await startRelay(server().port);
    const { close, login, reasonOf } = begin(relay.port);
    const [visit] = await Promise.all(Array.from({ length: 5 }, login));
    relay.swallow();
    await quickly(until("sessions are opened again", async () => (await reasonOf(visit!)) === undefined));
    await quickly(until("sessions are saved again", () => login().then(() => true)));
    await close();
    await relay.close();
  });

  test(`${storageName}: a server that is not there when we begin is found when it comes`, { timeout }, async () => {
    await server().kill();
    const { close, login } = begin();
    await quickly(assert.rejects(login, isUnavailable));
    await server().start();
    await until("sessions are saved", () => login().then(() => true), PATIENCE_MS);
    await close();
  });
}
