import assert from "node:assert/strict";
import { test } from "node:test";
import { startEcho } from "../../src/cli/echo-server.ts";
import { startGateway } from "../helpers/gateway.ts";

test("a session cookie is good for the very next request, however soon it comes", async (t) => {
  const echo = await startEcho({ port: 0 });
  t.after(() => echo.close());
  const gateway = await startGateway(t);
  await gateway.create("/services", { name: "app", url: `http://127.0.0.1:${echo.port}` });
  await gateway.create("/services/app/routes", { paths: ["/app"] });
  const anonymous = await gateway.create("/consumers", { username: "anonymous_users" });
  await gateway.create("/consumers", { username: "fiona" });
  await gateway.create("/consumers/fiona/key-auth", { key: "open_sesame" });
  await gateway.create("/services/app/plugins", { name: "key-auth", config: { anonymous: anonymous.id } });
  await gateway.create("/services/app/plugins", { name: "session", config: { storage: "kong", cookie_secure: false } });
  await gateway.create(`/consumers/${anonymous.id}/plugins`, {
    name: "request-termination",
    config: { status_code: 403 },
  });

  assert.equal((await fetch(`${gateway.proxy}/app`)).status, 403);
  const logins = Array.from({ length: 300 }, async () => {
    const login = await fetch(`${gateway.proxy}/app?apikey=open_sesame`);
    assert.equal(login.status, 200);
    const cookie = login.headers.getSetCookie()[0]!.split(";")[0]!;
    await login.arrayBuffer();
    const next = await fetch(`${gateway.proxy}/app`, { headers: { cookie } });
    await next.arrayBuffer();
    return next.status;
  });
  const statuses = await Promise.all(logins);
  assert.equal(statuses.filter((status) => status === 200).length, 300);
});
