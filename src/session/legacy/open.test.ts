import assert from "node:assert/strict";
import { test } from "node:test";
import { mint } from "../../../test/vectors/legacy-mint.ts";
import type { LegacyConfig } from "../../../test/vectors/legacy-vectors.ts";
import { createSessions } from "../sessions.ts";
import type { SetCookie } from "../set-cookie.ts";
import type { SessionParts } from "../settings.ts";
import type { SessionStorage } from "../storage.ts";
import { memoryStorage } from "../storages/memory.ts";

const NOW = 1_900_000_000;
const older = { secret: "an older secret" } as const;
const session = {
  release: 3,
  id: Buffer.alloc(16, "id"),
  expires: NOW + 600,
  plaintext: '{"user":"alice"}',
  bound: "agenthttp",
} as const;
const visitor = { userAgent: "agent", scheme: "http", remoteAddress: "10.0.0.1" };

type Minted = Partial<Omit<typeof session, "release">> & { readonly release?: 2 | 3; readonly usebefore?: number };

const minted = (config: LegacyConfig = older, changes: Minted = {}) =>
  mint(config, { ...session, ...changes } as never);
const cookieOf = (config?: LegacyConfig, changes?: Minted) => minted(config, changes).cookies.join("; ");
const textsOf = (cookies: readonly SetCookie[]) =>
  cookies.map(({ text }) => text.replace(/=[A-Za-z0-9_-]{110,};/, "=...;"));

function sessionsWith(legacy: object = older, options: object = {}, parts: SessionParts = {}) {
  const sessions = createSessions({ secret: "s", ...options, legacy: legacy as typeof older }, parts);
  const open = (cookie: string, now = NOW, visit: object = visitor) => sessions.open({ ...visit, cookie }, now);
  return { sessions, open };
}

const configs: readonly LegacyConfig[] = [
  ...(["cbc", "ecb", "cfb1", "cfb8", "cfb128", "ofb", "ctr", "gcm"] as const).flatMap((mode) =>
    ([128, 192, 256] as const).map((size) => ({ ...older, aes: { mode, size } })),
  ),
  ...(["md5", "sha1", "sha224", "sha256", "sha384", "sha512"] as const).map((hash) => ({
    ...older,
    aes: { hash, rounds: 3 },
  })),
  { ...older, cipher: "none" },
  { ...older, compressor: "zlib" },
  { ...older, encoder: "base16" },
  { ...older, strategy: "regenerate" },
];
for (const config of configs) {
  test(`a session of ${JSON.stringify(config)} opens, and no other with a bit turned`, async () => {
    const { open } = sessionsWith(config);
    for (const release of [2, 3] as const) {
      const cookie = cookieOf(config, { release });
      const opened = await open(cookie);
      assert.deepEqual([opened.reason, opened.isLegacy, opened.data], [undefined, true, { user: "alice" }]);
      const parts = cookie.slice("session=".length).split("|");
      for (const [at, part] of parts.entries()) {
        if (at === 1) continue;
        const encoding = config.encoder ? "hex" : "base64url";
        const bytes = Buffer.from(part, encoding);
        for (let byte = 0; byte < bytes.length; byte++) {
          bytes[byte]! ^= 1;
          const damaged = `session=${parts.with(at, bytes.toString(encoding)).join("|")}`;
          assert.equal((await open(damaged)).reason, "invalid_session_message_authentication_code");
          bytes[byte]! ^= 1;
        }
      }
    }
  });
}

test("who forges is not told whether it was padding or signature that did not fit", async () => {
  const { open } = sessionsWith();
  const [id, expires, , hash] = cookieOf().split("|");
  const reasons = new Set<string | undefined>();
  for (const data of ["", "AA", "A".repeat(22), "A".repeat(43), "_".repeat(43), "B".repeat(86)]) {
    reasons.add((await open([id, expires, data, hash].join("|"))).reason);
  }
  for (let byte = 0; byte < 256; byte++) {
    const data = Buffer.from(cookieOf().split("|")[2]!, "base64url");
    data[data.length - 17] = byte;
    const { reason } = await open([id, expires, data.toString("base64url"), hash].join("|"));
    if (reason) reasons.add(reason);
  }
  assert.deepEqual([...reasons], ["invalid_session_message_authentication_code"]);
});

test("digits of the id cannot be pushed into the expiry to make it later", async () => {
  const id = Buffer.from(`${"x".repeat(15)}9`);
  const cookie = cookieOf(older, { id });
  const { open } = sessionsWith();
  assert.equal((await open(cookie)).isOpen, true);
  const [, ...rest] = cookie.split("|");
  const pushed = `session=${id.subarray(0, 15).toString("base64url")}|9${rest.join("|")}`;
  assert.equal((await open(pushed)).reason, "invalid_session_id");
  assert.equal((await sessionsWith({ ...older, random: { length: 15 } }).open(pushed)).isOpen, true, "as of old");
});

test("a cookie is bound to what the older release bound it to", async () => {
  const rows: readonly (readonly [check: object, bound: string, visit: object, opens: boolean])[] = [
    [{}, "agenthttp", visitor, true],
    [{}, "agenthttp", { ...visitor, userAgent: "other" }, false],
    [{}, "agenthttp", { ...visitor, scheme: "https" }, false],
    [{}, "agenthttp", { ...visitor, remoteAddress: "10.9.9.9" }, true],
    [{}, "http", { scheme: "http" }, true],
    [{}, "\xe9\xffhttp", { scheme: "http", userAgent: "\xe9\xff" }, true],
    [{}, "\xe9http", { scheme: "http", userAgent: "\u01e9" }, false],
    [{ addr: true }, "agent10.0.0.1http", visitor, true],
    [{ addr: true }, "agent10.0.0.1http", { ...visitor, remoteAddress: "10.9.9.9" }, false],
    [{ ua: false, scheme: false }, "", { userAgent: "other" }, true],
  ];
  for (const [check, bound, visit, opens] of rows) {
    const { open } = sessionsWith({ ...older, check });
    assert.equal((await open(cookieOf(older, { bound } as never), NOW, visit)).isOpen, opens, JSON.stringify(visit));
  }
});

test("a session lives up to its expiry, and to its idle time", async () => {
  const { open } = sessionsWith();
  assert.equal((await open(cookieOf(), NOW + 599)).isOpen, true);
  assert.equal((await open(cookieOf(), NOW + 600)).reason, "session_rolling_timeout_exceeded");
  const idle = cookieOf(older, { usebefore: NOW + 60 });
  assert.equal((await open(idle, NOW + 59)).isOpen, true);
  assert.equal((await open(idle, NOW + 60)).reason, "session_idling_timeout_exceeded");
  assert.equal((await open(idle.replace(/:\d+/, `:${NOW + 90}`), NOW + 60)).isOpen, false);
});

test("data that is no table is an empty one, and text that is no JSON is refused", async () => {
  const { open } = sessionsWith();
  const rows: readonly (readonly [plaintext: string, data: unknown])[] = [
    ["null", {}],
    ["5", {}],
    ['["a"]', ["a"]],
  ];
  for (const [plaintext, data] of rows)
    assert.deepEqual((await open(cookieOf(older, { plaintext } as never))).data, data);
  const none = await open(cookieOf(older, { plaintext: "{" } as never));
  assert.equal(none.reason, "unable_to_json_decode_session_data");
  const zlib = { ...older, compressor: "zlib" } as const;
  assert.equal((await sessionsWith(zlib).open(cookieOf(older))).reason, "unable_to_inflate_session_data");
});

test("a cookie of today's is no older one, whatever keeps it from opening", async () => {
  const { sessions, open } = sessionsWith();
  const made = sessions.create({});
  const cookie = (await made.save(NOW))[0]!.text.split(";", 1)[0]!;
  assert.deepEqual([(await open(cookie)).isOpen, (await open(cookie)).isLegacy], [true, false]);
  assert.equal((await open(cookie, NOW + 3601)).reason, "session_rolling_timeout_exceeded");
  assert.equal((await open(cookie.slice(0, 100))).reason, "invalid_session_header");
  assert.equal((await open(`${cookie}${"A".repeat(4000)}`, NOW + 3601)).reason, "session_rolling_timeout_exceeded");
  assert.equal((await open("x=y")).reason, "missing_session_cookie");
});

test("save, touch, refresh and info issue a cookie of today's, and clear away further ones", async () => {
  const plaintext = JSON.stringify({ text: "x".repeat(200) });
  const legacy = { ...older, cookie: { maxsize: 100 } };
  const cookie = cookieOf(legacy, { plaintext } as never);
  const expired = [2, 3, 4].map(
    (number) => `session_${number}=; Path=/; SameSite=Lax; HttpOnly; Expires=Thu, 01 Jan 1970 00:00:01 GMT; Max-Age=0`,
  );
  const { open } = sessionsWith(legacy);
  for (const operation of ["save", "touch", "refresh", "info"] as const) {
    const opened = await open(cookie);
    assert.deepEqual([opened.id, opened.header, opened.timeouts, opened.quietUntil], Array(4).fill(undefined));
    if (operation === "info") opened.info.set("seen", 1);
    const done = await (operation === "info" ? opened.info.save(NOW) : opened[operation](NOW));
    const texts = textsOf("cookies" in done ? done.cookies : done);
    assert.deepEqual(texts, ["session=...; Path=/; SameSite=Lax; HttpOnly", ...expired], operation);
    assert.equal(opened.isLegacy, false);
    assert.equal(opened.header!.created_at, NOW);
    assert.equal((await opened.refresh(NOW + 1)).action, "nothing");
  }
});

test("an older cookie of another name gives way too", async () => {
  const legacy = { ...older, name: "old" };
  const { sessions, open } = sessionsWith(legacy, { cookie_path: "/app" });
  const opened = await open(cookieOf(legacy));
  const cookies = await opened.save(NOW);
  assert.deepEqual(textsOf(cookies), [
    "session=...; Path=/app; SameSite=Lax; HttpOnly",
    "old=; Path=/app; SameSite=Lax; HttpOnly; Expires=Thu, 01 Jan 1970 00:00:01 GMT; Max-Age=0",
  ]);
  const both = `${cookies[0]!.text.split(";", 1)[0]}; ${cookieOf(legacy, { plaintext: "{}" } as never)}`;
  const again = await sessions.open({ ...visitor, cookie: both }, NOW);
  assert.deepEqual([again.isLegacy, again.data], [false, { user: "alice" }]);
});

test("another application's part of today's cookie stays beside the older session", async () => {
  const legacy = { ...older, name: "old" };
  const other = createSessions({ secret: "s", audience: "other" }).create({});
  other.data = { kept: true };
  const theirs = (await other.save(NOW))[0]!.text.split(";", 1)[0]!;
  const opened = await sessionsWith(legacy).open(`${theirs}; ${cookieOf(legacy)}`);
  assert.deepEqual(
    opened.entries.map(({ audience, data }) => [audience, data]),
    [
      ["other", { kept: true }],
      ["default", { user: "alice" }],
    ],
  );
  assert.deepEqual(
    (await opened.logout(NOW)).map(({ name }) => name),
    ["session", "old"],
  );
  const { reason } = await sessionsWith(legacy, { remember: true }).open(`${theirs}; ${cookieOf(legacy)}x`);
  assert.equal(reason, "missing_session_audience");
});

test("logout and destroy end the older session with all its cookies and its record", async () => {
  const plaintext = JSON.stringify({ text: "x".repeat(100) });
  const legacy = { ...older, cookie: { maxsize: 150 } };
  for (const operation of ["logout", "destroy"] as const) {
    const opened = await sessionsWith(legacy).open(cookieOf(legacy, { plaintext } as never));
    const names = (await opened[operation](NOW)).map(({ name }) => name);
    assert.deepEqual(names, ["session", "session_2"]);
    assert.equal(opened.state, "closed");

    const stored = recorded();
    const ending = await stored.open(stored.cookie);
    assert.equal((await ending[operation](NOW)).length, 1);
    assert.equal(stored.records.get("sessions", stored.key, NOW), undefined);
  }
});

test("the older cookies are kept from the upstream", async () => {
  const opened = await sessionsWith().open(cookieOf());
  const header = `a=1; ${cookieOf()}; session_2=x; sessions=1`;
  assert.equal(opened.clearRequestCookie(header), "a=1; sessions=1");
  await opened.save(NOW);
  assert.equal(opened.clearRequestCookie(header), "a=1; sessions=1");
});

test("a remembered visitor's older session is remembered when it is issued anew", async () => {
  const { open } = sessionsWith(older, { remember: true, remember_safety: "None" });
  const { cookies } = await (await open(cookieOf())).refresh(NOW);
  assert.deepEqual(
    cookies.map(({ name }) => name),
    ["session", "remember"],
  );
});

/** A session whose data is in a record, one character for each byte. */
function recorded(options: object = {}, parts: { legacyStorage?: SessionStorage } = {}) {
  const legacy = { ...older, storage: "redis", strategy: "regenerate" } as const;
  const records = memoryStorage();
  const { cookies, idText, ciphertext } = minted(legacy);
  records.set("sessions", idText, ciphertext.toString("latin1"), { now: NOW, ttl: 600 });
  const { open } = sessionsWith(legacy, options, { storage: memoryStorage(), legacyStorage: records, ...parts });
  return { open, records, key: idText, cookie: cookies[0]! };
}

test("an older record lives for stale_ttl once the session has a new one", async () => {
  const { open, records, key, cookie } = recorded();
  const opened = await open(cookie);
  assert.deepEqual(opened.data, { user: "alice" });
  await opened.refresh(NOW);
  assert.equal((await open(cookie, NOW + 10)).isOpen, true);
  assert.equal(records.get("sessions", key, NOW + 11), undefined);
  assert.equal((await open(cookie, NOW + 11)).reason, "unable_to_load_session");

  const usedAgain = recorded();
  for (const now of [NOW, NOW + 9]) await (await usedAgain.open(usedAgain.cookie, now)).refresh(now);
  assert.equal((await usedAgain.open(usedAgain.cookie, NOW + 11)).isOpen, false, "however often it is used");

  const nearEnd = recorded();
  await (await nearEnd.open(nearEnd.cookie, NOW + 595)).refresh(NOW + 595);
  assert.equal(nearEnd.records.get("sessions", nearEnd.key, NOW + 601), undefined, "never longer than it would have");

  const atOnce = recorded({ stale_ttl: 0 });
  await (await atOnce.open(atOnce.cookie)).refresh(NOW);
  assert.equal((await atOnce.open(atOnce.cookie, NOW + 1)).reason, "unable_to_load_session");
});

test("records of Kong's database are text, and give way to the new ones there", async () => {
  const legacy = { ...older, storage: "kong", strategy: "regenerate" } as const;
  const { cookies, idText, ciphertext } = minted(legacy);
  const storage = memoryStorage();
  storage.set("session", idText, ciphertext.toString("base64url"), { now: NOW, ttl: 600 });
  const { open } = sessionsWith(legacy, {}, { storage });
  const opened = await open(cookies[0]!);
  assert.deepEqual(opened.data, { user: "alice" });
  await opened.refresh(NOW);
  assert.ok(storage.get("session", opened.id!, NOW + 3600));
  assert.ok(storage.get("session", idText, NOW + 10));
  assert.equal(storage.get("session", idText, NOW + 11), undefined);
  storage.set("session", idText, "***", { now: NOW, ttl: 600 });
  assert.equal((await open(cookies[0]!)).reason, "unable_to_base64url_decode_session_data");
});

test("a storage that is out of order says nothing about the visitor", async () => {
  const cause = new Error("connection refused");
  const fail = () => Promise.reject(cause);
  const down = { get: fail, set: fail, delete: fail };
  const refused = recorded({}, { legacyStorage: down });
  const opened = await refused.open(refused.cookie);
  assert.deepEqual([opened.reason, opened.cause], ["storage_unavailable", cause]);

  const { records, key, cookie } = recorded();
  const readable = { ...records, set: fail, delete: fail };
  const reads = recorded({}, { legacyStorage: { ...readable, get: () => records.get("sessions", key, NOW) } });
  const issued = await reads.open(cookie);
  assert.equal((await issued.refresh(NOW)).action, "saved", "the new session counts");
  assert.equal(issued.cause, cause);
  await assert.rejects(async () => (await reads.open(cookie)).destroy(NOW), { code: "ERR_SESSION_STORAGE", cause });
});
