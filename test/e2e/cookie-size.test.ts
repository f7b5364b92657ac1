import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { startEcho } from "../../src/cli/echo-server.ts";
import { startGateway } from "../helpers/gateway.ts";

test("a session whose cookie no request could bring back is not given out, and the log says why", async (t) => {
  const echo = await startEcho();
  t.after(() => echo.close());
  const gateway = await startGateway(t, { client_head_max_line_size: "1400", client_head_max_size: "64k" });
  await gateway.create("/services", { name: "app", url: echo.url });
  await gateway.create("/services/app/routes", { paths: ["/"] });
  const long = "u".repeat(400);
  await gateway.create("/consumers", { username: long });
  await gateway.create(`/consumers/${long}/key-auth`, { key: "open_sesame" });
  await gateway.create("/services/app/plugins", { name: "key-auth" });
  await gateway.create("/services/app/plugins", { name: "session", config: { cookie_secure: false } });

  const answer = await fetch(`${gateway.proxy}/?apikey=open_sesame`);
  assert.equal(answer.status, 200);
  assert.deepEqual(answer.headers.getSetCookie(), []);
  gateway.log.flush();
  assert.match(readFileSync(join(gateway.prefix, "logs", "error.log"), "utf8"), /cookie size limit exceeded/);
});
