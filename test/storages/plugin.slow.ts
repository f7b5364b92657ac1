import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { cookieOf, open } from "../../src/plugins/session/testing.ts";
import { START } from "../helpers/plugins.ts";
import { storageKinds } from "../helpers/storage-kinds.ts";

const logout = { method: "POST", target: "/?session_logout" };

for (const { storage, lacks, start } of storageKinds.filter(({ storage }) => storage !== "file")) {
  describe(`the session plugin on a real server, storage ${storage}`, { skip: lacks() }, () => {
    async function started(t: TestContext, more: object = {}) {
      const { server, settings } = await start();
      const opened = await open(t, { storage, [storage]: settings, ...more });
      t.after(() => server.remove());
      return { server, ...opened };
    }

    test("gives sessions, renews them and ends them", async (t) => {
      const { world, send } = await started(t, { idling_timeout: 0 });
      const cookie = cookieOf(await send({ key: true }));
      assert.equal(cookie.length, "session=".length + 110);
      for (let i = 0; i < 2; i++) assert.equal((await send({ cookie })).consumer, "coop");
      world.now = START + 2701;
      const renewed = cookieOf(await send({ cookie }));
      assert.equal((await send({ cookie: renewed })).consumer, "coop");
      assert.equal((await send({ cookie })).consumer, "coop", "requests that were under way");
      assert.equal((await send({ cookie: renewed, ...logout })).status, 200);
      assert.equal((await send({ cookie: renewed })).consumer, undefined);
    });

    test("takes nobody for a stranger while it is down, and goes on when it is back", async (t) => {
      const { world, server, send } = await started(t, { on_storage_error: "stale", stale_seconds: 30 });
      const [seen, other] = [cookieOf(await send({ key: true })), cookieOf(await send({ key: true }))];
      await server.kill();
      assert.equal((await send({ cookie: seen })).consumer, "coop");
      assert.equal((await send({ cookie: seen, ...logout })).status, 503);
      world.now = START + 31;
      for (let i = 0; i < 6; i++) assert.equal((await send({ cookie: other })).status, 503);
      await server.start();
      world.now = START + 60;
      // What was kept in memory only is gone, and known to be gone.
      const back = await send({ cookie: cookieOf(await login()) });
      assert.equal(back.consumer, "coop");

      async function login() {
        for (let i = 0; ; i++) {
          world.now += 5;
          const answer = await send({ key: true });
          if (answer.status === 200 || i === 10) return answer;
        }
      }
    });
  });
}
