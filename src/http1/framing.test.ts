import assert from "node:assert/strict";
import { test } from "node:test";
import { keepsAlive, requestFraming, responseFraming } from "./framing.ts";
import { Headers } from "./headers.ts";

function outcome(work: () => { kind: string; length?: number }): string | number {
  try {
    const framing = work();
    return framing.length ?? framing.kind;
  } catch (error) {
    return (error as { code: string }).code;
  }
}

type Version = "1.0" | "1.1";

const requests: readonly (readonly [list: readonly string[], expected: string | number, version?: Version])[] = [
  [[], "none"],
  [["Content-Length", "0"], "none"],
  [["Content-Length", "5"], 5],
  [["content-length", "005"], 5],
  [["Content-Length", "999999999999999"], 999999999999999],
  [["Transfer-Encoding", "chunked"], "chunked"],
  [["transfer-encoding", "Chunked"], "chunked"],
  [["Content-Length", "5"], 5, "1.0"],

  [["Content-Length", ""], "ERR_HTTP_CONTENT_LENGTH"],
  [["Content-Length", "+5"], "ERR_HTTP_CONTENT_LENGTH"],
  [["Content-Length", "-5"], "ERR_HTTP_CONTENT_LENGTH"],
  [["Content-Length", "5.0"], "ERR_HTTP_CONTENT_LENGTH"],
  [["Content-Length", "0x5"], "ERR_HTTP_CONTENT_LENGTH"],
  [["Content-Length", "5e1"], "ERR_HTTP_CONTENT_LENGTH"],
  [["Content-Length", "5 5"], "ERR_HTTP_CONTENT_LENGTH"],
  [["Content-Length", "5, 5"], "ERR_HTTP_CONTENT_LENGTH"],
  [["Content-Length", "5,"], "ERR_HTTP_CONTENT_LENGTH"],
  [["Content-Length", "\xb2"], "ERR_HTTP_CONTENT_LENGTH"],
  [["Content-Length", "1000000000000000"], "ERR_HTTP_CONTENT_LENGTH"],
  [["Content-Length", "18446744073709551617"], "ERR_HTTP_CONTENT_LENGTH"],
  [["Content-Length", "5", "Content-Length", "5"], "ERR_HTTP_CONTENT_LENGTH"],
  [["Content-Length", "5", "content-length", "6"], "ERR_HTTP_CONTENT_LENGTH"],
  [["Content-Length", "5", "Transfer-Encoding", "chunked"], "ERR_HTTP_FRAMING"],
  [["Transfer-Encoding", "chunked", "Content-Length", "0"], "ERR_HTTP_FRAMING"],
  [["Transfer-Encoding", "x", "Content-Length", "5"], "ERR_HTTP_FRAMING"],
  [["Transfer-Encoding", "chunked"], "ERR_HTTP_TRANSFER_ENCODING", "1.0"],
  [["Transfer-Encoding", ""], "ERR_HTTP_TRANSFER_ENCODING"],
  [["Transfer-Encoding", "chunked, chunked"], "ERR_HTTP_TRANSFER_ENCODING"],
  [["Transfer-Encoding", "chunked", "Transfer-Encoding", "chunked"], "ERR_HTTP_TRANSFER_ENCODING"],
  [["Transfer-Encoding", "chunked, identity"], "ERR_HTTP_TRANSFER_ENCODING"],
  [["Transfer-Encoding", "chunked", "Transfer-Encoding", "identity"], "ERR_HTTP_TRANSFER_ENCODING"],
  [["Transfer-Encoding", ", chunked"], "ERR_HTTP_TRANSFER_ENCODING"],
  [["Transfer-Encoding", "chunked,"], "ERR_HTTP_TRANSFER_ENCODING"],
  [["Transfer-Encoding", '"chunked"'], "ERR_HTTP_TRANSFER_ENCODING"],
  [["Transfer-Encoding", "chunked;q=1"], "ERR_HTTP_TRANSFER_ENCODING"],
  [["Transfer-Encoding", "chunked\x0b"], "ERR_HTTP_TRANSFER_ENCODING"],
  [["Transfer-Encoding", "chunked\xa0"], "ERR_HTTP_TRANSFER_ENCODING"],
  [["Transfer-Encoding", "chun\tked"], "ERR_HTTP_TRANSFER_ENCODING"],
  [["Transfer-Encoding", "xchunked"], "ERR_HTTP_TRANSFER_CODING"],
  [["Transfer-Encoding", "chunked\t"], "ERR_HTTP_TRANSFER_CODING"],
  [["Content-Length", "5\t"], "ERR_HTTP_CONTENT_LENGTH"],
  [["Transfer-Encoding", "identity"], "ERR_HTTP_TRANSFER_CODING"],
  [["Transfer-Encoding", "gzip, chunked"], "ERR_HTTP_TRANSFER_CODING"],
];

for (const [list, expected, version = "1.1"] of requests) {
  test(`a request with ${JSON.stringify(list)} in ${version} is framed: ${expected}`, () => {
    const head = { method: "POST", target: "/", version, headers: Headers.trusted(list.slice()) };
    assert.equal(
      outcome(() => requestFraming(head)),
      expected,
    );
  });
}

const responses: readonly (readonly [
  method: string,
  status: number,
  list: readonly string[],
  expected: string | number,
  version?: Version,
])[] = [
  ["GET", 200, [], "close"],
  ["GET", 200, ["Content-Length", "0"], 0],
  ["GET", 200, ["Content-Length", "7"], 7],
  ["GET", 200, ["Transfer-Encoding", "chunked"], "chunked"],
  ["GET", 200, [], "close", "1.0"],
  ["HEAD", 200, ["Content-Length", "7"], "none"],
  ["HEAD", 200, ["Transfer-Encoding", "chunked"], "none"],
  ["GET", 204, [], "none"],
  ["GET", 304, ["Content-Length", "7"], "none"],
  ["GET", 100, [], "none"],
  ["GET", 103, ["Content-Length", "7"], "none"],
  ["HEAD", 200, ["Content-Length", "x"], "ERR_HTTP_CONTENT_LENGTH"],
  ["GET", 304, ["Content-Length", "7", "Transfer-Encoding", "chunked"], "ERR_HTTP_FRAMING"],
  ["CONNECT", 200, ["Content-Length", "7"], "none"],
  ["CONNECT", 407, ["Content-Length", "7"], 7],
  ["GET", 200, ["Content-Length", "7", "Content-Length", "7"], "ERR_HTTP_CONTENT_LENGTH"],
  ["GET", 200, ["Content-Length", "7", "Transfer-Encoding", "chunked"], "ERR_HTTP_FRAMING"],
  ["GET", 200, ["Transfer-Encoding", "gzip"], "ERR_HTTP_TRANSFER_CODING"],
  ["GET", 200, ["Transfer-Encoding", "chunked"], "ERR_HTTP_TRANSFER_ENCODING", "1.0"],
];

for (const [method, status, list, expected, version = "1.1"] of responses) {
  test(`the answer ${status} to ${method} with ${JSON.stringify(list)} in ${version} is framed: ${expected}`, () => {
    const head = { status, reason: "", version, headers: new Headers(list) };
    assert.equal(
      outcome(() => responseFraming(method, head)),
      expected,
    );
  });
}

const connections: readonly (readonly [version: Version, values: readonly string[], expected: boolean])[] = [
  ["1.1", [], true],
  ["1.0", [], false],
  ["1.1", ["close"], false],
  ["1.1", ["keep-alive"], true],
  ["1.1", ["x, Close"], false],
  ["1.1", ["keep-alive", "close"], false],
  ["1.1", ["closed"], true],
  ["1.1", ["Upgrade"], true],
  ["1.0", ["Keep-Alive"], true],
  ["1.0", ["keep-alive, close"], false],
  ["1.0", ["upgrade"], false],
];

for (const [version, values, expected] of connections) {
  test(`HTTP/${version} with Connection ${JSON.stringify(values)} is kept alive: ${expected}`, () => {
    assert.equal(keepsAlive(version, new Headers(values.flatMap((value) => ["Connection", value]))), expected);
  });
}

test("blanks within a list take no longer than other text", () => {
  const value = `close${" ".repeat(400_000)}x`;
  const started = performance.now();
  assert.equal(keepsAlive("1.1", new Headers(["Connection", value])), true);
  const head = {
    method: "POST",
    target: "/",
    version: "1.1" as const,
    headers: new Headers(["Transfer-Encoding", value]),
  };
  assert.equal(
    outcome(() => requestFraming(head)),
    "ERR_HTTP_TRANSFER_ENCODING",
  );
  assert.ok(performance.now() - started < 2000);
});
