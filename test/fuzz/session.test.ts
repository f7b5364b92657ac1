import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  createSessions,
  inspectHeader,
  memoryStorage,
  reasons,
  type Session,
  type SetCookie,
} from "../../src/session/index.ts";

// `npm test` takes the default; a longer run sets FUZZ_RUNS.
const numRuns = Number(process.env.FUZZ_RUNS ?? 5_000);

const NOW = 1_900_000_000;
const storage = memoryStorage();
const options = { secret: "fuzz", remember: true, remember_safety: "None", compression_threshold: 200 } as const;
const sessions = createSessions(options);
const stored = createSessions(options, { storage });

/** Cookies of real sessions: one small, one of several chunks, one with a record. */
const seeds: readonly string[] = [sessions, sessions, stored].map((made, at) => {
  const session = made.create({});
  session.data = { text: at === 1 ? [...Array(3_000).keys()].map((n) => (n * 7919).toString(36)) : "alice" };
  const cookies = session.save(NOW) as readonly SetCookie[];
  return cookies.map(({ text }) => text.split(";")[0]).join("; ");
});

/** Text in which a few characters of a real cookie were changed, dropped or doubled. */
const damaged = fc
  .tuple(
    fc.constantFrom(...seeds),
    fc.array(fc.tuple(fc.nat(), fc.nat(3), fc.string({ maxLength: 3, unit: "binary" })), { maxLength: 4 }),
  )
  .map(([seed, changes]) =>
    changes.reduce((text, [place, removed, added]) => {
      const at = place % (text.length + 1);
      return text.slice(0, at) + added + text.slice(at + removed);
    }, seed),
  );

const base64url = fc.string({ unit: fc.constantFrom(...'ABCXYZabcxyz0189-_=+/ "'), maxLength: 300 });
const value = fc.oneof(
  fc.string({ unit: "binary", maxLength: 200 }),
  base64url,
  fc.uint8Array({ minLength: 82, maxLength: 120 }).map((bytes) => Buffer.from(bytes).toString("base64url")),
  // A header that gets past type and flags.
  fc.uint8Array({ minLength: 79, maxLength: 90 }).map((bytes) => `AQAA${Buffer.from(bytes).toString("base64url")}`),
);
const pair = fc
  .tuple(
    fc.constantFrom("session", "SESSION", "session2", "session9", "remember", "x", ""),
    fc.constantFrom("=", " = ", ""),
    value,
  )
  .map((parts) => parts.join(""));
const header = fc.oneof(
  damaged,
  fc.array(pair, { maxLength: 6 }).map((pairs) => pairs.join("; ")),
  fc.string({ unit: "binary" }),
);
const cookie = fc.oneof(header, fc.array(header, { maxLength: 3 }));
const time = fc.oneof(fc.constant(NOW), fc.integer({ min: 0, max: 2 ** 41 }));

/** A session that is what `open` promises: open without a reason, or new with one of the table. */
function checkOpened(session: Session): void {
  if (session.isOpen) assert.equal(session.reason, undefined);
  else assert.ok(Object.hasOwn(reasons, session.reason!), String(session.reason));
  assert.equal(typeof session.data, "object");
  session.property("timeout");
}

test("whatever cookie text comes, a session opens or has its reason", async () => {
  await fc.assert(
    fc.asyncProperty(cookie, time, fc.boolean(), async (text, now, withStorage) => {
      const session = await (withStorage ? stored : sessions).open({ cookie: text }, now);
      checkOpened(session);
      if (typeof text === "string" && session.isOpen) session.clearRequestCookie(text);
    }),
    { numRuns },
  );
});

test("whatever text is taken for a header, it is shown or has its reason", () => {
  fc.assert(
    fc.property(fc.oneof(value, header), (text) => {
      const shown = inspectHeader(text);
      if ("reason" in shown) assert.ok(Object.hasOwn(reasons, shown.reason));
      else assert.equal(shown.header.type, 1);
      sessions.inspect({ cookie: text });
    }),
    { numRuns },
  );
});

test("whatever a storage answers, a session opens or has its reason", async () => {
  const record = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.json(),
    fc.array(fc.oneof(base64url, fc.jsonValue()), { maxLength: 3 }).map((list) => JSON.stringify(list)),
  );
  await fc.assert(
    fc.asyncProperty(record, async (text) => {
      const answering = { get: () => text, set: () => {}, delete: () => {} };
      const session = await createSessions(options, { storage: answering }).open({ cookie: seeds[2]! }, NOW);
      checkOpened(session);
      assert.equal(session.isOpen, false);
    }),
    { numRuns: Math.ceil(numRuns / 4) },
  );
});

test("whatever data is saved, the same data is opened", async () => {
  const data = fc.oneof(fc.dictionary(fc.string(), fc.jsonValue()), fc.array(fc.jsonValue()));
  await fc.assert(
    fc.asyncProperty(data, fc.boolean(), async (saved, withStorage) => {
      const made = withStorage ? stored : sessions;
      const session = made.create({});
      session.data = saved as never;
      const cookies = await session.save(NOW);
      const opened = await made.open({ cookie: cookies.map(({ text }) => text.split(";")[0]!) }, NOW);
      assert.deepEqual(JSON.stringify(opened.data), JSON.stringify(saved));
    }),
    { numRuns: Math.ceil(numRuns / 4) },
  );
});
