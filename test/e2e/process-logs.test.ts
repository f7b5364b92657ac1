import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { startEcho } from "../../src/cli/echo-server.ts";
import { get, spawnGateway } from "../helpers/gateway-process.ts";

const echo = await startEcho();
test.after(() => echo.close());

const SECRETS = {
  key: "s3cret-Key-of-fiona",
  customKey: "s3cret-Custom-key",
  password: "s3cret-Password",
  sessionSecret: "s3cret-Session-secret-0123456789",
  bearer: "s3cret-Bearer-0123456789",
  userinfo: "s3cret-Userinfo",
  unknown: "s3cret-Unknown-key",
};

for (const workers of ["1", "2"]) {
  suite(`the logs of ${workers} processes at level debug`, { timeout: 60_000 }, () => {
    test("no credential, cookie or secret is in them, in whatever way it was sent", async (t) => {
      const gateway = await spawnGateway(t, {
        settings: { nginx_worker_processes: workers, log_level: "debug", shutdown_timeout: "1s" },
      });
      const { proxy, admin, change } = gateway;
      await change("POST", "/services", { name: "app", url: echo.url });
      await change("POST", "/services/app/routes", { paths: ["/app"] });
      await change("POST", "/services", { name: "down", url: "http://127.0.0.1:1" });
      await change("POST", "/services/down/routes", { paths: ["/down"] });
      const anonymous = await change("POST", "/consumers", { username: "anonymous" });
      await change("POST", "/consumers", { username: "fiona" });
      await change("POST", "/consumers/fiona/key-auth", { key: SECRETS.key });
      await change("POST", "/consumers/fiona/key-auth", { key: SECRETS.customKey });
      await change("POST", "/consumers/fiona/basic-auth", { username: "fiona", password: SECRETS.password });
      await change("POST", "/plugins", {
        name: "key-auth",
        config: { anonymous: anonymous.id, key_names: ["apikey", "x-house"] },
      });
      await change("POST", "/services/app/plugins", { name: "basic-auth", config: { anonymous: anonymous.id } });
      await change("POST", "/services/app/plugins", {
        name: "session",
        config: { secret: SECRETS.sessionSecret, storage: "kong", cookie_secure: false, cookie_name: "house" },
      });

      const basic = Buffer.from(`fiona:${SECRETS.password}`).toString("base64");
      const login = await get(`${proxy}/app`, { authorization: `Basic ${basic}` });
      const cookie = login.headers["set-cookie"]![0]!.split(";")[0]!;
      assert.match(cookie, /^house=/);
      for (const path of ["/app", "/down", "/nowhere"]) {
        await get(`${proxy}${path}?apikey=${SECRETS.key}&x-house=${SECRETS.customKey}`);
        await get(`${proxy}${path}?X-House=${SECRETS.customKey}`, {
          referer: `http://a/?x-house=${SECRETS.customKey}`,
        });
        await get(`${proxy}${path}`, { cookie, authorization: `Bearer ${SECRETS.bearer}`, apikey: SECRETS.key });
        await get(`${proxy}${path}?token=${SECRETS.bearer}`, {
          "user-agent": `x apikey=${SECRETS.key}`,
          cookie: `${cookie}x`,
        });
        await get(`${proxy}${path}?apikey=${SECRETS.unknown}`, { referer: `http://u:${SECRETS.userinfo}@h/` });
      }
      const rows = JSON.parse((await get(`${admin}/sessions`)).body).data as { session_id: string; data: string }[];
      assert.ok(rows.length > 0);
      await get(`${admin}/sessions/${rows[0]!.session_id}`);
      await get(`${admin}/key-auths/${SECRETS.key}`);
      await get(`${admin}/consumers/fiona/key-auth/${SECRETS.key}?apikey=${SECRETS.key}`);
      await get(`${admin}/key-auths/${SECRETS.unknown}/consumer`);
      await get(`${proxy}/app?session_logout=1`, { cookie });
      gateway.child.kill("SIGTERM");
      assert.equal(await gateway.ended, 0);

      const folder = join(gateway.prefix, "logs");
      const files = readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), "utf8")] as const);
      assert.deepEqual(files.map(([name]) => name).sort(), ["access.log", "admin_access.log"]);
      const logs = [...files, ["standard error", gateway.errors()], ["standard output", gateway.output()]] as const;
      const secrets = [
        ...Object.values(SECRETS),
        basic,
        cookie.split("=")[1]!,
        ...rows.flatMap((row) => [row.session_id, row.data]),
      ];
      for (const [name, text] of logs) {
        for (const secret of secrets) assert.ok(!text.includes(secret), `${name}: ${secret}`);
      }

      const [access, adminAccess] = files.map(([, text]) => text);
      assert.match(
        access!,
        /^127\.0\.0\.1 - - \[.*\] "GET \/app HTTP\/1\.1" 200 \d+ "-" "-" kong_request_id: "[0-9a-f]{32}"$/m,
      );
      assert.ok(access!.includes('"GET /down?apikey=******&x-house=****** HTTP/1.1" 502 '));
      assert.equal(access!.trimEnd().split("\n").length, 17);
      assert.match(
        adminAccess!,
        /"POST \/consumers\/fiona\/key-auth HTTP\/1\.1" 201 [1-9]\d* "-" "node" kong_request_id: "[0-9a-f]{32}"/,
      );
      assert.ok(adminAccess!.includes('"GET /consumers/fiona/key-auth/******?apikey=****** HTTP/1.1" 200 '));
      assert.ok(adminAccess!.includes('"GET /sessions/****** HTTP/1.1" 200 '));

      const refused = /message="session not present.*request_id=([0-9a-f]{32})/.exec(gateway.errors())?.[1];
      assert.ok(refused && access!.includes(refused), "what is logged of a request bears the id of its access line");
    });
  });
}

test("an Admin API that other machines can reach is warned of, in the log and where the operator looks", async (t) => {
  const open = { admin_listen: "0.0.0.0:0", proxy_listen: "off", status_listen: "off" };
  const shown = await spawnGateway(t, { settings: open });
  assert.match(
    shown.errors(),
    /level=warn message="admin_listen: other machines can reach the Admin API at 0\.0\.0\.0:0/,
  );
  shown.child.kill("SIGTERM");
  assert.equal(await shown.ended, 0);
  const logged = await spawnGateway(t, { settings: { ...open, proxy_error_log: "logs/error.log" } });
  logged.child.kill("SIGTERM");
  assert.equal(await logged.ended, 0);
  assert.match(logged.errors(), /^sesame: warning: admin_listen: other machines can reach the Admin API/);
  const log = readFileSync(join(logged.prefix, "logs", "error.log"), "utf8");
  assert.match(log, /level=warn message="admin_listen: other machines can reach/);
  assert.match(log, /message="gateway started" proxy=off admin=\d+ status=off/);
});
