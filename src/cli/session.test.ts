import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { runWith } from "./testing.ts";

const IKM = "620e66d09f7db14782fa1fdd8dee73ee50899472d55e3c257b6d577ecbadea5d";
// The worked example of SPEC-session-v4 §14.
const SECRET = "interop-public-secret";
const NOW = 1900000000;
const COOKIE =
  "session=AQAAvI6rjlq9tCrOzj89B5FG_KSJwNBExkbsRoNUzumcRswAsz9xAAAAAABSAABYIFEi-1h6RLTc4tsmrRVMAAAAYfJ1VvuHAsG8k-2ABpsBYwjT-ZQADDXVEtWsopsUlkGDTeZUhhPtlcKvxF3zEhnyD2pdrfpapyp67N4XlZSrPdc2R_D_JPHLgW2LriKw";
const HEADER = {
  type: 1,
  flags: 0,
  id: "vI6rjlq9tCrOzj89B5FG_KSJwNBExkbsRoNUzumcRsw",
  created_at: NOW,
  rolling_offset: 0,
  idling_offset: 0,
  data_size: 82,
};
const REFUSED = { valid: false, data: null, audience: null, subject: null, timeouts: null };

async function inspect(args: readonly string[], input?: string) {
  const { code, output, errors } = await runWith(["session", "inspect", ...args], input);
  return { code, errors, answer: output === "" ? undefined : JSON.parse(output) };
}

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "sesame-session-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** The Cookie header that a browser makes of what mint printed. */
function cookieHeader(output: string): string {
  return [...output.matchAll(/^Set-Cookie: ([^;]+);/gm)].map(([, pair]) => pair).join("; ");
}

test("without a key the header is shown, and nothing is said about validity", async () => {
  const { code, answer } = await inspect(["--now", String(NOW + 5), `a=1; ${COOKIE}; b=2`]);
  assert.equal(code, 0);
  assert.deepEqual(answer, { header: HEADER, age: 5 });
});

test("with the secret, or the key made of it, the session is opened", async () => {
  for (const key of [
    ["--secret", SECRET],
    ["--ikm", IKM],
    ["--secret", "new", "--secret-fallback", "x", "--secret-fallback", SECRET],
  ]) {
    const { code, answer } = await inspect(["--now", String(NOW + 5), ...key, COOKIE]);
    assert.equal(code, 0);
    assert.deepEqual(answer, {
      header: HEADER,
      age: 5,
      valid: true,
      reason: null,
      data: { user: "alice", roles: ["admin", "dev"], n: 42 },
      audience: "default",
      subject: null,
      timeouts: { idling: 895, rolling: 3595, absolute: 86395, remaining: 895 },
    });
  }
});

test("a refused cookie gives the reason and exit code 2", async () => {
  const rows: [args: string[], cookie: string, reason: string, header: object | null][] = [
    [["--secret", "other"], COOKIE, "invalid_session_message_authentication_code", HEADER],
    [["--secret", SECRET, "--now", String(NOW + 901)], COOKIE, "session_idling_timeout_exceeded", HEADER],
    [["--secret", SECRET, "--audience", "a"], COOKIE, "missing_session_audience", HEADER],
    [["--secret", SECRET, "--cookie-name", "s"], COOKIE, "missing_session_cookie", null],
    [["--secret", SECRET], "session=AQAA", "invalid_session_header", null],
    [["--secret", SECRET], "", "missing_session_cookie", null],
    [["--secret", SECRET], "\0\u2028=;;,\ud800", "missing_session_cookie", null],
  ];
  for (const [args, cookie, reason, header] of rows) {
    const { code, answer } = await inspect(["--now", String(NOW), ...args, cookie]);
    assert.equal(code, 2, reason);
    const age = header ? (answer.age as number) : null;
    assert.deepEqual(answer, { header, age, ...REFUSED, reason });
  }
  assert.deepEqual(await inspect(["session=AQAA"]), {
    code: 2,
    errors: [],
    answer: { header: null, age: null, reason: "invalid_session_header" },
  });
});

test("timeouts that are off are null", async () => {
  const off = ["--idling-timeout", "0", "--rolling-timeout=0", "--absolute-timeout", "0"];
  const { answer } = await inspect(["--secret", SECRET, ...off, COOKIE]);
  assert.deepEqual(answer.timeouts, { idling: null, rolling: null, absolute: null, remaining: null });
});

test("the cookie is read from standard input, also as a header line", async () => {
  for (const input of [`${COOKIE}\n`, `Cookie: ${COOKIE}\r\n`]) {
    const { answer } = await inspect(["--secret", SECRET, "--now", String(NOW), "-"], input);
    assert.equal(answer.valid, true);
  }
});

test("misuse is one line, without secrets, and exit code 1", async () => {
  const rows: [args: string[], error: RegExp][] = [
    [[], /expected the value of a Cookie header, or - to read it/],
    [["--ikm", "5ec7e7", COOKIE], /^sesame: --ikm expects 32 bytes, written as 64 hexadecimal digits$/],
    [["--ikm", IKM, "--ikm-fallback", "5ec7e7", COOKIE], /--ikm-fallback expects 32 bytes/],
    [["--now", "soon", COOKIE], /--now expects seconds since the epoch/],
    [["--idling-timeout", "-1", COOKIE], /argument is ambiguous|whole number/],
    [["--idling-timeout=1.5", COOKIE], /--idling-timeout expects a whole number/],
    [["--bind", "shoe-size", COOKIE], /invalid bind/],
    [["--cookie-same-site", "Sometimes", COOKIE], /cookie_same_site accepts Lax, Strict, None, Default/],
    [["--cookie-name", "a;b", COOKIE], /cookie_name/],
    [["--storage-record", "/nowhere/5ec7e7", COOKIE], /\/nowhere\/5ec7e7 cannot be read \(ENOENT\)/],
    [["--secret"], /argument missing/],
    [["--colour", "red", COOKIE], /unknown option '--colour'/],
    [[COOKIE, COOKIE], /expected at most 1 argument/],
    [["--secret", SECRET, "--bind", "shoe-size", "--jsonl"], /invalid bind/],
  ];
  for (const [args, error] of rows) {
    const { code, errors, answer } = await inspect(args, "");
    assert.equal(code, 1, args.join(" "));
    assert.equal(answer, undefined);
    assert.equal(errors.length, 1);
    assert.match(errors[0] ?? "", error);
  }
});

test("what mint makes, inspect opens: large, bound, remembered, with every way to give a key", async () => {
  const data = { text: 'ä/\\"\n'.repeat(2000) };
  const rows: [options: string[], data: unknown][] = [
    [["--secret", ""], {}],
    [["--secret=--dashes and spaces"], [1, 2]],
    [["--ikm", IKM, "--subject", "alice", "--audience", "a"], { a: 1 }],
    [["--secret", "s", "--compression-threshold", "0"], data],
    [["--secret", "s", "--bind", "ip,user-agent", "--remote-address", "10.0.0.1", "--user-agent", "Müll/1"], { a: 1 }],
    [["--secret", "s", "--remember", "--remember-safety", "Low"], { a: 1 }],
    [["--secret", "s", "--cookie-prefix", "__Host-", "--cookie-name", "c"], { a: 1 }],
  ];
  for (const [options, value] of rows) {
    const minted = await runWith(["session", "mint", "--now", "1000", "--data", JSON.stringify(value), ...options]);
    assert.deepEqual(minted.errors, []);
    const { answer } = await inspect(["--now", "1001", ...options, cookieHeader(minted.output)]);
    assert.equal(answer.valid, true, options.join(" "));
    assert.deepEqual(answer.data, value);
    assert.equal(answer.header.created_at, 1000);
    if (options.includes("alice")) assert.deepEqual([answer.subject, answer.audience], ["alice", "a"]);
  }
});

test("a large session has several cookies, a remembered one its own with an expiry", async () => {
  const data = JSON.stringify({ text: "x".repeat(10_000) });
  const { output } = await runWith(["session", "mint", "--secret", "s", "--compression-threshold=0", "--data", data]);
  assert.deepEqual(
    [...output.matchAll(/^Set-Cookie: (\w+)=/gm)].map(([, name]) => name),
    ["session", "session2", "session3", "session4"],
  );
  const remembered = await runWith([
    "session",
    "mint",
    "--secret",
    "s",
    "--remember",
    "--remember-safety",
    "Low",
    "--now",
    "1000",
  ]);
  assert.match(
    remembered.output,
    /^Set-Cookie: session=\S+; Path=\/; SameSite=Lax; HttpOnly\nSet-Cookie: remember=\S+; .*Max-Age=604800\n$/,
  );
  const onlyRemember = cookieHeader(remembered.output).split("; ")[1] ?? "";
  const { answer } = await inspect([
    "--secret",
    "s",
    "--remember",
    "--remember-safety",
    "Low",
    "--now",
    "5000",
    onlyRemember,
  ]);
  assert.deepEqual([answer.valid, answer.age, answer.header.created_at], [true, 4000, 1000]);
});

test("with a storage the record is written and printed, and inspect wants it", async (t) => {
  const file = join(folderOf(t), "record.json");
  const { output } = await runWith([
    "session",
    "mint",
    "--secret",
    "s",
    "--now",
    "1000",
    "--data",
    '{"a":1}',
    "--storage-record",
    file,
  ]);
  const lines = output.trimEnd().split("\n");
  assert.equal(lines.length, 2);
  assert.equal(lines[1], readFileSync(file, "utf8").trimEnd());
  assert.equal(JSON.parse(lines[1] ?? "").length, 1);
  const cookie = cookieHeader(output);
  assert.equal(cookie.length, "session=".length + 110);
  const opened = await inspect(["--secret", "s", "--now", "1000", "--storage-record", file, cookie]);
  assert.deepEqual([opened.code, opened.answer.data], [0, { a: 1 }]);
  assert.equal((await inspect(["--secret", "s", "--now", "1000", cookie])).answer.reason, "invalid_session_flags");
  writeFileSync(file, "[1]");
  assert.equal(
    (await inspect(["--secret", "s", "--now", "1000", "--storage-record", file, cookie])).answer.reason,
    "invalid_session_payload",
  );
  const printed = await runWith(["session", "mint", "--secret", "s", "--storage-record", "-"]);
  assert.equal(printed.output.trimEnd().split("\n").length, 2);
});

test("mint refuses what nobody could open, and data that is no table", async () => {
  const rows: [args: string[], error: RegExp][] = [
    [[], /expected a secret or ikm/],
    [["--secret", "s", "--data", "{"], /--data expects JSON/],
    [["--secret", "s", "--data", "1"], /invalid session data/],
    [["--secret", "s", "--data", "null"], /invalid session data/],
    [
      ["--secret", "s", "--compression-threshold=0", "--data", JSON.stringify(["x".repeat(40_000)])],
      /cookie size limit exceeded/,
    ],
    [["--secret", "s", "--storage-record", "/nowhere/x"], /\/nowhere\/x cannot be written \(ENOENT\)/],
  ];
  for (const [args, error] of rows) {
    const { code, output, errors } = await runWith(["session", "mint", ...args]);
    assert.equal(code, 1, args.join(" "));
    assert.equal(output, "");
    assert.match(errors.join("\n"), error);
  }
});

test("with --jsonl each line is answered in its place", async () => {
  const lines = [
    JSON.stringify({ cookie: COOKIE, now: NOW, options: { secret: SECRET } }),
    JSON.stringify({ cookie: COOKIE, now: NOW, options: { ikm_hex: IKM, ikm_fallbacks_hex: [IKM] } }),
    JSON.stringify({ cookie: ["a=1", COOKIE], now: NOW + 901 }),
    JSON.stringify({ cookie: COOKIE, now: NOW, options: { secret: SECRET, idling_timeout: null, storage: "cookie" } }),
    JSON.stringify({ cookie: COOKIE, now: NOW, options: { secret: SECRET }, record: '["x"]' }),
    JSON.stringify({ cookie: COOKIE, options: { secret: SECRET, idling_timeout: "x" } }),
    JSON.stringify({ cookie: COOKIE, options: { ikm_hex: "5ec7e7" } }),
    JSON.stringify({ cookie: 1 }),
    JSON.stringify({ cookie: COOKIE, now: "x" }),
    JSON.stringify({ cookie: COOKIE, request: [] }),
    JSON.stringify({ options: { secret: "s" }, now: 1, extra: "\u2028" }).replace("\\u2028", "\u2028"),
    "[]",
    "null",
  ];
  const { code, output } = await runWith(
    ["session", "inspect", "--jsonl", "--secret", "of the command line"],
    lines.join("\n"),
  );
  assert.equal(code, 0);
  const answers = output
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    answers.map(({ reason, error }) => reason ?? error ?? null),
    [
      null,
      null,
      "session_idling_timeout_exceeded",
      null,
      "invalid_session_flags",
      "idling_timeout must be a whole number of seconds, 0 or more",
      "ikm_hex expects 32 bytes, written as 64 hexadecimal digits",
      "cookie: expected text",
      "now: expected a number, seconds since the epoch",
      "request: expected an object",
      "missing_session_cookie",
      "expected an object",
      "expected an object",
    ],
  );
});

test("with --jsonl a line that is not JSON keeps its place and makes the exit code 1", async () => {
  const { code, output } = await runWith(
    ["session", "inspect", "--jsonl"],
    `{"cookie":"a=1"}\n{oops\n{"cookie":"b=1"}\n`,
  );
  assert.equal(code, 1);
  assert.deepEqual(
    output
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line).error ?? JSON.parse(line).reason),
    ["missing_session_cookie", "the line is not JSON", "missing_session_cookie"],
  );
  assert.deepEqual(await runWith(["session", "inspect", "--jsonl"], ""), { code: 0, output: "", errors: [] });
});

test("mint and inspect understand each other line by line", async () => {
  const cases = [
    { data: { a: 1 }, subject: "alice", now: 1000 },
    { data: [1], now: 1000, options: { storage: "redis" } },
    { now: 1000, remember: true, options: { storage: "redis", remember_safety: "Low" } },
    { data: "text", now: 1000 },
  ];
  const minted = await runWith(
    ["session", "mint", "--jsonl", "--secret", "s"],
    cases.map((line) => JSON.stringify(line)).join("\n"),
  );
  const [plain, stored, remembered, refused] = minted.output
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.equal(refused.error, "invalid session data");
  assert.deepEqual(Object.keys(plain), ["set_cookie"]);
  assert.deepEqual(Object.keys(remembered), ["set_cookie", "record", "remember_record"]);
  const lines = [plain, stored, remembered].map(({ set_cookie, record }) =>
    JSON.stringify({ cookie: set_cookie.map((text: string) => text.split(";")[0]).join("; "), now: 1000, record }),
  );
  const { output } = await runWith(["session", "inspect", "--jsonl", "--secret", "s"], lines.join("\n"));
  const answers = output
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    answers.map(({ valid, data, subject }) => [valid, data, subject]),
    [
      [true, { a: 1 }, "alice"],
      [true, [1], null],
      [true, {}, null],
    ],
  );
});

interface VectorRequest {
  readonly now: number;
  readonly config?: Record<string, unknown>;
  readonly request_headers?: Record<string, string | string[]>;
  readonly steps: readonly { readonly op: string }[];
  readonly response: { readonly results: readonly { readonly err?: string }[] };
}

test("inspect judges every stateless vector of lua-resty-session 4.1.5 as the library did", async () => {
  const path = new URL("../../test/vectors/v4.json", import.meta.url);
  const { vectors } = JSON.parse(readFileSync(path, "utf8")) as {
    vectors: {
      readonly id: string;
      readonly config: Record<string, unknown>;
      readonly requests: readonly VectorRequest[];
    }[];
  };
  const cases = vectors.flatMap(({ id, config, requests }) =>
    requests.map((request) => ({ id, ...request, config: request.config ?? config })),
  );
  const stateless = cases.filter(
    ({ config, steps, request_headers }) => steps[0]?.op === "open" && !config.storage && request_headers,
  );
  const lines = stateless.map(({ now, config, request_headers = {} }) =>
    JSON.stringify({
      cookie: request_headers.Cookie,
      now,
      options: { ...config, compatibility: "strict" },
      request: { remote_address: "127.0.0.1", scheme: "http", user_agent: request_headers["User-Agent"] },
    }),
  );
  const { code, output } = await runWith(["session", "inspect", "--jsonl"], lines.join("\n"));
  assert.equal(code, 0);
  const answers = output.trimEnd().split("\n");
  assert.ok(stateless.length > 150, `${stateless.length} vectors`);
  assert.equal(answers.length, stateless.length);
  for (const [index, { id, response }] of stateless.entries()) {
    const { valid, reason } = JSON.parse(answers[index] ?? "");
    const expected = response.results[0]?.err?.replace(/ \(.*\)$/s, "").replaceAll(" ", "_") ?? null;
    assert.deepEqual({ id, valid, reason }, { id, valid: expected === null, reason: expected });
  }
});
