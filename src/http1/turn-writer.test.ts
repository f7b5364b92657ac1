import assert from "node:assert/strict";
import { Transform } from "node:stream";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { TurnWriter } from "./turn-writer.ts";
import { Wire } from "./wire.ts";

/** A writer, the pieces that have left it, and how often it was told that no more is taken. */
function open(highWaterMark = 65_536) {
  const stream = new Transform({
    highWaterMark,
    transform: (_data, _encoding, done) => void setTimeout(done, 10),
  });
  const left: string[] = [];
  const write = stream.write.bind(stream);
  stream.write = ((data: string | Uint8Array, ...rest: never[]) => {
    left.push(typeof data === "string" ? data : Buffer.from(data).toString("latin1"));
    return write(data, ...rest);
  }) as never;
  const facts = {
    left,
    blocked: 0,
    out: new TurnWriter(Wire.over(stream as never, { received() {} }), () => facts.blocked++),
  };
  return facts;
}

test("what is written in a turn leaves at its end, as one piece for each connection", async () => {
  const [a, b] = [open(), open()];
  a.out.text("head;");
  b.out.text("other;");
  assert.equal(a.out.piece(Buffer.from("body;"), false), true);
  a.out.textPiece("text", true);
  assert.deepEqual([a.left, b.left], [[], []]);
  await turn();
  assert.deepEqual([a.left, b.left], [["head;body;4\r\ntext\r\n"], ["other;"]]);
  a.out.text("next");
  await turn();
  assert.deepEqual(a.left, ["head;body;4\r\ntext\r\n", "next"]);
});

test("what is flushed leaves at once, and nothing of it again", async () => {
  const { left, out } = open();
  out.text("now");
  out.flush();
  assert.deepEqual(left, ["now"]);
  out.flush();
  await turn();
  assert.deepEqual(left, ["now"]);
});

test("many connections do not wait for each other to the end of a turn, nor does a long text", () => {
  const writers = Array.from({ length: 200 }, () => open());
  for (const { out } of writers) out.text("x");
  assert.ok(writers.slice(0, 128).every(({ left }) => left.length === 1));
  const { left, out } = open();
  out.text("y".repeat(10_000));
  assert.equal(left.length, 1);
});

test("who writes is told when no more is taken, also at the end of the turn", async () => {
  const facts = open(10);
  facts.out.text("x".repeat(100));
  assert.equal(facts.blocked, 0);
  await turn();
  assert.equal(facts.blocked, 1);
  assert.equal(facts.out.piece(Buffer.from("y"), false), false);
});
