import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { startEcho } from "../../src/cli/echo-server.ts";
import { startGateway } from "../helpers/gateway.ts";
import { cleanEnv, root, temporaryFolder } from "../helpers/quickstart.ts";

// What README tells a reader to paste is run as it stands there.

const readme = readFileSync(join(root, "README.md"), "utf8");

/** The code blocks of one language below a heading of README. */
function blocksOf(heading: string, language: string): string[] {
  const section = readme.split(/^## /m).find((text) => text.startsWith(`${heading}\n`));
  assert.ok(section, `README has no section "${heading}"`);
  const blocks = [...section.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)];
  return blocks.filter(([, name]) => name === language).map(([, , code = ""]) => code);
}

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

/** The answers in an output of `curl -i`, whose bodies end without a line end. */
function answersOf(output: string): Answer[] {
  return output
    .split(/(?=HTTP\/1\.1 \d{3} )/)
    .filter((text) => text.startsWith("HTTP/"))
    .map((text) => {
      const end = text.indexOf("\r\n\r\n");
      const [first = "", ...lines] = text.slice(0, end).split("\r\n");
      const headers = new Headers(lines.map((line) => line.split(/: ?(.*)/s).slice(0, 2) as [string, string]));
      return { status: Number(first.split(" ")[1]), headers, body: text.slice(end + 4) };
    });
}

/**
 * A gateway and an echo on free ports, and a bash in which they are reached at the ports that README names: curl takes
 * `connect-to` from the `.curlrc` in `CURL_HOME`.
 */
async function startReader(t: TestContext) {
  const echo = await startEcho();
  t.after(() => echo.close());
  const gateway = await startGateway(t);
  const folder = temporaryFolder(t);
  const ports = { 8000: gateway.ports.proxy[0], 8001: gateway.ports.admin[0] };
  const connections = Object.entries(ports).map(([port, own]) => `connect-to = "localhost:${port}:127.0.0.1:${own}"\n`);
  writeFileSync(join(folder, ".curlrc"), `noproxy = "*"\n${connections.join("")}`);
  const env = { ...cleanEnv, CURL_HOME: folder, PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH}` };

  async function run(script: string): Promise<Answer[]> {
    const bash = spawn("bash", ["-euo", "pipefail"], { cwd: folder, env });
    let [output, errors] = ["", ""];
    bash.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
    bash.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
    bash.stdin.end(script);
    const code = await new Promise((resolve) => bash.on("close", resolve));
    assert.equal(code, 0, errors + output);
    return answersOf(output);
  }

  /** The gateway itself does not ask curl where port 8080 is. */
  async function moveService(name: string): Promise<void> {
    const headers = { "content-type": "application/json" };
    const url = `${gateway.admin}/services/${name}`;
    const response = await fetch(url, { method: "PATCH", headers, body: JSON.stringify({ port: echo.port }) });
    assert.equal(response.status, 200);
  }

  return { run, moveService };
}

/** What the echo was sent, as a client sees it. */
function pictureOf({ body }: Answer): { method: string; url: string; headers: Map<string, string> } {
  const picture = JSON.parse(body);
  return { ...picture, headers: new Map(picture.headers) };
}

test("the walkthrough of README works as it stands there", async (t) => {
  const { run, moveService } = await startReader(t);
  const [services = "", ...blocks] = blocksOf("The walkthrough", "sh");
  assert.equal(blocks.length, 7);

  const [service, route] = await run(services);
  assert.equal(service?.status, 201);
  const { protocol, host, port, path } = JSON.parse(service.body);
  assert.deepEqual(
    { protocol, host, port, path },
    { protocol: "http", host: "127.0.0.1", port: 8080, path: "/request" },
  );
  assert.equal(route?.status, 201);
  assert.deepEqual(JSON.parse(route.body).paths, ["/sessions-test"]);
  await moveService("example-service");

  const answers = await run(blocks.join(""));
  assert.deepEqual(
    answers.map(({ status }) => status),
    [201, 401, 201, 201, 201, 200, 201, 201, 403, 200, 200, 200, 403],
  );
  const [keyAuth, noKey, anonymous, fiona, credential, patched, session, termination, ...visits] = answers;
  const [refused, login, visit, logout, after] = visits;
  assert.equal(noKey!.headers.get("www-authenticate"), "Key");
  assert.match(noKey!.body, /No API key found in request/);
  assert.equal(JSON.parse(fiona!.body).username, "fiona");
  assert.equal(JSON.parse(credential!.body).key, "open_sesame");
  const { id, config } = JSON.parse(patched!.body);
  assert.equal(id, JSON.parse(keyAuth!.body).id);
  assert.deepEqual(config, { ...JSON.parse(keyAuth!.body).config, anonymous: JSON.parse(anonymous!.body).id });
  assert.equal(JSON.parse(session!.body).config.cookie_secure, false);
  assert.equal(JSON.parse(termination!.body).config.status_code, 403);
  assert.deepEqual(JSON.parse(termination!.body).consumer, { id: JSON.parse(anonymous!.body).id });

  assert.equal(refused!.body, '{"message":"So long and thanks for all the fish!"}');
  assert.deepEqual(refused!.headers.getSetCookie(), []);
  const [cookie = "", ...others] = login!.headers.getSetCookie();
  assert.deepEqual(others, []);
  assert.match(cookie, /^session=[\w-]{110}; Path=\/; SameSite=Strict; HttpOnly$/);
  assert.equal(pictureOf(login!).url, "/request?apikey=open_sesame");
  assert.deepEqual(visit!.headers.getSetCookie(), []);
  assert.equal(pictureOf(visit!).headers.get("X-Consumer-Username"), "fiona");
  assert.equal(
    pictureOf(visit!).headers.get("Cookie") ?? pictureOf(visit!).headers.get("cookie"),
    cookie.split(";")[0],
  );
  assert.equal(logout!.body, "");
  assert.match(logout!.headers.get("set-cookie") ?? "", /^session=; .*Max-Age=0/);
  assert.equal(after!.body, refused!.body);
});

test("the ten lines of README protect a route", async (t) => {
  const { run, moveService } = await startReader(t);
  const [code = ""] = blocksOf("A protected route in ten lines", "sh");
  const lines = code.trimEnd().split("\n");
  assert.equal(lines.length, 10);
  const [first = "", ...others] = lines;
  await run(first);
  await moveService("app");
  assert.deepEqual(await run(`${others.slice(0, -2).join("\n")}\n`), []);
  const check = "curl -i http://localhost:8000/app\n";
  const [stranger, login, visit] = await run(`${check}${others.slice(-2).join("\n")}\n`);
  assert.equal(stranger?.status, 401);
  assert.equal(login?.status, 200);
  assert.match(login.headers.get("set-cookie") ?? "", /^session=/);
  assert.equal(visit?.status, 200);
  assert.equal(visit.headers.get("set-cookie"), null);
  assert.equal(pictureOf(visit).headers.get("X-Consumer-Username"), "fiona");
});

test("the server of README runs as it stands there", async (t) => {
  const [code = ""] = blocksOf("The engine in your own server", "js");
  const folder = temporaryFolder(t);
  // The package as it would be installed, but made of the sources.
  const installed = join(folder, "node_modules", "sesame-gateway");
  mkdirSync(installed, { recursive: true });
  symlinkSync(join(root, "src", "session"), join(installed, "session"));
  const manifest = { name: "sesame-gateway", type: "module", exports: { "./session": "./session/index.ts" } };
  writeFileSync(join(installed, "package.json"), JSON.stringify(manifest));
  writeFileSync(join(folder, "server.mjs"), code);

  const env = { ...cleanEnv, PORT: "0", SESSION_SECRET: "a secret" };
  const server = spawn(process.execPath, ["server.mjs"], { cwd: folder, env, stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => server.kill("SIGKILL"));
  let output = "";
  for await (const text of server.stdout.setEncoding("utf8").iterator({ destroyOnReturn: false })) {
    output += text;
    if (output.endsWith("\n")) break;
  }
  const url = output.trim();
  const send = async (method: string, path: string, cookie = "") => {
    const response = await fetch(url + path, { method, headers: { cookie } });
    const [set = ""] = response.headers.getSetCookie();
    return { answer: `${response.status} ${(await response.text()).trim()}`, set };
  };

  assert.equal((await send("GET", "/")).answer, "401 Who are you? (missing_session_cookie)");
  const login = await send("POST", "/login");
  assert.equal(login.answer, "200 Welcome.");
  const cookie = login.set.split(";")[0] ?? "";
  assert.deepEqual(await send("GET", "/", cookie), { answer: "200 Hello, fiona.", set: "" });
  const forged = `${cookie.slice(0, -6)}${cookie.endsWith("AAAAAA") ? "BBBBBB" : "AAAAAA"}`;
  assert.match((await send("GET", "/", forged)).answer, /^401 Who are you\? \(\w+\)$/);
  const logout = await send("POST", "/logout", cookie);
  assert.equal(logout.answer, "200 Goodbye.");
  assert.match(logout.set, /^session=; .*Max-Age=0/);
  assert.equal((await send("GET", "/nothing")).answer, "404 There is nothing here.");
});

test("every file that README and the guides point to is there", () => {
  for (const file of ["README.md", "docs/guides/sessions.md", "docs/guides/migrating-from-kong.md"]) {
    const text = readFileSync(join(root, file), "utf8");
    for (const [, link = ""] of text.matchAll(/\]\(([^)]+)\)/g)) {
      const [path = "", anchor] = link.split("#");
      const target = path === "" ? file : join(dirname(file), path);
      assert.ok(existsSync(join(root, target)), `${file}: ${link}`);
      if (anchor === undefined) continue;
      const headings = [...readFileSync(join(root, target), "utf8").matchAll(/^#+ (.*)$/gm)].map(
        ([, title = ""]) => title,
      );
      assert.ok(
        headings.some(
          (title) =>
            title
              .toLowerCase()
              .replaceAll(" ", "-")
              .replace(/[^\w-]/g, "") === anchor,
        ),
        `${file}: ${link}`,
      );
    }
  }
});
