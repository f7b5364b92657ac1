import assert from "node:assert/strict";
import { test } from "node:test";
import { formatRequestHead, formatResponseHead } from "./format.ts";
import { parseRequestHead, parseResponseHead, type Read, type RequestHead, wholeRequestHead } from "./head.ts";
import { HeadReader } from "./head-reader.ts";
import { Headers } from "./headers.ts";
import { defaultLimits, type HeadLimits } from "./limits.ts";

const small: HeadLimits = { head: 200, line: 40, fields: 3 };

/** Reads a head handed over in pieces; a code instead of a head when it is refused, "incomplete" when it is not. */
function read(pieces: readonly Buffer[], kind: "request" | "response", limits = defaultLimits): unknown {
  const reader = new HeadReader(limits, kind === "request");
  try {
    for (const [i, piece] of pieces.entries()) {
      if (!reader.push(piece)) continue;
      const { bytes, start, end } = reader;
      const head = (kind === "request" ? parseRequestHead : parseResponseHead)(bytes, start, end, limits);
      const rest = Buffer.concat([bytes.subarray(end), ...pieces.slice(i + 1)]).toString("latin1");
      assert.equal(head.end, end);
      // Where it was read from, and what that has shown of its target.
      const { text: _1, bytes: _2, start: _3, end: _4, hasPlainPath: _5, ...parts } = head as Read<RequestHead>;
      return { ...parts, headers: head.headers.list, rest };
    }
  } catch (error) {
    return (error as { code?: string }).code ?? error;
  }
  return "incomplete";
}

function bytewise(text: string): Buffer[] {
  return Array.from(Buffer.from(text, "latin1"), (byte) => Buffer.of(byte));
}

const H = "Host: h\r\n";

const requests: readonly (readonly [text: string, expected: object | string, reason: string])[] = [
  [
    `GET /a?b=%20 HTTP/1.1\r\n${H}X: \t 1 , 2 \r\nempty:\r\nx:2\r\n\r\n`,
    {
      method: "GET",
      target: "/a?b=%20",
      version: "1.1",
      headers: ["Host", "h", "X", "1 , 2", "empty", "", "x", "2"],
      rest: "",
    },
    "order and case stay, white space around values goes",
  ],
  [
    "GET / HTTP/1.0\r\n\r\n",
    { method: "GET", target: "/", version: "1.0", headers: [], rest: "" },
    "1.0 without fields",
  ],
  [
    `\r\n\r\nGET / HTTP/1.1\r\n${H}\r\nrest`,
    { method: "GET", target: "/", version: "1.1", headers: ["Host", "h"], rest: "rest" },
    "empty lines before, bytes behind",
  ],
  [
    `OPTIONS * HTTP/1.1\r\n${H}\r\n`,
    { method: "OPTIONS", target: "*", version: "1.1", headers: ["Host", "h"], rest: "" },
    "the asterisk",
  ],
  [
    `GET http://h/p HTTP/1.1\r\n${H}\r\n`,
    { method: "GET", target: "http://h/p", version: "1.1", headers: ["Host", "h"], rest: "" },
    "an absolute URL",
  ],
  [
    "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n",
    { method: "CONNECT", target: "h:443", version: "1.1", headers: ["Host", "h:443"], rest: "" },
    "an authority",
  ],
  [
    `GET /~ HTTP/1.1\r\n${H}v: \xe4\r\n\r\n`,
    { method: "GET", target: "/~", version: "1.1", headers: ["Host", "h", "v", "\xe4"], rest: "" },
    "Latin-1",
  ],
  [
    "GET / HTTP/1.1\r\nHost:\r\n\r\n",
    { method: "GET", target: "/", version: "1.1", headers: ["Host", ""], rest: "" },
    "an empty Host",
  ],
  [
    "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
    { method: "GET", target: "/", version: "1.1", headers: ["Host", "[::1]:80"], rest: "" },
    "an IPv6 Host",
  ],

  ["GET / HTTP/1.1\r\nHost: h\r\n", "incomplete", "no empty line yet"],
  [`GET / HTTP/1.1\n${H}\r\n`, "ERR_HTTP_LINE_END", "LF after the request line"],
  ["GET / HTTP/1.1\r\nHost: h\n\n", "ERR_HTTP_LINE_END", "LF after a field"],
  ["GET / HTTP/1.1\r\nHost: h\rX: 1\r\n\r\n", "ERR_HTTP_LINE_END", "CR in a value"],
  ["GET / HTTP/1.1\r\nHost: h\nX: 1\r\n\r\n", "ERR_HTTP_LINE_END", "LF in a value"],
  [`GET / HTTP/1.1\r\n${H}X\r\n\r\n`, "ERR_HTTP_LINE_END", "a line without a colon"],
  [`GET / HTTP/1.1\r\n${H}\rX: 1\r\n\r\n`, "ERR_HTTP_LINE_END", "CR before a name"],
  [`GET / HTTP/1.1\r\n${H}X: 1\r\n folded\r\n\r\n`, "ERR_HTTP_FIELD_FOLDED", "folding"],
  [`GET / HTTP/1.1\r\n\tX: 1\r\n${H}\r\n`, "ERR_HTTP_FIELD_FOLDED", "white space before the first field"],
  [`GET / HTTP/1.1\r\n${H}Content-Length : 5\r\n\r\n`, "ERR_HTTP_FIELD_NAME", "a blank before the colon"],
  [`GET / HTTP/1.1\r\n${H}Transfer-Encoding\t: chunked\r\n\r\n`, "ERR_HTTP_FIELD_NAME", "a tab before the colon"],
  [`GET / HTTP/1.1\r\n${H}: 1\r\n\r\n`, "ERR_HTTP_FIELD_NAME", "no name"],
  [`GET / HTTP/1.1\r\n${H}X(: 1\r\n\r\n`, "ERR_HTTP_FIELD_NAME", "no token"],
  [`GET / HTTP/1.1\r\n${H}\xe4: 1\r\n\r\n`, "ERR_HTTP_FIELD_NAME", "a name beyond ASCII"],
  [`GET / HTTP/1.1\r\n${H}X: a\0b\r\n\r\n`, "ERR_HTTP_FIELD_VALUE", "NUL in a value"],
  [`GET / HTTP/1.1\r\n${H}X: a\x0bb\r\n\r\n`, "ERR_HTTP_FIELD_VALUE", "another control character"],
  [`GET / HTTP/1.1\r\n${H}X: a\x7fb\r\n\r\n`, "ERR_HTTP_FIELD_VALUE", "DEL in a value"],
  [` GET / HTTP/1.1\r\n${H}\r\n`, "ERR_HTTP_METHOD", "a blank before the method"],
  [`G(T / HTTP/1.1\r\n${H}\r\n`, "ERR_HTTP_METHOD", "no method"],
  [`GET  / HTTP/1.1\r\n${H}\r\n`, "ERR_HTTP_REQUEST_LINE", "two blanks"],
  [`GET / x HTTP/1.1\r\n${H}\r\n`, "ERR_HTTP_REQUEST_LINE", "a blank in the target"],
  [`GET /\t HTTP/1.1\r\n${H}\r\n`, "ERR_HTTP_REQUEST_LINE", "a tab in the target"],
  [`GET /\xff HTTP/1.1\r\n${H}\r\n`, "ERR_HTTP_REQUEST_LINE", "a target beyond ASCII"],
  [`GET / HTTP/1.1 \r\n${H}\r\n`, "ERR_HTTP_REQUEST_LINE", "a blank behind the version"],
  [`GET / HTTP/1.10\r\n${H}\r\n`, "ERR_HTTP_REQUEST_LINE", "a version too long"],
  [`GET / http/1.1\r\n${H}\r\n`, "ERR_HTTP_REQUEST_LINE", "a version in lower case"],
  ["GET /\r\n\r\n", "ERR_HTTP_LINE_END", "HTTP/0.9"],
  [`GET / HTTP/2.0\r\n${H}\r\n`, "ERR_HTTP_VERSION", "another version"],
  [`GET / HTTP/1.2\r\n${H}\r\n`, "ERR_HTTP_VERSION", "a version to come"],
  [`GET x HTTP/1.1\r\n${H}\r\n`, "ERR_HTTP_TARGET", "no path"],
  [`GET * HTTP/1.1\r\n${H}\r\n`, "ERR_HTTP_TARGET", "an asterisk without OPTIONS"],
  [`GET http:///p HTTP/1.1\r\n${H}\r\n`, "ERR_HTTP_TARGET", "a URL without a host"],
  [`GET http://u@h/ HTTP/1.1\r\n${H}\r\n`, "ERR_HTTP_TARGET", "a URL with user information"],
  [`GET http://{/ HTTP/1.1\r\n${H}\r\n`, "ERR_HTTP_TARGET", "a URL with a bad host"],
  [`GET ftp://h/ HTTP/1.1\r\n${H}\r\n`, "ERR_HTTP_TARGET", "a URL of another scheme"],
  [`CONNECT / HTTP/1.1\r\n${H}\r\n`, "ERR_HTTP_TARGET", "CONNECT to a path"],
  ["GET / HTTP/1.1\r\nX: 1\r\n\r\n", "ERR_HTTP_HOST", "no Host"],
  [`GET / HTTP/1.1\r\n${H}${H}\r\n`, "ERR_HTTP_HOST", "two Hosts"],
  ["GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "ERR_HTTP_HOST", "a path in Host"],
  ["GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "ERR_HTTP_HOST", "a blank in Host"],
  ["GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", "ERR_HTTP_HOST", "two Hosts in 1.0"],
  ["\x16\x03\x01\x02\0\x01", "ERR_HTTP_FIELD_VALUE", "TLS on a plain port is not waited for"],
];

for (const [text, expected, reason] of requests) {
  test(`request head, ${reason}`, () => {
    assert.deepEqual(read([Buffer.from(text, "latin1")], "request"), expected);
    const slow = read(bytewise(text), "request");
    if (typeof expected === "string" && expected !== "incomplete") assert.match(String(slow), /^ERR_HTTP_/);
    else assert.deepEqual(slow, expected, "byte by byte");
  });
}

test("a request head may be split at every place", () => {
  const text = `\r\nPOST /x HTTP/1.1\r\n${H}A: b\r\n\r\nbody`;
  const bytes = Buffer.from(text);
  const whole = read([bytes], "request");
  for (let i = 0; i <= bytes.length; i += 1)
    assert.deepEqual(read([bytes.subarray(0, i), bytes.subarray(i)], "request"), whole);
});

const responses: readonly (readonly [text: string, expected: object | string, reason: string])[] = [
  [
    "HTTP/1.1 200 OK\r\nA: b\r\n\r\nx",
    { version: "1.1", status: 200, reason: "OK", headers: ["A", "b"], rest: "x" },
    "usual",
  ],
  [
    "HTTP/1.0 404 Not Found\r\n\r\n",
    { version: "1.0", status: 404, reason: "Not Found", headers: [], rest: "" },
    "1.0",
  ],
  ["HTTP/1.1 200 \r\n\r\n", { version: "1.1", status: 200, reason: "", headers: [], rest: "" }, "an empty reason"],
  ["HTTP/1.1 200\r\n\r\n", { version: "1.1", status: 200, reason: "", headers: [], rest: "" }, "no reason, no blank"],
  [
    "HTTP/1.1 999 \xe4\r\n\r\n",
    { version: "1.1", status: 999, reason: "\xe4", headers: [], rest: "" },
    "any three digits",
  ],
  ["\r\nHTTP/1.1 200 OK\r\n\r\n", "ERR_HTTP_STATUS_LINE", "an empty line before"],
  ["HTTP/1.1 20 OK\r\n\r\n", "ERR_HTTP_STATUS_LINE", "two digits"],
  ["HTTP/1.1 2000 OK\r\n\r\n", "ERR_HTTP_STATUS_LINE", "four digits"],
  ["HTTP/1.1 099 OK\r\n\r\n", "ERR_HTTP_STATUS_LINE", "below 100"],
  ["HTTP/1.1  200 OK\r\n\r\n", "ERR_HTTP_STATUS_LINE", "two blanks"],
  ["HTTP/1.1 200 O\0K\r\n\r\n", "ERR_HTTP_REASON", "NUL in the reason"],
  ["HTTP/1.1 200 OK\nA: b\r\n\r\n", "ERR_HTTP_LINE_END", "LF"],
  ["HTTP/2 200\r\nA: b\r\n\r\n", "ERR_HTTP_STATUS_LINE", "no version of ours"],
  ["HTTP/3.0 200 OK\r\n\r\n", "ERR_HTTP_VERSION", "another version"],
  ["ICY 200 OK\r\n\r\n", "ERR_HTTP_STATUS_LINE", "another protocol"],
  ["HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", "ERR_HTTP_FIELD_FOLDED", "folding"],
  ["\r\n\r\n", "ERR_HTTP_STATUS_LINE", "nothing at all"],
];

for (const [text, expected, reason] of responses) {
  test(`response head, ${reason}`, () => {
    assert.deepEqual(read([Buffer.from(text, "latin1")], "response"), expected);
    const slow = read(bytewise(text), "response");
    if (typeof expected === "string") assert.match(String(slow), /^ERR_HTTP_/);
    else assert.deepEqual(slow, expected, "byte by byte");
  });
}

const tooMuch: readonly (readonly [text: string, code: string, status: number, reason: string])[] = [
  [`GET /${"x".repeat(40)} HTTP/1.1\r\n${H}\r\n`, "ERR_HTTP_TARGET_TOO_LONG", 414, "a long target"],
  [`GET /${"x".repeat(400)}`, "ERR_HTTP_TARGET_TOO_LONG", 414, "a long target without an end"],
  [`GET / HTTP/1.1\r\n${H}X: ${"x".repeat(40)}\r\n\r\n`, "ERR_HTTP_LINE_TOO_LONG", 494, "a long field"],
  [`GET / HTTP/1.1\r\n${H}X: ${"x".repeat(400)}`, "ERR_HTTP_HEAD_TOO_LONG", 494, "a long field without an end"],
  [`GET / HTTP/1.1\r\n${H}${"A: b\r\n".repeat(3)}\r\n`, "ERR_HTTP_TOO_MANY_FIELDS", 431, "many fields"],
  [`GET / HTTP/1.1\r\n${H}${"A: b\r\n".repeat(40)}\r\n`, "ERR_HTTP_HEAD_TOO_LONG", 494, "a long head"],
];

for (const [text, code, status, reason] of tooMuch) {
  test(`a limit is kept: ${reason}`, () => {
    const reader = new HeadReader(small, true);
    const parse = (): unknown =>
      reader.push(Buffer.from(text)) && parseRequestHead(reader.bytes, reader.start, reader.end, small);
    assert.throws(parse, { name: "HttpMessageError", code, status });
    assert.match(String(read(bytewise(text), "request", small)), /_TOO_(LONG|MANY)/, "byte by byte");
  });
}

test("what is within the limits by one byte passes", () => {
  const head = `GET /${"x".repeat(26)} HTTP/1.1\r\n${H}X: ${"y".repeat(37)}\r\n\r\n`;
  assert.equal(typeof read([Buffer.from(head)], "request", small), "object");
});

test("a default head has room for a session in nine cookies", () => {
  const cookies = Array.from({ length: 9 }, (_, i) => `session${i}=${"c".repeat(4080)}`).join("; ");
  const head = `GET / HTTP/1.1\r\n${H}Cookie: ${cookies}\r\n\r\n`;
  assert.equal(typeof read([Buffer.from(head)], "request"), "object");
});

test("what is formatted is read back", () => {
  const headers = new Headers(["Host", "h", "A", "", "a", "\xe4"]);
  const request = read([Buffer.from(formatRequestHead("GET", "/x?q", headers), "latin1")], "request");
  assert.deepEqual(request, { method: "GET", target: "/x?q", version: "1.1", headers: headers.list, rest: "" });
  const response = read([Buffer.from(formatResponseHead(207, "", headers), "latin1")], "response");
  assert.deepEqual(response, { version: "1.1", status: 207, reason: "", headers: headers.list, rest: "" });
});

test("nothing that splits a message is formatted", () => {
  const headers = new Headers();
  for (const method of ["", "GET /x", "G\r\nE"]) {
    assert.throws(() => formatRequestHead(method, "/", headers), { code: "ERR_HTTP_METHOD" });
  }
  for (const target of ["", "/ x", "/\r\n", "/\n", "/\u010a", "/\t"]) {
    assert.throws(() => formatRequestHead("GET", target, headers), { code: "ERR_HTTP_TARGET" });
  }
  for (const reason of ["\r\nA: b", "\u010a", "\0"]) {
    assert.throws(() => formatResponseHead(200, reason, headers), { code: "ERR_HTTP_REASON" });
  }
  for (const status of [0, 99, 1000, 200.5, Number.NaN]) {
    assert.throws(() => formatResponseHead(status, "", headers), { code: "ERR_HTTP_STATUS_LINE" });
  }
});

test("each request has its own host, whichever the ones before had", () => {
  const bytes = (name: string, host: string) => Buffer.from(`GET / HTTP/1.1\r\n${name}: ${host}\r\n\r\n`, "latin1");
  const hostOf = (name: string, host: string) =>
    wholeRequestHead(bytes(name, host), defaultLimits)?.headers.list.join("=");
  const hosts = ["a.test", "b.test", "a.test:80", "", "A.test", "x".repeat(300), "[::1]:8000"];
  for (let i = 0; i < 3000; i += 1) {
    const host = i % 3 === 0 ? `${i}.test` : hosts[i % hosts.length]!;
    const name = i % 2 === 0 ? "Host" : "host";
    assert.equal(hostOf(name, host), `${name}=${host}`);
    assert.equal(hostOf(name, `${host}/`), undefined);
  }
});
