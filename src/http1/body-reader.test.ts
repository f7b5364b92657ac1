import assert from "node:assert/strict";
import { once } from "node:events";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { BodyReader } from "./body-reader.ts";
import { encodeLastChunk } from "./chunked.ts";
import type { Framing } from "./framing.ts";
import { Headers } from "./headers.ts";
import { defaultLimits } from "./limits.ts";
import { TestWire } from "./testing.ts";

interface Reading {
  body: string;
  rest: string;
  done: boolean;
  trailers: readonly string[] | undefined;
}

/** The pieces read as one body; a code when it is refused. */
function read(pieces: readonly Buffer[], framing: Framing, raw = false, limits = defaultLimits): Reading | string {
  const reader = new BodyReader(limits, framing, raw);
  const body: Buffer[] = [];
  const rest: Buffer[] = [];
  try {
    for (const piece of pieces) {
      const used = reader.read(piece, { onBodyBytes: (bytes) => body.push(Buffer.from(bytes)) });
      assert.ok(reader.done || used === piece.length, "all is taken until the end");
      rest.push(piece.subarray(used));
    }
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
  const text = (parts: Buffer[]): string => Buffer.concat(parts).toString("latin1");
  return { body: text(body), rest: text(rest), done: reader.done, trailers: reader.trailers?.list };
}

const bytes = (text: string): Buffer => Buffer.from(text, "latin1");
const bytewise = (text: string): Buffer[] => Array.from(bytes(text), (byte) => Buffer.of(byte));
const chunked: Framing = { kind: "chunked" };

test("a body with a length ends there", () => {
  const framing: Framing = { kind: "length", length: 5 };
  const whole = { body: "hello", rest: "GET", done: true, trailers: undefined };
  assert.deepEqual(read([bytes("helloGET")], framing), whole);
  assert.deepEqual(read(bytewise("helloGET"), framing), whole);
  assert.deepEqual(read([bytes("hel")], framing), { body: "hel", rest: "", done: false, trailers: undefined });
});

test("no body, and one of length 0, are complete at once", () => {
  for (const framing of [{ kind: "none" }, { kind: "length", length: 0 }] as const) {
    assert.deepEqual(read([bytes("x")], framing), { body: "", rest: "x", done: true, trailers: undefined });
  }
});

test("a body until close ends with the connection, others are cut off by it", () => {
  const sink = { onBodyBytes(): void {} };
  const ends: readonly (readonly [Framing, boolean])[] = [
    [{ kind: "close" }, true],
    [{ kind: "length", length: 9 }, false],
    [{ kind: "length", length: 4 }, true],
    [chunked, false],
  ];
  for (const [framing, proper] of ends) {
    const reader = new BodyReader(defaultLimits, framing);
    reader.read(bytes("4\r\nx"), sink);
    assert.equal(reader.close(), proper, framing.kind);
  }
});

const good: readonly (readonly [
  text: string,
  body: string,
  trailers: readonly string[] | undefined,
  raw: string,
  reason: string,
])[] = [
  ["0\r\n\r\n", "", undefined, "", "empty"],
  ["5\r\nhello\r\n0\r\n\r\n", "hello", undefined, "5\r\nhello\r\n", "one chunk"],
  ["5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world", undefined, "5\r\nhello\r\n6\r\n world\r\n", "two chunks"],
  [
    "a\r\n0123456789\r\nA\r\n0123456789\r\n000\r\n\r\n",
    "01234567890123456789",
    undefined,
    "",
    "digits in either case, many zeros",
  ],
  ["2\r\n\r\n\r\n0\r\n\r\n", "\r\n", undefined, "2\r\n\r\n\r\n", "data that looks like line ends"],
  ["1;a\r\nx\r\n0\r\n\r\n", "x", undefined, "1\r\nx\r\n", "an extension"],
  ['1;a=b;c="d;\\" \xe4";e\r\nx\r\n0;f\r\n\r\n', "x", undefined, "1\r\nx\r\n", "extensions with values"],
  ["1\r\nx\r\n0\r\nA: b\r\nC:\r\n\r\n", "x", ["A", "b", "C", ""], "1\r\nx\r\n", "trailers"],
];

for (const [text, body, trailers, raw, reason] of good) {
  test(`a chunked body is read at every split: ${reason}`, () => {
    const expected = { body, rest: "GET /", done: true, trailers };
    const all = bytes(`${text}GET /`);
    assert.deepEqual(read(bytewise(`${text}GET /`), chunked), expected, "byte by byte");
    for (let i = 0; i <= all.length; i += 1) {
      assert.deepEqual(read([all.subarray(0, i), all.subarray(i)], chunked), expected);
    }
  });

  test(`a chunked body is passed on as chunks: ${reason}`, () => {
    const all = bytes(`${text}GET /`);
    const whole = read([all], chunked, true) as Reading;
    if (raw !== "") assert.equal(whole.body, raw);
    for (let i = 0; i <= all.length; i += 1) {
      const { body: passed, ...others } = read([all.subarray(0, i), all.subarray(i)], chunked, true) as Reading;
      assert.deepEqual(others, { rest: "GET /", done: true, trailers });
      assert.equal((read([bytes(`${passed}0\r\n\r\n`)], chunked) as Reading).body, body, "what was passed on is valid");
    }
    const slow = read(bytewise(`${text}GET /`), chunked, true) as Reading;
    assert.equal((read([bytes(`${slow.body}0\r\n\r\n`)], chunked) as Reading).body, body);
  });
}

const bad: readonly (readonly [text: string, code: string, reason: string])[] = [
  ["\r\n", "ERR_HTTP_CHUNK", "no size"],
  ["g\r\n", "ERR_HTTP_CHUNK", "no digit"],
  ["0x5\r\nhello\r\n0\r\n\r\n", "ERR_HTTP_CHUNK", "a prefix"],
  ["+5\r\nhello\r\n0\r\n\r\n", "ERR_HTTP_CHUNK", "a sign"],
  ["-1\r\n", "ERR_HTTP_CHUNK", "a negative size"],
  [" 5\r\nhello\r\n0\r\n\r\n", "ERR_HTTP_CHUNK", "a blank before"],
  ["5 \r\nhello\r\n0\r\n\r\n", "ERR_HTTP_CHUNK", "a blank behind"],
  ["5\nhello\r\n0\r\n\r\n", "ERR_HTTP_CHUNK", "LF alone"],
  ["5\r\rhello\n", "ERR_HTTP_CHUNK", "CR CR"],
  ["5\r\nhello!\r\n0\r\n\r\n", "ERR_HTTP_CHUNK", "data longer than the chunk"],
  ["5\r\nhello\n0\r\n\r\n", "ERR_HTTP_CHUNK", "LF alone after data"],
  ["5\r\nhello\r0\r\n\r\n", "ERR_HTTP_CHUNK", "CR alone after data"],
  ["5\r\nhello0\r\n\r\n", "ERR_HTTP_CHUNK", "no line end after data"],
  ["10000000000000000\r\n", "ERR_HTTP_CHUNK", "a size beyond 64 bits"],
  ["00000000000005\r\nhello\r\n", "ERR_HTTP_CHUNK", "too many digits"],
  ["5;\r\nhello\r\n", "ERR_HTTP_CHUNK_EXTENSION", "an extension without a name"],
  ["5;a=\r\nhello\r\n", "ERR_HTTP_CHUNK_EXTENSION", "an extension without a value"],
  ["5;a b\r\nhello\r\n", "ERR_HTTP_CHUNK_EXTENSION", "a blank in an extension"],
  ["5;a\nhello\r\n", "ERR_HTTP_CHUNK_EXTENSION", "LF after an extension"],
  ["5;a\rX\r\nhello\r\n", "ERR_HTTP_CHUNK_EXTENSION", "CR in an extension"],
  ['1;a="\r"\r\nx\r\n0\r\n\r\n', "ERR_HTTP_CHUNK_EXTENSION", "CR in a quoted value"],
  ['5;a="\n"\r\nhello\r\n', "ERR_HTTP_CHUNK_EXTENSION", "LF in a quoted value"],
  ['5;a="x\r\nhello\r\n', "ERR_HTTP_CHUNK_EXTENSION", "an open quote"],
  [`5;${"a".repeat(2000)}\r\nhello\r\n`, "ERR_HTTP_CHUNK_EXTENSION", "a long extension"],
  [`5;${"a".repeat(2000)}`, "ERR_HTTP_CHUNK_EXTENSION", "an extension without an end"],
  ["0\r\n\n", "ERR_HTTP_LINE_END", "LF alone at the end"],
  ["0\r\nA : b\r\n\r\n", "ERR_HTTP_FIELD_NAME", "a trailer that is no field"],
  ["0\r\nA: b\r\n c\r\n\r\n", "ERR_HTTP_FIELD_FOLDED", "a folded trailer"],
  ["0\r\nContent-Length: 5\r\n\r\n", "ERR_HTTP_TRAILERS", "a length among the trailers"],
  ["0\r\ntransfer-encoding: chunked\r\n\r\n", "ERR_HTTP_TRAILERS", "a coding among the trailers"],
  ["0\r\nHost: h\r\n\r\n", "ERR_HTTP_TRAILERS", "a host among the trailers"],
];

for (const [text, code, reason] of bad) {
  test(`a chunked body is refused: ${reason}`, () => {
    assert.equal(read([bytes(text)], chunked), code);
    assert.equal(read([bytes(text)], chunked, true), code);
    assert.match(String(read(bytewise(text), chunked)), /^ERR_HTTP_/, "byte by byte");
  });
}

test("trailers are bounded", () => {
  const limits = { head: 100, line: 50, fields: 2 };
  assert.equal(read([bytes(`0\r\n${"A: b\r\n".repeat(3)}\r\n`)], chunked, false, limits), "ERR_HTTP_TOO_MANY_FIELDS");
  assert.equal(read([bytes(`0\r\nA: ${"b".repeat(200)}`)], chunked, false, limits), "ERR_HTTP_HEAD_TOO_LONG");
});

test("what is written as chunks is read back", async () => {
  const stream = new PassThrough();
  const written: Buffer[] = [];
  const wire = new TestWire({ socket: stream as never, isPlain: false }, (chunk) => void written.push(chunk));
  const pieces = ["hello", "", "x".repeat(300), "y".repeat(20_000), "z"];
  for (const piece of pieces) wire.piece(bytes(piece), true);
  wire.text(encodeLastChunk(new Headers(["A", "b"])));
  wire.flush();
  await once(stream.end(), "end");
  const text = Buffer.concat(written);
  const expected = { body: pieces.join(""), rest: "", done: true, trailers: ["A", "b"] };
  assert.deepEqual(read([text], chunked), expected);
  assert.equal(encodeLastChunk(), "0\r\n\r\n");
});
