import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { suite, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { runGateway } from "../../src/cli/index.ts";
import { loadSettings } from "../../src/settings.ts";
import { get, spawnGateway, spawnStart, temporaryFolder } from "../helpers/gateway-process.ts";

const launcher = fileURLToPath(new URL("../../bin/sesame", import.meta.url));

const quiet = {
  proxy_listen: "127.0.0.1:0",
  admin_listen: "127.0.0.1:0",
  status_listen: "off",
  nginx_worker_processes: "1",
  proxy_error_log: "logs/error.log",
};

/** A port that somebody else listens on until the test ends. */
async function busyPort(t: TestContext): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** Start a gateway in a fresh prefix and stop it again, so that there is something to damage. */
async function usedPrefix(t: TestContext): Promise<string> {
  const prefix = join(temporaryFolder(t), "prefix");
  const gateway = await runGateway(loadSettings({ overrides: { ...quiet, prefix } }).settings);
  await gateway.close();
  return prefix;
}

/** Expect a start in this process to be refused with a message of one line, and to leave no lock behind. */
async function refuse(settings: Record<string, string>, message: RegExp): Promise<void> {
  const { settings: read } = loadSettings({ overrides: { ...quiet, ...settings } });
  await assert.rejects(runGateway(read), (error: Error & { code?: string }) => {
    assert.equal(error.code, "ERR_COMMAND", error.stack);
    assert.match(error.message, message);
    assert.doesNotMatch(error.message, /\n/);
    return true;
  });
}

suite("a start that is refused", { concurrency: true, timeout: 60_000 }, () => {
  test("a second gateway on the same prefix, as long as the first lives", async (t) => {
    const first = await spawnGateway(t);
    const second = spawnStart(t, { settings: { prefix: first.prefix } });
    assert.equal(await second.ended, 1);
    assert.equal(
      second.errors(),
      `sesame: another gateway (process ${first.child.pid}) runs in the prefix ${first.prefix}\n`,
    );
    assert.equal((await get(`${first.admin}/status`)).status, 200);
    first.child.kill("SIGKILL");
    await first.ended;
    const third = await spawnGateway(t, { settings: { prefix: first.prefix } });
    third.child.kill("SIGTERM");
    assert.equal(await third.ended, 0);
  });

  test("two gateways of one process on the same prefix", async (t) => {
    const prefix = join(temporaryFolder(t), "prefix");
    const gateway = await runGateway(loadSettings({ overrides: { ...quiet, prefix } }).settings);
    await refuse({ prefix }, /^another gateway \(process \d+\) runs in the prefix /);
    await gateway.close();
    await (await runGateway(loadSettings({ overrides: { ...quiet, prefix } }).settings)).close();
  });

  for (const workers of ["1", "2"]) {
    test(`a busy port, with ${workers} processes`, async (t) => {
      const port = await busyPort(t);
      const settings = { proxy_listen: `127.0.0.1:0, 127.0.0.1:${port}`, nginx_worker_processes: workers };
      const { ended, errors, output } = spawnStart(t, { settings });
      assert.equal(await ended, 1);
      assert.equal(errors(), `sesame: proxy_listen: 127.0.0.1:${port} is in use by another process\n`);
      assert.equal(output(), "");
    });
  }

  test("busy ports of the other listeners, and addresses of other machines", async (t) => {
    const prefix = join(temporaryFolder(t), "prefix");
    const port = await busyPort(t);
    await refuse({ prefix, admin_listen: `127.0.0.1:${port}` }, /^admin_listen: 127\.0\.0\.1:\d+ is in use/);
    await refuse({ prefix, status_listen: `127.0.0.1:${port}` }, /^status_listen: 127\.0\.0\.1:\d+ is in use/);
    await refuse(
      { prefix, proxy_listen: "192.0.2.1:0" },
      /^proxy_listen: 192\.0\.2\.1:0 is no address of this machine/,
    );
    await refuse({ prefix, proxy_listen: "nowhere.invalid:0" }, /^proxy_listen: nowhere\.invalid:0 is no address/);
  });

  test("a prefix that cannot be a folder, and logs that cannot be written", async (t) => {
    const folder = temporaryFolder(t);
    const file = join(folder, "file");
    writeFileSync(file, "");
    await refuse({ prefix: file }, /^the prefix \/.*\/file cannot be written \((?:EEXIST|ENOTDIR)\)$/);
    await refuse({ prefix: join(file, "below") }, /^the prefix .* cannot be written \(ENOTDIR\)$/);
    const prefix = join(folder, "prefix");
    await refuse({ prefix, proxy_error_log: join(file, "x") }, /^proxy_error_log: .* cannot be written \(\w+\)$/);
    await refuse({ prefix, admin_access_log: folder }, /^admin_access_log: .* cannot be written \(EISDIR\)$/);
    await refuse({ prefix, proxy_access_log: folder }, /^proxy_access_log: .* cannot be written \(EISDIR\)$/);
  });

  test("a folder that may not be written", async (t) => {
    const folder = temporaryFolder(t);
    chmodSync(folder, 0o500);
    // Root may write wherever there is a file system of the usual kind.
    const isRoot = process.getuid?.() === 0;
    if (process.platform === "linux") await refuse({ prefix: "/proc/sesame/prefix" }, /cannot be written \(\w+\)$/);
    await refuse({ prefix: join(isRoot ? "/sys" : folder, "prefix") }, /cannot be written \((?:EACCES|EPERM)\)$/);
  });

  test("a database that is damaged, of a newer version, or no file", async (t) => {
    const prefix = await usedPrefix(t);
    const file = join(prefix, "sesame.db");
    const database = new DatabaseSync(file);
    database.exec("INSERT INTO schema_migrations (version, name) VALUES (999, 'of the future')");
    database.close();
    await refuse(
      { prefix },
      /^the database .*sesame\.db has schema version 999, this program knows versions up to \d+/,
    );
    writeFileSync(file, "this was a database once ".repeat(1000));
    await refuse({ prefix }, /sesame\.db is not an SQLite database, or it is damaged$/);
    const { prefix: other } = { prefix: join(temporaryFolder(t), "prefix") };
    mkdirSync(join(other, "sesame.db"), { recursive: true });
    await refuse({ prefix: other }, /^cannot open the database .*sesame\.db/);
  });

  test("certificates that are missing, damaged or of another key", async (t) => {
    const prefix = await usedPrefix(t);
    const cert = join(prefix, "ssl", "sesame-default.crt");
    const key = join(await usedPrefix(t), "ssl", "sesame-default.key");
    const gone = join(prefix, "gone.pem");
    await refuse({ prefix, ssl_cert: gone, ssl_cert_key: key }, /^ssl_cert: .*gone\.pem cannot be read \(ENOENT\)$/);
    await refuse({ prefix, ssl_cert: cert, ssl_cert_key: "gone.pem" }, /^ssl_cert_key: \/.*gone\.pem cannot be read/);
    await refuse(
      { prefix, ssl_cert: cert, ssl_cert_key: key },
      /^ssl_cert and ssl_cert_key are no certificate with its/,
    );
    await refuse({ prefix, lua_ssl_trusted_certificate: gone }, /^lua_ssl_trusted_certificate: .*gone\.pem cannot be/);
    writeFileSync(cert, "no certificate");
    await refuse({ prefix }, /are no certificate with its key/);
  });

  test("plugins that are not there", async (t) => {
    const prefix = join(temporaryFolder(t), "prefix");
    await refuse(
      { prefix, plugins: "bundled,my-plugin" },
      /^plugins: there is no plugin "my-plugin"; expected bundled,/,
    );
  });

  test("a settings file that is broken or not there", (t) => {
    const file = join(temporaryFolder(t), "sesame.conf");
    writeFileSync(file, "proxy_listen = nowhere\n");
    const start = (path: string) => spawnSync(process.execPath, [launcher, "start", "-c", path], { encoding: "utf8" });
    const broken = start(file);
    assert.equal(broken.status, 1);
    assert.match(broken.stderr, /^sesame: proxy_listen: "nowhere" is no address .*\(.*sesame\.conf line 1\)\n$/);
    const missing = start(`${file}.gone`);
    assert.equal(missing.status, 1);
    assert.match(missing.stderr, /^sesame: .*sesame\.conf\.gone: cannot be read \(ENOENT\)\n$/);
  });
});

test("a start on another system than Linux or macOS", async (t) => {
  const prefix = join(temporaryFolder(t), "prefix");
  const { platform } = process;
  t.after(() => Object.defineProperty(process, "platform", { value: platform }));
  Object.defineProperty(process, "platform", { value: "win32" });
  await refuse({ prefix }, /^a gateway runs on Linux and macOS, not on win32$/);
});

suite("the prefix", { concurrency: true }, () => {
  test("everything in it is its owner's alone", async (t) => {
    const prefix = join(temporaryFolder(t), "a", "prefix");
    mkdirSync(prefix, { recursive: true, mode: 0o755 });
    const gateway = await runGateway(loadSettings({ overrides: { ...quiet, prefix } }).settings);
    t.after(() => gateway.close());
    await fetch(`http://127.0.0.1:${gateway.ports.admin[0]}/services`, { method: "POST", body: new URLSearchParams() });
    assert.equal(statSync(prefix).mode & 0o777, 0o700);
    const names = readdirSync(prefix, { recursive: true, encoding: "utf8" });
    for (const name of ["sesame.db", "ssl/sesame-default.key", "ssl/sesame-default.crt", "logs/error.log", "node_id"]) {
      assert.ok(names.includes(name), name);
    }
    for (const name of names) {
      const status = statSync(join(prefix, name));
      assert.equal(status.mode & 0o777, status.isDirectory() ? 0o700 : 0o600, name);
    }
  });

  test("a folder with other things in it keeps its mode", async (t) => {
    const prefix = temporaryFolder(t);
    chmodSync(prefix, 0o755);
    writeFileSync(join(prefix, "notes.txt"), "");
    await (await runGateway(loadSettings({ overrides: { ...quiet, prefix } }).settings)).close();
    assert.equal(statSync(prefix).mode & 0o777, 0o755);
    assert.equal(statSync(join(prefix, "sesame.db")).mode & 0o777, 0o600);
  });

  test("node id, certificate and data stay from one start to the next", async (t) => {
    const prefix = await usedPrefix(t);
    const kept = () => ["node_id", "ssl/sesame-default.crt"].map((name) => readFileSync(join(prefix, name), "utf8"));
    const before = kept();
    const gateway = await runGateway(loadSettings({ overrides: { ...quiet, prefix } }).settings);
    await gateway.close();
    assert.deepEqual(kept(), before);
  });
});
