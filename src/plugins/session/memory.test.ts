import assert from "node:assert/strict";
import { test } from "node:test";
import { createSessions, type Session } from "../../session/index.ts";
import { RecognisedVisitors } from "./memory.ts";

const owner = { consumerId: "c0000000-0000-4000-8000-000000000001", credentialId: undefined, groups: undefined };
const accused = { lineage: "0.x", since: 0, cutOffs: [] };
const standing = { consumer: { row: undefined }, credential: { row: undefined }, known: undefined, owner };
const common = { owner, standing, accused, upstreamCookie: undefined, hasCome: false };
const session: Session = createSessions({ secret: "a secret" }).create({});

test("a visitor is remembered up to the last quiet second, and then forgotten", () => {
  const visitors = new RecognisedVisitors();
  const visitor = { ...common, session, until: 1060, isStored: undefined };
  visitors.remember("session=abc", visitor);
  assert.equal(visitors.get("session=abc", 1060), visitor);
  assert.equal(visitors.get("session=abd", 1000), undefined);
  assert.equal(visitors.get("session=abc", 1061), undefined);
  assert.equal(visitors.get("session=abc", 1000), undefined, "gone for good");
});

test("a visitor whose session the storage has no more is forgotten", () => {
  const visitors = new RecognisedVisitors();
  let stored = true;
  visitors.remember("session=abc", { ...common, session, until: 2000, isStored: () => stored });
  assert.ok(visitors.get("session=abc", 1000));
  stored = false;
  assert.equal(visitors.get("session=abc", 1000), undefined);
});

test("who came again stays when the memory is full", () => {
  const visitors = new RecognisedVisitors();
  const long = "x".repeat(8 * 1024 * 1024);
  const remember = (i: number) =>
    visitors.remember(`session=${i}${long}`, { ...common, session, until: 2000, isStored: undefined });
  remember(0);
  for (let i = 1; i < 40; i++) {
    remember(i);
    assert.ok(visitors.get(`session=0${long}`, 1000), `after ${i} others`);
  }
  assert.equal(visitors.get(`session=1${long}`, 1000), undefined);
});

test("the memory is bounded by the length of what it holds", () => {
  const visitors = new RecognisedVisitors();
  const visitor = { ...common, session, until: 2000, isStored: undefined };
  const long = "x".repeat(4 * 1024 * 1024);
  for (let i = 0; i < 40; i++) visitors.remember(`session=${i}${long}`, visitor);
  assert.equal(visitors.get(`session=0${long}`, 1000), undefined);
  assert.equal(visitors.get(`session=39${long}`, 1000), visitor);
});
