import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createLogger, type LoggerOptions, openSink } from "./log.ts";
import { createAccessLog } from "./log-access.ts";
import { createMasker } from "./log-mask.ts";

const TIME = Date.UTC(2026, 10, 20, 9, 53, 1, 654);
const COOKIE = `AQAA${"vI6rjlq9tCrOzj89B5FG_KSJwNBExkbsRoNUzumc-swA".repeat(5)}`;

function collect() {
  const lines: string[] = [];
  let flushed = 0;
  const sink = { write: (line: string) => void lines.push(line), flush: () => void flushed++, close() {} };
  return { lines, sink, flushes: () => flushed };
}

function logged(options: Partial<LoggerOptions>, message: string, facts?: Record<string, unknown>): string {
  const { lines, sink } = collect();
  createLogger({ level: "debug", now: () => TIME, ...options, to: sink }).warn(message, facts);
  return lines.join("");
}

test("an entry is one line of name=value pairs, the request id first among the facts", () => {
  assert.equal(
    logged({}, "upstream timed out", {
      address: "10.0.0.7:80",
      tries: 2,
      host: "a b",
      request_id: "5e8c",
      none: undefined,
    }),
    'time=2026-11-20T09:53:01.654Z level=warn message="upstream timed out" request_id=5e8c address=10.0.0.7:80 tries=2 host="a b"\n',
  );
});

test("with format json an entry is an object", () => {
  assert.deepEqual(JSON.parse(logged({ format: "json" }, "hello", { request_id: "5e8c", is_new: true })), {
    time: "2026-11-20T09:53:01.654Z",
    level: "warn",
    message: "hello",
    request_id: "5e8c",
    is_new: true,
  });
});

test("levels below the configured one write nothing, and only severe ones are written through at once", () => {
  const { lines, sink, flushes } = collect();
  const log = createLogger({ level: "notice", to: sink });
  log.debug("a");
  log.info("b");
  log.notice("c");
  assert.equal(flushes(), 0);
  log.error("d");
  log.crit("e");
  assert.equal(flushes(), 2);
  assert.deepEqual(
    lines.map((line) => /level=(\w+)/.exec(line)?.[1]),
    ["notice", "error", "crit"],
  );
  assert.equal(log.isDebug, false);
  assert.equal(createLogger({ level: "debug", to: sink }).isDebug, true);
  assert.equal(createLogger({ level: "debug", to: "off" }).isDebug, false);
  createLogger({ level: "emerg", to: sink }).crit("f");
  assert.equal(lines.length, 3);
});

test("no text ends its line or its quotes, in either format", () => {
  const hostile = [
    'a\nlevel=crit message="x',
    "a\r\n\tb",
    'q" level="crit',
    "\\",
    "\u001b[2J\u009b31m",
    "\u2028\u2029\u202e\ufeff",
    "\0\x7f",
    "\ud800",
  ];
  for (const format of ["text", "json"] as const) {
    for (const text of hostile) {
      const line = logged({ format }, text, { text, [text]: text, object: { [text]: text } });
      assert.match(line, /^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]*\n$/u, `${format} ${JSON.stringify(text)}`);
      if (format === "json") assert.equal(JSON.parse(line).level, "warn");
      else assert.equal(line.replace(/"(?:[^"\\]|\\.)*"/g, '""').match(/ level=/g)?.length, 1, line);
    }
  }
});

test("facts of every kind can be logged", () => {
  const circular: Record<string, unknown> = {};
  circular.self = circular;
  const hostile = {
    get a() {
      throw new Error("no");
    },
  };
  const cause = Object.assign(new Error("connect ECONNREFUSED 10.0.0.7:80"), { code: "ECONNREFUSED" });
  const error = Object.assign(new Error("storage failed", { cause }), { code: "ERR_SESSION_STORAGE" });
  const line = logged({ format: "json" }, "m", {
    circular,
    hostile,
    error,
    bytes: new Uint8Array(3),
    big: 10n,
    list: [1, { token: "t" }],
    nothing: null,
  });
  const { time, level, message, ...facts } = JSON.parse(line);
  assert.deepEqual(facts, {
    circular: "an object that cannot be shown",
    hostile: "an object that cannot be shown",
    error: "storage failed (ERR_SESSION_STORAGE): connect ECONNREFUSED 10.0.0.7:80",
    bytes: "3 bytes",
    big: "10",
    list: '[1,{"token":"******"}]',
    nothing: null,
  });
});

test("an error of the program shows where it happened, others do not, and long texts are cut", () => {
  const { lines, sink } = collect();
  const log = createLogger({ level: "debug", to: sink });
  log.error("m", { error: new TypeError("x is not a function") });
  log.error("m", { error: Object.assign(new Error("gone"), { code: "ECONNRESET" }) });
  log.info("y ".repeat(100_000));
  assert.match(lines[0] ?? "", /stack="TypeError: x is not a function\\n {4}at /);
  assert.doesNotMatch(lines[1] ?? "", /stack/);
  assert.ok(lines[2]!.length < 5000);
});

test("values of facts with secret names are masked", () => {
  const secrets = {
    apikey: "s3cret",
    "X-API-Key": "s3cret",
    password: 12345,
    client_secret: "s3cret",
    secret_fallbacks: ["s3cret"],
    cookie: "session=s3cret; a=b",
    "set-cookie": ["s3cret"],
    Authorization: "s3cret",
    refresh_token: "s3cret",
    session: "s3cret",
    ikm: new Uint8Array(4),
    config: { secret: "s3cret", deep: [{ password: "s3cret" }], key: { material: "s3cret" } },
  };
  const line = logged({}, "m", secrets);
  assert.doesNotMatch(line, /s3cret|12345/);
  assert.equal(line.match(/\*{6}/g)?.length, 14);
  const facts = { cookie_name: "session", token_type: "bearer", keys: 3, has_session: true, monkey: "banana" };
  assert.match(
    logged({}, "m", facts),
    /cookie_name=session token_type=bearer keys=\*{6} has_session=true monkey=banana/,
  );
});

test("credentials within texts are masked", () => {
  const rows: [text: string, masked: string][] = [
    ["GET /a?apikey=s3cret&b=1", "GET /a?apikey=******&b=1"],
    ["to=http://h/?a=1&api%6Bey=s3cret", "to=http://h/?a=1&api%6Bey=******"],
    ["url: http://h/p?access_token=s3cret, next", "url: http://h/p?access_token=******, next"],
    ["Authorization: Basic czNjcmV0 and so on", "Authorization: ******"],
    ["Cookie: a=s3cret; b=s3cret", "Cookie: ******"],
    ["Set-Cookie: session=s3cret; Path=/", "Set-Cookie: ******"],
    ["a\nCookie: s3cret\nb", "a\nCookie: ******\nb"],
    ['{"password":"s3cret","a":1}', '{"password":"******","a":1}'],
    ['{"password": "s3\\"cret", "a":1}', '{"password": "******", "a":1}'],
    ["password = 's3 cret' end", "password = '******' end"],
    ['password="s3cret never closed', 'password="******"'],
    ["got bearer eyJhbGciOi.eyJzdWIiOi.c2ln", "got bearer ******"],
    ["sent Bearer abcDEF123 to", "sent Bearer ****** to"],
    ["postgres://sesame:s3cret@db:5432/x", "postgres://******@db:5432/x"],
    ["redis://:s3cret@db", "redis://******@db"],
    ["session=s3cret", "session=******"],
    [`opened ${COOKIE} well`, "opened ****** well"],
    ["key[0]=s3cret", "key[0]=******"],
    ["basic authentication failed", "basic authentication failed"],
    ["state=open code=ECONNREFUSED status: 401", "state=open code=ECONNREFUSED status: 401"],
    ["no secret here: it is over", "no secret here: it is over"],
    ["plain words", "plain words"],
  ];
  const masker = createMasker();
  for (const [text, masked] of rows) assert.equal(masker.text(text), masked);
});

test("request targets are masked by the names of their arguments", () => {
  const rows: [target: string, masked: string][] = [
    ["/", "/"],
    ["/apikey=1", "/apikey=1"],
    ["/a?apikey=s3cret", "/a?apikey=******"],
    ["/a?APIKEY=s3cret&x=1&apikey=t", "/a?APIKEY=******&x=1&apikey=******"],
    ["/a?%61pikey=s3cret", "/a?%61pikey=******"],
    ["/a?+apikey=s3cret", "/a?+apikey=******"],
    ["/a?apikey[]=s3cret;token=t", "/a?apikey[]=******;token=******"],
    ["/a?x=1?apikey=s3cret", "/a?x=1?apikey=******"],
    ["/a?apikey==s3cret", "/a?apikey=******"],
    ["/a?apikey=", "/a?apikey="],
    ["/a?apikey", "/a?apikey"],
    ["/a?code=s3cret&state=x", "/a?code=******&state=x"],
    ["/a?x-our-name=s3cret", "/a?x-our-name=******"],
    ["http://u:s3cret@h/a?b=1", "http://******@h/a?b=1"],
    ["//u:s3cret@h/", "//u:s3cret@h/"],
    ["/a?%=1&=2&&", "/a?%=1&=2&&"],
    ["*", "*"],
  ];
  const masker = createMasker(["X-Our-Name"]);
  for (const [target, masked] of rows) assert.equal(masker.target(target), masked);
  masker.configure(["other"]);
  assert.equal(masker.target("/?x-our-name=1&other=2"), "/?x-our-name=1&other=******");
});

test("masking takes no longer than the text is long", () => {
  const masker = createMasker();
  const texts = [
    'a="'.repeat(20_000),
    "a=".repeat(30_000),
    "a".repeat(60_000),
    `a${" ".repeat(60_000)}`,
    "://".repeat(20_000),
    "%".repeat(60_000),
    "eyJ".repeat(20_000),
    "Bearer ".repeat(8000),
  ];
  const start = performance.now();
  for (const text of texts) {
    masker.text(text);
    masker.target(`/?${text}`);
  }
  assert.ok(performance.now() - start < 2000);
});

test("an access log line is nginx's combined form with the request id, masked and escaped", () => {
  const { lines, sink } = collect();
  const log = createAccessLog(sink);
  const entry = {
    address: "127.0.0.1",
    time: TIME,
    method: "GET",
    httpVersion: "1.1",
    status: 200,
    bytes: 12,
    requestId: "5e8c",
  };
  log?.log({ ...entry, target: "/a?apikey=s3cret", userAgent: "curl/8.5" });
  log?.log({
    ...entry,
    target: '/"\\\x00\xff\n',
    referer: "https://u:p@h/?token=s3cret",
    userAgent: 'x"\r\n127.0.0.1 - \u2028',
    httpVersion: "2",
  });
  assert.deepEqual(lines, [
    '127.0.0.1 - - [20/Nov/2026:09:53:01 +0000] "GET /a?apikey=****** HTTP/1.1" 200 12 "-" "curl/8.5" kong_request_id: "5e8c"\n',
    '127.0.0.1 - - [20/Nov/2026:09:53:01 +0000] "GET /\\x22\\x5C\\x00\\xFF\\x0A HTTP/2.0" 200 12 "https://******@h/?token=******" ' +
      '"x\\x22\\x0D\\x0A127.0.0.1 - \\xE2\\x80\\xA8" kong_request_id: "5e8c"\n',
  ]);
  assert.equal(createAccessLog("off"), undefined);
});

test("a file is made with its folder, appended to, and written on flush", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "sesame-log-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "logs", "error.log");
  const sink = openSink(path);
  sink.write("one\n");
  assert.equal(readFileSync(path, "utf8"), "");
  sink.flush();
  assert.equal(readFileSync(path, "utf8"), "one\n");
  sink.write(`${"x".repeat(70_000)}\n`);
  assert.equal(readFileSync(path, "utf8").length, 70_005);
  sink.close();
  const again = openSink(path);
  again.write("two\n");
  again.close();
  again.write("three\n");
  again.flush();
  again.close();
  assert.ok(readFileSync(path, "utf8").endsWith("two\n"));
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(statSync(join(folder, "logs")).mode & 0o777, 0o700);
});

test("what was logged is written when the process exits, also to a pipe", () => {
  const module = new URL("./log.ts", import.meta.url).href;
  const script = `import { createLogger } from ${JSON.stringify(module)};
    const log = createLogger({ level: "info", to: "/dev/stdout" });
    for (let i = 0; i < 5000; i++) log.info("line", { i });
    process.exit(3);`;
  const { status, stdout } = spawnSync(process.execPath, ["--input-type=module-typescript", "-e", script], {
    encoding: "utf8",
  });
  assert.equal(status, 3);
  const lines = stdout.trimEnd().split("\n");
  assert.equal(lines.length, 5000);
  assert.match(lines[4999] ?? "", / i=4999$/);
});
