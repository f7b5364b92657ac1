import assert from "node:assert/strict";
import { test } from "node:test";
import { type MemcachedAnswer, MemcachedReader } from "./memcached-answers.ts";

const line = (text: string): MemcachedAnswer => ({ line: text, value: undefined });
const found = (value: string, rest = "0 3 7"): MemcachedAnswer => ({ line: `VALUE k ${rest}`, value });

function read(...pieces: (string | Buffer)[]): MemcachedAnswer[] {
  const answers: MemcachedAnswer[] = [];
  const reader = new MemcachedReader((answer) => answers.push(answer));
  for (const piece of pieces) reader.push(Buffer.from(piece));
  return answers;
}

const stream =
  "STORED\r\nVALUE k 0 3 7\r\nabc\r\nEND\r\nEND\r\nVALUE k 0 7 7\r\n\r\nEND\r\n\r\nEND\r\nHD t99\r\nVALUE k 0 0 7\r\n\r\nEND\r\nNOT_STORED\r\n";
const answers = [
  line("STORED"),
  found("abc"),
  line("END"),
  found("\r\nEND\r\n", "0 7 7"),
  line("HD t99"),
  found("", "0 0 7"),
  line("NOT_STORED"),
];

test("answers are told apart, whatever their values contain", () => {
  assert.deepEqual(read(stream), answers);
});

test("answers may come in pieces, cut anywhere", () => {
  assert.deepEqual(read(...stream), answers);
  for (let cut = 1; cut < stream.length; cut++)
    assert.deepEqual(read(stream.slice(0, cut), stream.slice(cut)), answers);
});

test("sizes are of bytes, and characters may be cut", () => {
  const bytes = Buffer.from("VALUE k 0 5 7\r\nüé!\r\nEND\r\n");
  for (let cut = 1; cut < bytes.length; cut++) {
    assert.deepEqual(read(bytes.subarray(0, cut), bytes.subarray(cut)), [found("üé!", "0 5 7")]);
  }
});

for (const [what, text] of [
  ["no size", "VALUE k 0\r\n"],
  ["a size that is no number", "VALUE k 0 x 1\r\n"],
  ["a negative size", "VALUE k 0 -1 1\r\n"],
  ["the size of a disk", "VALUE k 0 99999999999 1\r\n"],
  ["a size that is too small", "VALUE k 0 1 1\r\nabc\r\nEND\r\n"],
  ["a size that is too large", "VALUE k 0 9 1\r\nabc\r\nEND\r\nSTORED\r\n"],
  ["a line without an end", "x".repeat(3_000)],
] as const) {
  test(`${what} is an error`, () => {
    assert.throws(() => read(text), /^Error: memcached sent /);
  });
}
