import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type AbsoluteRule,
  absoluteRefusal,
  idlingRefusal,
  recordTtl,
  refreshNeed,
  remainingTtl,
  rollingRefusal,
  timeLeft,
} from "./timeouts.ts";

const session = { absolute: 86_400, rolling: 3600, idling: 900, remember: false };
const remember = { absolute: 2_592_000, rolling: 604_800, idling: 0, remember: true };
const off = { absolute: 0, rolling: 0, idling: 0, remember: false };

test("a clock allows as much as it says, and not a second more", () => {
  assert.equal(absoluteRefusal(session, 86_400), undefined);
  assert.equal(absoluteRefusal(session, 86_401), "session_absolute_timeout_exceeded");
  assert.equal(absoluteRefusal(remember, 2_592_001), "session_remember_absolute_timeout_exceeded");
  assert.equal(rollingRefusal(session, 3600), undefined);
  assert.equal(rollingRefusal(session, 3601), "session_rolling_timeout_exceeded");
  assert.equal(rollingRefusal(remember, 604_801), "session_remember_rolling_timeout_exceeded");
  assert.equal(idlingRefusal(session, 1000, 100), undefined);
  assert.equal(idlingRefusal(session, 1001, 100), "session_idling_timeout_exceeded");
});

test("a remember cookie has no idling offset", () => {
  assert.equal(idlingRefusal(remember, 500_000, 0), undefined);
  assert.equal(idlingRefusal(remember, 0, 1), "invalid_session_idling_offset");
});

test("with all clocks off only the lifetime a header can express ends a session", () => {
  assert.equal(absoluteRefusal(off, 2 ** 32 - 1), undefined);
  assert.equal(absoluteRefusal(off, 2 ** 32), "session_lifetime_exceeded");
  assert.equal(rollingRefusal(off, 2 ** 32), undefined);
  assert.equal(idlingRefusal(off, 2 ** 32, 0), undefined);
});

test("times in the future are accepted", () => {
  assert.equal(absoluteRefusal(session, -100), undefined);
  assert.equal(rollingRefusal(session, -100), undefined);
  assert.equal(idlingRefusal(session, -100, 0), undefined);
});

const needs: readonly (readonly [elapsed: number, idlingOffset: number, need: string])[] = [
  [0, 0, "nothing"],
  [60, 0, "nothing"],
  [61, 0, "touch"],
  [121, 61, "nothing"],
  [122, 61, "touch"],
  [2700, 2700, "nothing"],
  [2700, 0, "touch"],
  [2701, 2700, "save"],
];
for (const [elapsed, idlingOffset, need] of needs) {
  test(`a refresh ${elapsed} s after the save, touched at ${idlingOffset} s: ${need}`, () => {
    assert.equal(refreshNeed(session, elapsed, idlingOffset, 60), need);
  });
}

test("three quarters of the rolling timeout are rounded up", () => {
  const ten = { ...off, rolling: 10 };
  assert.equal(refreshNeed(ten, 8, 0, 60), "nothing");
  assert.equal(refreshNeed(ten, 9, 0, 60), "save");
});

test("what is left of the clocks, the least of them first", () => {
  const times = { created_at: 1000, rolling_offset: 100, idling_offset: 50 };
  assert.deepEqual(timeLeft(session, times, 1200), { idling: 850, rolling: 3500, absolute: 86_200, remaining: 850 });
  const none = { idling: undefined, rolling: undefined, absolute: undefined, remaining: undefined };
  assert.deepEqual(timeLeft(off, times, 1200), none);
});

const ttls: readonly (readonly [timeouts: Partial<typeof session>, age: number, rule: AbsoluteRule, ttl: number])[] = [
  [{}, 0, "less_age", 3600],
  [{ absolute: 600 }, 0, "less_age", 600],
  [{ absolute: 600 }, 100, "less_age", 500],
  [{ absolute: 600 }, 100, "plus_age", 700],
  [{ absolute: 600 }, 100, "ignored", 3600],
  [{ absolute: 600 }, 601, "less_age", 1],
  [{ rolling: 0 }, 0, "less_age", 86_400],
  [{ rolling: 0, absolute: 0 }, 0, "plus_age", 34_560_000],
  [{ rolling: 99_000_000, absolute: 99_000_000 }, 0, "less_age", 34_560_000],
];
for (const [timeouts, age, rule, ttl] of ttls) {
  test(`a record of ${JSON.stringify(timeouts)} saved at age ${age} (${rule}) is kept ${ttl} s`, () => {
    assert.equal(recordTtl({ ...session, ...timeouts }, age, rule), ttl);
  });
}

test("a record rewritten in place keeps the rest of its life", () => {
  assert.equal(remainingTtl(session, 150, 50), 3550);
  assert.equal(remainingTtl({ ...session, absolute: 600 }, 150, 50), 450);
  assert.equal(remainingTtl({ ...session, absolute: 600 }, 700, 50), 1);
});
