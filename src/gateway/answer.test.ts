import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createInbound } from "../../test/helpers/inbound.ts";
import { SETTINGS } from "../../test/helpers/plugins.ts";
import { Headers, type ResponseBody } from "../http1/index.ts";
import { answerFields, finishProxied, proxiedHeaders, proxiedLines } from "./answer.ts";
import { Context } from "./context.ts";
import { createTrustedPeers } from "./forwarded.ts";

const owner = { onDrain() {}, onFault() {}, onAbort() {} };
const trusted = createTrustedPeers({ trusted_ips: [], real_ip_header: "X-Real-IP", real_ip_recursive: false });

function contextOf(httpVersion: "1.0" | "1.1", keepAlive: boolean): Context {
  const inbound = { ...createInbound(), httpVersion, keepAlive };
  return new Context(inbound, { trusted, clock: () => 1_700_000_000_000, bodyBufferSize: 8192 }, owner);
}

const field = fc.constantFrom<readonly [string, string]>(
  ["Content-Type", "text/html"],
  ["content-type", "text/html"],
  ["Content-Type", "a/b"],
  ["Content-Length", "5"],
  ["Connection", "keep-alive"],
  ["Connection", "close, X-Gone"],
  ["Connection", "Server"],
  ["Keep-Alive", "timeout=5"],
  ["Transfer-Encoding", "chunked"],
  ["Trailer", "X-Sum"],
  ["Date", "Thu, 01 Jan 1970 00:00:00 GMT"],
  ["Server", "theirs"],
  ["Via", "1.1 other"],
  ["X-Kong-Request-Id", "theirs"],
  ["X-Kong-Upstream-Latency", "7"],
  ["x-kong-proxy-latency", "8"],
  ["X-Kong-Upstream-Status", "500"],
  ["Set-Cookie", "a=b"],
  ["Set-Cookie", "c=d"],
  ["X-Gone", "1"],
  ["ETag", '"x"'],
);
const body = fc.constantFrom<ResponseBody>(
  { kind: "none" },
  { kind: "length", length: 5 },
  { kind: "chunked" },
  { kind: "close" },
);
const names = fc.subarray(["server_tokens", "latency_tokens", "x-kong-request-id", "x-kong-upstream-status"]);

test("an answer's head as lines is what its fields would be", () => {
  let plain = 0;
  fc.assert(
    fc.property(
      fc.array(field, { maxLength: 8 }),
      body,
      fc.constantFrom("1.0" as const, "1.1" as const),
      fc.boolean(),
      names,
      (received, body, version, keepAlive, names) => {
        const head = { headers: new Headers(received.flat()), body };
        const fields = answerFields({ ...SETTINGS, headers: names as never });
        const took = { upstreamMs: 3, proxyMs: 1 };
        const ctx = contextOf(version, keepAlive);
        const lines = proxiedLines(ctx, head, fields, took);
        if (lines === undefined) return;
        plain += 1;
        ctx.response.status = 200;
        ctx.response.headers = proxiedHeaders(ctx, head, fields);
        finishProxied(ctx, fields, took);
        const { list } = ctx.response.headers;
        assert.equal(lines, list.map((part, i) => (i % 2 === 0 ? `\r\n${part}: ` : part)).join(""));
      },
    ),
    { numRuns: 3000 },
  );
  assert.ok(plain > 500, `only ${plain} were plain`);
});

test("there are no lines once somebody has asked for the fields", () => {
  const ctx = contextOf("1.1", true);
  const head = { headers: new Headers(["ETag", "x"]), body: { kind: "none" } as const };
  const lines = () => proxiedLines(ctx, head, answerFields(SETTINGS), { upstreamMs: 0, proxyMs: 0 });
  ctx.response.defer({ makeHeaders: () => proxiedHeaders(ctx, head, answerFields(SETTINGS)) });
  assert.ok(lines()?.includes("\r\nETag: x"));
  assert.equal(ctx.response.headers.get("etag"), "x");
  assert.equal(lines(), undefined);
});
