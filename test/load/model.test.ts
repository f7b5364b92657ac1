import assert from "node:assert/strict";
import { test } from "node:test";
import { createSessions } from "../../src/session/index.ts";
import { type Cookie, type End, GRACE_MS, Model, nowMs, readCookie } from "./model.ts";

const clocks = { rolling: 8, idling: 5 };

/** A cookie of a login so many seconds ago, in the middle of a second. */
async function cookieOf(agoSeconds = 0, label = "1"): Promise<Cookie> {
  const session = createSessions({ secret: "s" }).create({});
  const [cookie] = await session.save(Math.floor(nowMs() / 1000) - agoSeconds);
  const login = { label, consumer: "fiona", credential: "k", history: [] };
  return readCookie(cookie!.text.split(";")[0]!, login)!;
}

const done = (model: Model, end: End, answeredMs: number) => {
  model.ended(end);
  end.answeredMs = answeredMs;
};

test("a living session has to be recognised, as who logged in", async () => {
  const model = new Model(clocks);
  const cookie = await cookieOf();
  const now = nowMs();
  assert.equal(model.judge(cookie, now, now + 1, "fiona"), undefined);
  assert.equal(model.judge(cookie, now, now + 1, undefined), "a living session was lost");
  assert.equal(model.judge(cookie, now, now + 1, "dave"), "taken for dave");
});

const keys = (cookie: Cookie) => [
  `session ${cookie.session}`,
  `login ${cookie.login.label}`,
  "credential k",
  "consumer fiona",
  "all",
];

test("whatever ends a session may be noticed from its request on, and must be after its grace", async () => {
  const cookie = await cookieOf();
  for (const key of keys(cookie)) {
    const model = new Model(clocks);
    const before = nowMs();
    const end = model.end("an end", key);
    const { sentMs } = end;
    const judge = (ms: number, consumer?: string) => model.judge(cookie, ms, ms + 1, consumer);
    assert.equal(judge(before - 5, undefined), "a living session was lost", key);
    for (const seen of [undefined, "fiona"]) assert.equal(judge(sentMs + 1, seen), undefined, "while it is under way");
    assert.equal(judge(sentMs + 900, "fiona"), undefined, "it may never have been done");
    done(model, end, sentMs + 50);
    for (const seen of [undefined, "fiona"]) assert.equal(judge(sentMs + 50 + GRACE_MS, seen), undefined);
    assert.equal(judge(sentMs + 51 + GRACE_MS, undefined), undefined);
    assert.match(judge(sentMs + 51 + GRACE_MS, "fiona")!, /^recognised 101.0 ms after "an end" was answered$/);
    assert.ok(Math.abs(model.noticedMs.get("an end")! - GRACE_MS - 1) < 0.01);
  }
});

test("what ends another session, credential or consumer ends nothing here", async () => {
  const cookie = await cookieOf();
  const model = new Model(clocks);
  for (const key of ["session x", "login 2", "credential x", "consumer dave"]) model.ended(model.end("an end", key));
  const now = nowMs() + 500;
  assert.equal(model.judge(cookie, now, now, undefined), "a living session was lost");
  assert.equal(model.judge(cookie, now, now, "fiona"), undefined);
});

test("what ends logins up to a time spares those that come later", async () => {
  const now = nowMs();
  const second = Math.floor(now / 1000);
  const [older, newer] = [await cookieOf(3), await cookieOf(0)];
  const model = new Model(clocks);
  done(model, model.end("a cut", "all", second - 1), now);
  const late = now + GRACE_MS + 1;
  assert.match(model.judge(older, late, late, "fiona")!, /^recognised/);
  assert.equal(model.judge(older, late, late, undefined), undefined);
  assert.equal(model.judge(newer, late, late, undefined), "a living session was lost");
  assert.equal(model.judge(newer, late, late, "fiona"), undefined);
});

test("a session must end by its own clocks, and not before", async () => {
  const cookie = await cookieOf(0);
  const model = new Model(clocks);
  const judge = (second: number, consumer?: string) => {
    const ms = (cookie.savedAt + second) * 1000 + 500;
    return model.judge(cookie, ms, ms, consumer);
  };
  assert.equal(judge(4, undefined), "a living session was lost");
  for (const seen of [undefined, "fiona"]) assert.equal(judge(5, seen), undefined);
  assert.match(judge(6, "fiona")!, /^recognised 500 ms after its time$/);
  assert.equal(judge(6, undefined), undefined);
});

test("a credential lets in from a moment after it was made until it is deleted", () => {
  const model = new Model(clocks);
  const madeMs = nowMs() - 1000;
  const credential = { id: "k", consumer: "fiona", madeMs };
  const judge = (ms: number, consumer?: string) => model.judgeLogin(credential, ms, ms + 1, consumer);
  assert.equal(judge(madeMs + 50, undefined), undefined);
  assert.equal(judge(madeMs + 50, "fiona"), undefined);
  assert.equal(judge(madeMs + GRACE_MS, undefined), "a living credential was refused");
  assert.equal(judge(madeMs + GRACE_MS, "dave"), "taken for dave");
  const end = model.end("its deletion", "credential k");
  done(model, end, end.sentMs);
  assert.equal(judge(end.sentMs + 1, undefined), undefined);
  assert.match(judge(end.sentMs + GRACE_MS + 1, "fiona")!, /^recognised/);
});
