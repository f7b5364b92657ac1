import assert from "node:assert/strict";
import { test } from "node:test";
import { formatFields } from "./format.ts";
import { parseRequestHead } from "./head.ts";
import { Headers } from "./headers.ts";
import { defaultLimits } from "./limits.ts";
import { Lines } from "./lines.ts";

const list = ["Host", "a", "Set-Cookie", "x=1", "X-Empty", "", "set-cookie", "y=2"];

test("fields are found in any case, in wire order", () => {
  const headers = new Headers(list);
  assert.equal(headers.get("set-cookie"), "x=1");
  assert.deepEqual(headers.getAll("set-cookie"), ["x=1", "y=2"]);
  assert.equal(headers.get("x-empty"), "");
  assert.equal(headers.get("absent"), undefined);
  assert.deepEqual(headers.getAll("absent"), []);
  assert.equal(headers.has("host"), true);
  assert.equal(headers.has("a"), false, "a value is not a name");
  assert.deepEqual(headers.list, list);
});

test("set replaces in place and drops the others", () => {
  const headers = new Headers(list);
  headers.set("SET-COOKIE", "z=3");
  assert.deepEqual(headers.list, ["Host", "a", "SET-COOKIE", "z=3", "X-Empty", ""]);
  headers.set("New", "n");
  assert.deepEqual(headers.list, ["Host", "a", "SET-COOKIE", "z=3", "X-Empty", "", "New", "n"]);
  assert.equal(headers.get("new"), "n");
});

test("append and delete keep lookups right", () => {
  const headers = new Headers(list);
  headers.append("Before-Lookup", "1");
  assert.equal(headers.get("before-lookup"), "1");
  headers.append("After-Lookup", "2");
  assert.equal(headers.get("after-lookup"), "2");
  headers.delete("set-cookie");
  assert.deepEqual(headers.list, ["Host", "a", "X-Empty", "", "Before-Lookup", "1", "After-Lookup", "2"]);
  headers.delete("absent");
  assert.equal(headers.get("after-lookup"), "2");
});

test("a clone and the list it was made from are independent", () => {
  const given = ["A", "1"];
  const headers = new Headers(given);
  const clone = headers.clone();
  clone.set("a", "2");
  given[1] = "3";
  assert.equal(headers.get("a"), "1");
  assert.equal(clone.get("a"), "2");
});

const refused: readonly (readonly [name: string, value: string, code: string, reason: string])[] = [
  ["", "v", "ERR_HTTP_FIELD_NAME", "an empty name"],
  ["a b", "v", "ERR_HTTP_FIELD_NAME", "a blank in a name"],
  ["a:", "v", "ERR_HTTP_FIELD_NAME", "a colon in a name"],
  ["a\r\nb", "v", "ERR_HTTP_FIELD_NAME", "a line end in a name"],
  ["a\n", "v", "ERR_HTTP_FIELD_NAME", "a line feed behind a name"],
  ["ä", "v", "ERR_HTTP_FIELD_NAME", "a letter beyond ASCII"],
  ["a", "x\r\nInjected: 1", "ERR_HTTP_FIELD_VALUE", "a line end"],
  ["a", "x\n", "ERR_HTTP_FIELD_VALUE", "a line feed at the end"],
  ["a", "\r", "ERR_HTTP_FIELD_VALUE", "a carriage return"],
  ["a", "\0", "ERR_HTTP_FIELD_VALUE", "NUL"],
  ["a", "\x7f", "ERR_HTTP_FIELD_VALUE", "DEL"],
  ["a", "\u010d\u010a", "ERR_HTTP_FIELD_VALUE", "characters whose low bytes are CR LF"],
  ["a", "😀", "ERR_HTTP_FIELD_VALUE", "beyond Latin-1"],
];

for (const [name, value, code, reason] of refused) {
  test(`a field is refused everywhere: ${reason}`, () => {
    const headers = new Headers(list);
    assert.throws(() => headers.set(name, value), { code });
    assert.throws(() => headers.append(name, value), { code });
    assert.throws(() => new Headers([name, value]), { code });
    assert.deepEqual(headers.list, list, "nothing was changed");
  });
}

test("a list of odd length is refused", () => {
  assert.throws(() => new Headers(["A", "1", "B"]), { code: "ERR_HTTP_FIELD_VALUE" });
});

test("tabs and Latin-1 may stand in a value", () => {
  assert.equal(new Headers(["a", "\tä\xff "]).get("a"), "\tä\xff ");
});

/** The fields of a head that was read from these lines. */
function read(lines: readonly string[], limits = { ...defaultLimits, head: 1e6 }): Headers {
  const bytes = Buffer.from(`GET / HTTP/1.1\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`, "latin1");
  return parseRequestHead(bytes, 0, bytes.length, limits).headers;
}

function linesOf(headers: Headers): string[] {
  return formatFields("", headers).split("\r\n").slice(1, -2);
}

test("what was read is written as it came, but for the white space around values", () => {
  const headers = read([
    "Host: a",
    "X-Plain: 1",
    "x-plain:2",
    "X-Wide:   3",
    "X-Tab:\t4",
    "X-Behind: 5  ",
    "X-Empty:",
    "X-None: ",
    "X: \xff",
  ]);
  const expected = [
    "Host: a",
    "X-Plain: 1",
    "x-plain: 2",
    "X-Wide: 3",
    "X-Tab: 4",
    "X-Behind: 5",
    "X-Empty: ",
    "X-None: ",
    "X: \xff",
  ];
  assert.deepEqual(linesOf(headers), expected);
  assert.deepEqual(headers.getAll("x-plain"), ["1", "2"]);
  assert.deepEqual(linesOf(headers), expected, "also once values were asked for");
  assert.deepEqual(linesOf(headers.clone()), expected);
});

test("what was changed is written as it is now", () => {
  const headers = read(["Host: a", "A: 1", "B: 2", "C: 3", "B: 4", "D: 5"]);
  const clone = headers.clone();
  headers.set("b", "new");
  assert.deepEqual(linesOf(headers), ["Host: a", "A: 1", "b: new", "C: 3", "D: 5"]);
  assert.equal(headers.replace("c", "3", "33"), true);
  headers.delete("host");
  headers.append("E", "6");
  assert.deepEqual(linesOf(headers), ["A: 1", "b: new", "C: 33", "D: 5", "E: 6"]);
  assert.deepEqual(linesOf(clone), ["Host: a", "A: 1", "B: 2", "C: 3", "B: 4", "D: 5"]);
});

test("lines of several messages stand in one head", () => {
  const [first, second] = [read(["Host: a", "A: 1", "B: 2"]), read(["Host: b", "A: 3", "B: 4"])];
  const headers = new Headers();
  headers.addFrom(second, 2);
  headers.addAll(first);
  headers.add(first.nameAt(1), "own");
  headers.addFrom(second, 1);
  const expected = ["B: 4", "Host: a", "A: 1", "B: 2", "A: own", "A: 3"];
  assert.deepEqual(linesOf(headers), expected);
  assert.deepEqual(headers.getAll("a"), ["1", "own", "3"]);
  const lines = new Lines("start");
  lines.addAll(headers);
  lines.addFrom(first, 1);
  lines.addFrom(second, 2);
  assert.deepEqual(lines.text.split("\r\n"), ["start", ...expected, "A: 1", "B: 4"]);
});

test("a field far behind in a long head is the same as others", () => {
  const long = Array.from({ length: 9 }, (_, i) => `X-${i}: ${"v".repeat(8000)}${i}`);
  const headers = read(["Host: a", ...long, "Last: 1"]);
  assert.equal(headers.get("x-8"), `${"v".repeat(8000)}8`);
  assert.deepEqual(linesOf(headers), ["Host: a", ...long, "Last: 1"]);
});

test("constant fields are written as the list they were made of", () => {
  const constant = Headers.constant(["A", "1", "B", "", "A", "2"]);
  assert.deepEqual(constant.list, ["A", "1", "B", "", "A", "2"]);
  assert.deepEqual(linesOf(constant), ["A: 1", "B: ", "A: 2"]);
  assert.equal(Headers.constant([]).size, 0);
});

/** One after the other: what is usual in one head is none of the next one's. */
const turns = [
  ["Host: a.test", "Connection: keep-alive"],
  ["Host: a.test", "Connection: keep-alive, close"],
  ["Host: a.test2", "Connection: keep-aliv"],
  ["Host: a", "Connection: "],
  ["host: b", "connection: keep-alive"],
  [`Host: ${"a".repeat(200)}`, "Connection: keep-alivekeep-alive"],
  [`Host: ${"a".repeat(200)}`, "Connection: Keep-Alive"],
  ["Host: ", "Connection: close"],
  ["Host: a", "Connection: keep-alive"],
] as const;

test("a host, and what is said of the connection, are those of the message", () => {
  for (const lines of [...turns, ...turns.toReversed()]) {
    const headers = read(lines);
    const [host, connection] = lines.map((line) => line.replace(/^\w+: /, ""));
    assert.deepEqual([headers.get("host"), headers.get("connection")], [host, connection]);
    assert.deepEqual(linesOf(headers), lines);
  }
  for (const host of ["a b", "a\tb", 'a"', "a<"]) {
    read(["Host: a"]);
    assert.throws(() => read([`Host: ${host}`]), { code: "ERR_HTTP_HOST" });
    assert.throws(() => read([`Host: ${host}`]), { code: "ERR_HTTP_HOST" }, "also the second time");
  }
});
