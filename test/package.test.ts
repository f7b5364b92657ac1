import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";

// What npm would publish, installed into an empty folder as a user would.

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const typescript = dirname(createRequire(import.meta.url).resolve("typescript/package.json"));
// npm and the package run on the Node of this test, whichever one the machine has; its settings for this checkout stay out.
const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(?:npm_|NODE_TEST)/i.test(name)));
env.PATH = `${dirname(process.execPath)}${delimiter}${process.env.PATH}`;

function run(folder: string, command: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: folder, env, encoding: "utf8", timeout: 120_000 });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${status}:\n${stdout}${stderr}`);
  return stdout;
}

/** Run a file of this text by Node. */
function runScript(folder: string, name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return run(folder, process.execPath, name);
}

/** Why the package cannot be installed; undefined when it is. Only the registry's being out of reach may be a reason. */
function install(folder: string, tarball: string): string | undefined {
  try {
    run(
      folder,
      "npm",
      "install",
      "--no-audit",
      "--no-fund",
      "--prefer-offline",
      "--fetch-retries=0",
      "--fetch-timeout=20000",
      tarball,
    );
    return undefined;
  } catch (error) {
    const { message } = error as Error;
    const isOffline = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ENOTCACHED/.test(
      message,
    );
    if (process.env.CI || !isOffline) throw error;
    return "the package registry cannot be reached from here";
  }
}

test("the packed package works in an empty folder", async (t: TestContext) => {
  const parent = mkdtempSync(join(tmpdir(), "sesame-package-"));
  t.after(() => rmSync(parent, { recursive: true }));
  const folder = join(parent, "empty");
  mkdirSync(folder);
  run(root, "npm", "pack", "--pack-destination", parent);
  const [tarball = ""] = readdirSync(parent).filter((name) => name.endsWith(".tgz"));
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "empty", private: true, type: "module" }));
  const reason = install(folder, join(parent, tarball));
  if (reason) return t.skip(reason);
  const installed = join(folder, "node_modules", "sesame-gateway");
  const { version, exports } = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));

  await t.test("it contains what runs and its documentation, and neither sources nor tests", () => {
    assert.deepEqual(readdirSync(installed).sort(), [
      "CHANGELOG.md",
      "LICENSE",
      "README.md",
      "bin",
      "dist",
      "docs",
      "package.json",
    ]);
    const files = readdirSync(join(installed, "dist"), { recursive: true, encoding: "utf8" });
    assert.deepEqual(
      files.filter((file) => /\.test\.|testing|(?<!\.d)\.ts$/.test(file)),
      [],
    );
  });

  await t.test("every entry point can be imported, and has types", () => {
    for (const name of Object.keys(exports)) {
      const specifier = `sesame-gateway${name.slice(1)}`;
      const attributes = name.endsWith(".json") ? ' with { type: "json" }' : "";
      runScript(
        folder,
        "entry.js",
        `import * as entry from "${specifier}"${attributes}; if (Object.keys(entry).length === 0) throw new Error("empty");`,
      );
      const { types } = exports[name];
      if (types) assert.ok(readFileSync(join(installed, types), "utf8").includes("export"), types);
    }
  });

  await t.test("npx sesame-gateway version tells its version", () => {
    assert.match(run(folder, "npx", "--no-install", "sesame-gateway", "version"), new RegExp(`^sesame ${version} `));
  });

  await t.test("the gateway starts with two workers, answers and stops", async () => {
    const settings = {
      SESAME_PREFIX: join(parent, "prefix"),
      SESAME_PROXY_LISTEN: "127.0.0.1:0",
      SESAME_ADMIN_LISTEN: "127.0.0.1:0",
      SESAME_STATUS_LISTEN: "off",
      SESAME_NGINX_WORKER_PROCESSES: "2",
      SESAME_PROXY_ERROR_LOG: "/dev/stdout",
    };
    const args = [join(installed, "bin", "sesame"), "start"];
    const child = spawn(process.execPath, args, { env: { ...env, ...settings }, stdio: ["ignore", "pipe", "inherit"] });
    t.after(() => child.kill("SIGKILL"));
    let output = "";
    for await (const text of child.stdout.setEncoding("utf8").iterator({ destroyOnReturn: false })) {
      output += text;
      if (/message="gateway started".*\n/.test(output)) break;
    }
    const [, proxy, admin] = /proxy=(\d+) admin=(\d+)/.exec(output) ?? [];
    assert.equal((await fetch(`http://127.0.0.1:${proxy}/`)).status, 404, output);
    assert.equal((await fetch(`http://127.0.0.1:${admin}/`)).status, 200, output);
    child.stdout.resume();
    child.kill("SIGTERM");
    assert.deepEqual(await once(child, "exit"), [0, null]);
  });

  await t.test("a program runs a gateway of its own from plain JavaScript", () => {
    const output = runScript(
      folder,
      "gateway.js",
      `import { loadSettings, runGateway, SettingsError } from "sesame-gateway";
      const listen = "127.0.0.1:0";
      const overrides = { prefix: "own", proxy_listen: listen, admin_listen: listen, status_listen: "off", nginx_worker_processes: "1" };
      const gateway = await runGateway(loadSettings({ overrides }).settings);
      const { status } = await fetch("http://127.0.0.1:" + gateway.ports.proxy[0]);
      await gateway.close();
      try {
        loadSettings({ overrides: { proxy_listen: "nowhere" } });
      } catch (error) {
        console.log(status, error instanceof SettingsError, error.code);
      }`,
    );
    assert.equal(output, "404 true ERR_SETTINGS\n");
  });

  await t.test("the engine makes and opens a cookie from plain JavaScript", () => {
    const output = runScript(
      folder,
      "mint.js",
      `import { createSessions } from "sesame-gateway/session";
      const sessions = createSessions({ secret: "s" });
      const session = sessions.create({});
      session.set("user", "alice");
      const [{ name, text }] = await session.save(1000);
      const opened = await sessions.open({ cookie: text.split(";")[0] }, 1001);
      console.log(name, opened.isOpen, opened.get("user"));`,
    );
    assert.equal(output, "session true alice\n");
  });

  await t.test("the types serve a strict TypeScript project, and refuse what is wrong", () => {
    const source = (call: string) => `import { createSessions, type SetCookie } from "sesame-gateway/session";
      const sessions = createSessions({ secret: "s", cookie_same_site: "Lax" });
      const session = await sessions.open({ cookie: "a=1" }, 1000);
      const cookies: readonly SetCookie[] = await session.save(1000);
      const text: string | undefined = cookies[0]?.text;
      export default [text, ${call}];`;
    const compile = (call: string) => {
      writeFileSync(join(folder, "app.ts"), source(call));
      const types = ["--types", "node", "--typeRoots", join(root, "node_modules", "@types")];
      const options = [
        "--noEmit",
        "--strict",
        "--skipLibCheck",
        "false",
        "--module",
        "nodenext",
        "--target",
        "es2024",
        ...types,
      ];
      return run(folder, process.execPath, join(typescript, "bin", "tsc"), ...options, "app.ts");
    };
    compile("session.reason");
    assert.throws(
      () => compile("session.nothing, createSessions({ cookie_same_site: 5 })"),
      /TS2339.*'nothing'[\s\S]*TS2322/,
    );
  });
});
