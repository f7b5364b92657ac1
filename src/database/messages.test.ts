import assert from "node:assert/strict";
import { test } from "node:test";
import { type Change, consumer, service } from "../entities/index.ts";
import { decodeMessage, encodeMessages } from "./messages.ts";
import { createTables } from "./tables.ts";

const tables = createTables([service, consumer]);
const LIMIT = 1000;

const created = (row: object): Change => ({
  entity: "consumers",
  operation: "create",
  row: { id: "1", ...row } as Change["row"],
});

function send(changes: readonly Change[]) {
  const texts = encodeMessages("node-1", changes, tables, LIMIT);
  for (const text of texts) assert.ok(Buffer.byteLength(text) <= LIMIT, `${Buffer.byteLength(text)} bytes`);
  return texts.map(decodeMessage);
}

test("what fits is one message, as it is", () => {
  const changes = [created({ username: "ä" }), { ...created({ username: "b" }), old: { id: "1", username: "a" } }];
  assert.deepEqual(send(changes), [{ write: "node-1", isLast: true, changes }]);
});

test("many changes are several messages, of which the last says so", () => {
  const changes = Array.from({ length: 100 }, (_, index) => created({ username: `€${index}` }));
  const messages = send(changes);
  assert.ok(messages.length > 2);
  assert.deepEqual(
    messages.flatMap((message) => message.changes),
    changes,
  );
  assert.deepEqual(
    messages.map(({ isLast }) => isLast),
    [...messages.slice(1).map(() => false), true],
  );
});

test("of a row that is too large only what names it is told", () => {
  const row = { username: "a", custom_id: "c", tags: ["x".repeat(2000)] };
  const [message] = send([{ ...created(row), operation: "update", old: { id: "1", ...row } }]);
  const names = { id: "1", username: "a", custom_id: "c" };
  assert.deepEqual(message?.changes, [
    { entity: "consumers", operation: "update", row: names, old: names, partial: true },
  ]);
});

test("where even the names are too large nothing is told but that", () => {
  const messages = send([created({ username: "a" }), created({ username: "x".repeat(2000) })]);
  assert.deepEqual(messages, [{ write: "node-1", isLast: true, changes: null }]);
});

test("sizes next to the limit", () => {
  for (let length = 700; length < 1000; length++) send([created({ username: "x".repeat(length) }), created({})]);
});
