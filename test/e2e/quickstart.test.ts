import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { failingQuickstart, startQuickstart, temporaryFolder } from "../helpers/quickstart.ts";

/** The steps of an output: title, command as one line, status line, what follows. */
function stepsOf(output: string) {
  return output
    .split(/\n\n(?=\d+\. )/)
    .slice(1)
    .map((text) => {
      const [title = "", ...lines] = text.split("\n\n")[0]!.split("\n");
      const answer = lines.findIndex((line) => /^ {3}\d{3} /.test(line));
      const command = lines.slice(0, answer).map((line) => line.trim().replace(/ \\$/, ""));
      return {
        title: title.replace(/^\d+\. /, ""),
        command: command
          .join(" ")
          .replace(/^\$ /, "")
          .replace(/localhost:\d+|127\.0\.0\.1:\d+/g, "HOST"),
        status: lines[answer]?.trim(),
        rest: lines.slice(answer + 1).join("\n"),
      };
    });
}

test("the quickstart walks through the documented steps, stays up, and keeps everything for its next start", async (t) => {
  const prefix = join(temporaryFolder(t), "data");
  const first = await startQuickstart(t, { prefix });
  const steps = stepsOf(first.output);

  await t.test("the steps are the documented ones, with the documented answers", () => {
    const shown = steps.map(({ command, status }) => [
      command.replace(/[0-9a-f-]{36}/g, "ID").replace(/session=[\w-]+/, "COOKIE"),
      status,
    ]);
    assert.deepEqual(shown, [
      [
        "curl -i -X POST --url http://HOST/services/ --data name=example-service --data url=http://HOST/request",
        "201 Created",
      ],
      [
        "curl -i -X POST --url http://HOST/services/example-service/routes --data 'paths[]=/sessions-test'",
        "201 Created",
      ],
      ["curl -i -X POST --url http://HOST/services/example-service/plugins/ --data name=key-auth", "201 Created"],
      ["curl -i --url http://HOST/sessions-test", "401 Unauthorized"],
      ["curl -i -X POST --url http://HOST/consumers/ --data username=anonymous_users", "201 Created"],
      ["curl -i -X POST --url http://HOST/consumers/ --data username=fiona", "201 Created"],
      ["curl -i -X POST --url http://HOST/consumers/fiona/key-auth/ --data key=open_sesame", "201 Created"],
      ["curl -i -X PATCH --url http://HOST/plugins/ID --data config.anonymous=ID", "200 OK"],
      [
        "curl -i -X POST --url http://HOST/services/example-service/plugins --data name=session --data config.storage=kong " +
          "--data config.cookie_secure=false",
        "201 Created",
      ],
      [
        "curl -i -X POST --url http://HOST/services/example-service/plugins --data name=request-termination " +
          "--data config.status_code=403 --data 'config.message=So long and thanks for all the fish!' --data consumer.id=ID",
        "201 Created",
      ],
      ["curl -i --url http://HOST/sessions-test", "403 Forbidden"],
      ["curl -i --url 'http://HOST/sessions-test?apikey=open_sesame'", "200 OK"],
      ["curl -i --url http://HOST/sessions-test -H 'cookie: COOKIE'", "200 OK"],
      ["curl -i -X POST --url http://HOST/services/ --data name=quickstart-page --data url=http://HOST", "201 Created"],
      ["curl -i -X POST --url http://HOST/services/quickstart-page/routes --data 'paths[]=/quickstart'", "201 Created"],
      [
        "curl -i -X PATCH --url http://HOST/plugins/ID --data 'config.response_headers[]=id' " +
          "--data 'config.response_headers[]=subject' --data 'config.response_headers[]=idling-timeout' " +
          "--data 'config.response_headers[]=rolling-timeout' --data 'config.response_headers[]=absolute-timeout'",
        "200 OK",
      ],
    ]);
    assert.match(steps[3]!.rest, /^ {3}WWW-Authenticate: Key\n.*No API key found in request/);
    assert.match(steps[10]!.rest, /So long and thanks for all the fish!/);
    assert.match(steps[11]!.rest, /^ {3}Set-Cookie: session=[\w-]+; Path=\/; SameSite=Strict; HttpOnly\n/);
    assert.match(steps[12]!.rest, /^ {3}\(no Set-Cookie\)\n/);
    assert.ok(!first.output.includes("\u001b"), "an output that is no terminal has no colours");
    assert.ok(!first.output.includes("expected"), first.output);
  });

  const [, cookie = ""] = /^ {3}cookie='(session=[\w-]+)'$/m.exec(first.output) ?? [];

  await t.test("the cookie it prints is good for what it says to try next", async () => {
    const response = await fetch(`${first.proxy}/sessions-test`, { headers: { cookie } });
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("session-subject"), "fiona");
    const { headers } = (await response.json()) as { headers: [string, string][] };
    assert.deepEqual(headers.find(([name]) => name === "X-Consumer-Username")?.[1], "fiona");
  });

  await t.test("its page is served with a strict policy and nothing from elsewhere", async () => {
    const page = await fetch(`${first.proxy}/quickstart`);
    assert.equal(page.status, 200);
    assert.match(page.headers.get("content-security-policy") ?? "", /^default-src 'none'; script-src 'self'; /);
    const html = await page.text();
    assert.ok(!/https?:\/\//.test(html));
    for (const [, path] of html.matchAll(/(?:src|href)="([^"]+)"/g)) {
      const file = await fetch(first.proxy + path);
      assert.equal(file.status, 200, path);
      assert.equal(file.headers.get("x-content-type-options"), "nosniff");
    }
    assert.equal((await fetch(`${first.proxy}/quickstart/other`)).status, 404);
    assert.equal((await fetch(`${first.proxy}/quickstart`, { method: "POST" })).status, 405);
  });

  assert.deepEqual(await first.stop("SIGTERM"), [0, null]);

  await t.test("a second start on the same data keeps them, and the session of the first one", async () => {
    const second = await startQuickstart(t, { prefix });
    const kept = second.output.match(/kept from an earlier start: \{ "id": "([0-9a-f-]{36})"/g);
    assert.equal(kept?.length, 8);
    for (const line of kept) assert.ok(first.output.includes(line.slice(line.indexOf("{"))), line);
    assert.ok(!second.output.includes("(expected"), second.output);
    const statuses = stepsOf(second.output).flatMap(({ status }) => status?.slice(0, 3) ?? []);
    assert.deepEqual(statuses, ["200", "200", "403", "200", "200", "200", "200"]);
    assert.equal((await fetch(`${second.proxy}/sessions-test`, { headers: { cookie } })).status, 200);
    assert.deepEqual(await second.stop("SIGINT"), [0, null]);
  });
});

test("an answer that is not the documented one is marked, and the quickstart goes on", async (t) => {
  const prefix = join(temporaryFolder(t), "data");
  const first = await startQuickstart(t, { prefix });
  const { data } = (await (await fetch(`${first.admin}/services/example-service/plugins`)).json()) as {
    data: { id: string; name: string }[];
  };
  const { id } = data.find(({ name }) => name === "request-termination")!;
  const headers = { "content-type": "application/json" };
  await fetch(`${first.admin}/plugins/${id}`, { method: "PATCH", headers, body: '{"config":{"status_code":418}}' });
  await first.stop();
  const second = await startQuickstart(t, { prefix });
  assert.match(second.output, /^ {3}418 I'm a Teapot \(expected 403\)$/m);
  await second.stop();
});

test("what the operator can mend is one line and exit code 1", async (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, "file");
  writeFileSync(file, "");
  const conf = join(folder, "sesame.conf");
  writeFileSync(conf, "proxy_listen = nowhere\n");
  const busy = createServer();
  await new Promise<void>((resolve) => busy.listen(0, "127.0.0.1", resolve));
  t.after(() => busy.close());
  const taken = `127.0.0.1:${(busy.address() as AddressInfo).port}`;

  type Row = [what: string, options: { prefix?: string; args?: string[]; env?: Record<string, string> }, line: RegExp];
  const rows: Row[] = [
    [
      "busy",
      { env: { SESAME_PROXY_LISTEN: taken } },
      new RegExp(`^proxy_listen: ${taken} is in use by another process$`),
    ],
    [
      "busy-admin",
      { env: { SESAME_ADMIN_LISTEN: taken } },
      new RegExp(`^admin_listen: ${taken} is in use by another process$`),
    ],
    [
      "below-a-file",
      { prefix: join(file, "data") },
      /^the prefix .*file\/data cannot be written \((?:ENOTDIR|EEXIST)\)$/,
    ],
    [
      "broken",
      { args: ["-c", conf], env: { SESAME_PROXY_LISTEN: "nowhere" } },
      /^proxy_listen: "nowhere" is no address with a port/,
    ],
    ["missing", { args: ["-c", join(folder, "none")] }, /none: cannot be read \(ENOENT\)$/],
    [
      "no-admin",
      { env: { SESAME_ADMIN_LISTEN: "off" } },
      /^admin_listen: the quickstart needs an address without ssl$/,
    ],
    [
      "only-tls",
      { env: { SESAME_PROXY_LISTEN: "127.0.0.1:0 ssl" } },
      /^proxy_listen: the quickstart needs an address without ssl$/,
    ],
  ];
  const results = rows.map(async ([what, options, line]) => {
    const { code, output, errors } = await failingQuickstart(t, { prefix: join(folder, what), ...options });
    assert.equal(code, 1, `${what}: ${errors}`);
    assert.equal(output, "", what);
    const [first = "", ...more] = errors.trimEnd().split("\n");
    assert.deepEqual(more, [], what);
    assert.match(first.replace(/^sesame: /, ""), line);
  });
  await Promise.all(results);
});
