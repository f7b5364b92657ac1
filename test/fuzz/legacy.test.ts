import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createSessions, type LegacyOptions, memoryStorage, reasons, type Session } from "../../src/session/index.ts";
import { mint } from "../vectors/legacy-mint.ts";
import type { LegacyConfig } from "../vectors/legacy-vectors.ts";

// `npm test` takes the default; a longer run sets FUZZ_RUNS.
const numRuns = Number(process.env.FUZZ_RUNS ?? 5_000);

const NOW = 1_900_000_000;
const visit = { userAgent: "agent", scheme: "http", remoteAddress: "10.0.0.1" };
const plain: LegacyOptions & LegacyConfig = { secret: "fuzz", cookie: { maxsize: 100 } };

/** Every way in which bytes of a visitor are handled otherwise. */
const configs: readonly (LegacyOptions & LegacyConfig)[] = [
  plain,
  { ...plain, aes: { mode: "gcm" } },
  { ...plain, aes: { mode: "ecb", size: 128, hash: "md5" } },
  { ...plain, aes: { mode: "ctr" }, encoder: "hex" },
  { ...plain, compressor: "zlib" },
  { ...plain, cipher: "none", strategy: "regenerate" },
];

const text = JSON.stringify({ user: "alice", list: [...Array(20).keys()] });
const cookies = configs.map((config) => {
  const session = { release: 3, id: Buffer.alloc(16, "id"), expires: NOW + 600, plaintext: text } as const;
  return mint(config, { ...session, bound: "agenthttp" }).cookies.join("; ");
});
const all = configs.map((legacy) => createSessions({ secret: "today", legacy }));

/** Text in which a few characters of a real cookie were changed, dropped or doubled. */
const damagedOf = (cookie: string) =>
  fc
    .array(fc.tuple(fc.nat(), fc.nat(3), fc.string({ maxLength: 3, unit: "binary" })), { maxLength: 4 })
    .map((changes) =>
      changes.reduce((changed, [place, removed, added]) => {
        const at = place % (changed.length + 1);
        return changed.slice(0, at) + added + changed.slice(at + removed);
      }, cookie),
    );

const part = fc.oneof(
  fc.string({ unit: "binary", maxLength: 120 }),
  fc.string({ unit: fc.constantFrom(..."ABab019-_=.:+/| "), maxLength: 120 }),
  fc.uint8Array({ maxLength: 90 }).map((bytes) => Buffer.from(bytes).toString("base64url")),
  fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes).toString("base64url")),
  fc.integer({ min: NOW - 10, max: NOW + 1e9 }).map(String),
  fc.tuple(fc.nat(), fc.nat()).map(([expires, usebefore]) => `${NOW + expires}:${NOW + usebefore}`),
);
const pair = fc
  .tuple(
    fc.constantFrom("session", "SESSION", "session_2", "session_3", "session2", "x"),
    fc.array(part, { maxLength: 6 }),
  )
  .map(([name, parts]) => `${name}=${parts.join("|")}`);
const header = fc.oneof(
  fc.constantFrom(...cookies).chain(damagedOf),
  fc.array(pair, { maxLength: 5 }).map((pairs) => pairs.join("; ")),
);
const time = fc.oneof(fc.constant(NOW), fc.integer({ min: 0, max: 2 ** 41 }));

/** A session that is what `open` promises: open without a reason, or new with one of the table. */
function checkOpened(session: Session): void {
  if (session.isOpen) assert.equal(session.reason, undefined);
  else assert.ok(Object.hasOwn(reasons, session.reason!), String(session.reason));
  assert.equal(typeof session.data, "object");
}

test("whatever older cookie comes, a session opens or has its reason", async () => {
  await fc.assert(
    fc.asyncProperty(header, time, fc.nat(all.length - 1), async (cookie, now, which) => {
      const session = await all[which]!.open({ ...visit, cookie }, now);
      checkOpened(session);
      if (!session.isOpen) return;
      session.clearRequestCookie(cookie);
      const { cookies: sent } = await session.refresh(now);
      const again = await all[which]!.open({ ...visit, cookie: sent[0]!.text.split(";", 1)[0]! }, now);
      assert.deepEqual([again.reason, again.isLegacy, again.data], [undefined, false, session.data]);
    }),
    { numRuns },
  );
});

test("a damaged cookie opens with the data that was signed, or not at all", async () => {
  for (const [which, cookie] of cookies.entries()) {
    await fc.assert(
      fc.asyncProperty(damagedOf(cookie), async (damaged) => {
        const session = await all[which]!.open({ ...visit, cookie: damaged }, NOW);
        checkOpened(session);
        if (session.isOpen) assert.deepEqual(session.data, JSON.parse(text));
      }),
      { numRuns: Math.ceil(numRuns / 10) },
    );
  }
});

test("whatever an older record holds, a session opens or has its reason", async () => {
  const record = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
    fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes).toString("base64url")),
  );
  await fc.assert(
    fc.asyncProperty(record, fc.constantFrom("redis", "kong"), async (stored, storage) => {
      const config = { ...plain, storage } as const;
      const session = { release: 3, id: Buffer.alloc(16, "id"), expires: NOW + 600, plaintext: text } as const;
      const cookie = mint(config, { ...session, bound: "agenthttp" }).cookies.join("; ");
      const answering = { get: () => stored, set: () => {}, delete: () => {} };
      const parts = { storage: memoryStorage(), legacyStorage: answering };
      const opened = await createSessions({ legacy: config }, parts).open({ ...visit, cookie }, NOW);
      checkOpened(opened);
      assert.equal(opened.isOpen, false);
    }),
    { numRuns: Math.ceil(numRuns / 4) },
  );
});
