import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { echoUrl, startProxy } from "../helpers/proxy.ts";
import { until } from "../helpers/until.ts";
import { startRawUpstream, startUpstream } from "../helpers/upstream.ts";
import { ask, doorsOf, http1Of, open, openHttp2 } from "../helpers/wire.ts";

const long = (length: number) => "x".repeat(length);
const fields = (count: number) => Array.from({ length: count }, (_, i) => `X-${i}: y\r\n`).join("");

/** Bytes that are no request we serve; `P` stands for the path of a route. What follows them on the connection is not heard. */
const malformed: readonly (readonly [name: string, bytes: string, status: number])[] = [
  ["no request line", "\x16\x03\x01\x02\r\n\r\n", 400],
  ["no version", "GET P\r\nHost: h\r\n\r\n", 400],
  ["a blank in the target", "GET P x HTTP/1.1\r\nHost: h\r\n\r\n", 400],
  ["a version of the future", "GET P HTTP/3.0\r\nHost: h\r\n\r\n", 505],
  ["a lower-case method", "get P HTTP/1.1\r\nHost: h\r\n\r\n", 400],
  ["a bare LF", "GET P HTTP/1.1\nHost: h\n\n", 400],
  ["a bare LF after a field", "GET P HTTP/1.1\r\nHost: h\r\nX-A: 1\nX-B: 2\r\n\r\n", 400],
  ["a bare CR in a value", "GET P HTTP/1.1\r\nHost: h\r\nX-A: 1\rX-B: 2\r\n\r\n", 400],
  ["NUL in a value", "GET P HTTP/1.1\r\nHost: h\r\nX-A: a\0b\r\n\r\n", 400],
  ["NUL in the path", "GET P\0 HTTP/1.1\r\nHost: h\r\n\r\n", 400],
  ["an escaped NUL", "GET P%00 HTTP/1.1\r\nHost: h\r\n\r\n", 400],
  ["a bad escape", "GET P%zz HTTP/1.1\r\nHost: h\r\n\r\n", 400],
  ["a fragment", "GET P#x HTTP/1.1\r\nHost: h\r\n\r\n", 400],
  ["a fragment in an absolute target", "GET http://h/#x HTTP/1.1\r\nHost: h\r\n\r\n", 400],
  ["a control character in a value", "GET P HTTP/1.1\r\nHost: h\r\nX-A: a\x01b\r\n\r\n", 400],
  ["DEL in a value", "GET P HTTP/1.1\r\nHost: h\r\nX-A: a\x7fb\r\n\r\n", 400],
  ["a blank before the colon", "GET P HTTP/1.1\r\nHost: h\r\nX-A : 1\r\n\r\n", 400],
  ["a field without a name", "GET P HTTP/1.1\r\nHost: h\r\n: 1\r\n\r\n", 400],
  ["a field without a colon", "GET P HTTP/1.1\r\nHost: h\r\nX-A\r\n\r\n", 400],
  ["a name that is no token", "GET P HTTP/1.1\r\nHost: h\r\nX(A): 1\r\n\r\n", 400],
  ["a folded line", "GET P HTTP/1.1\r\nHost: h\r\nX-A: 1\r\n  2\r\n\r\n", 400],
  ["no Host", "GET P HTTP/1.1\r\n\r\n", 400],
  ["two Hosts", "GET P HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", 400],
  ["a Host that is none", "GET P HTTP/1.1\r\nHost: a b\r\n\r\n", 400],
  ["a Host with a path", "GET P HTTP/1.1\r\nHost: h/evil\r\n\r\n", 400],
  [
    "length and chunks",
    "POST P HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    400,
  ],
  ["two lengths", "POST P HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 400],
  ["the same length twice", "POST P HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400],
  ["a length that is a list", "POST P HTTP/1.1\r\nHost: h\r\nContent-Length: 5, 5\r\n\r\nhello", 400],
  ["a negative length", "POST P HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", 400],
  ["a length that is no number", "POST P HTTP/1.1\r\nHost: h\r\nContent-Length: 0x5\r\n\r\nhello", 400],
  ["chunks in HTTP/1.0", "POST P HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400],
  ["an unknown coding", "POST P HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501],
  ["chunked, but not last", "POST P HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", 400],
  ["identity", "POST P HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: identity\r\n\r\n", 501],
  ["a line that is too long", `GET P HTTP/1.1\r\nHost: h\r\nX-A: ${long(50_000)}\r\n\r\n`, 400],
  ["a target that is too long", `GET P?${long(50_000)} HTTP/1.1\r\nHost: h\r\n\r\n`, 414],
  ["a head that is too long", `GET P HTTP/1.1\r\nHost: h\r\nX-A: ${long(40_000)}\r\nX-B: ${long(40_000)}\r\n\r\n`, 400],
  ["too many fields", `GET P HTTP/1.1\r\nHost: h\r\n${fields(300)}\r\n`, 431],
  ["a target that is no path", "GET P.example HTTP/1.1\r\nHost: h\r\n\r\n".replace("P", "h"), 400],
  ["a target of another scheme", "GET ftp://h/ HTTP/1.1\r\nHost: h\r\n\r\n", 400],
  ["an absolute target of another host", "GET http://other/ HTTP/1.1\r\nHost: h\r\n\r\n", 400],
  ["the asterisk", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", 400],
  ["TRACE", "TRACE P HTTP/1.1\r\nHost: h\r\n\r\n", 405],
  ["CONNECT", "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n", 405],
  ["HTTP/2 without ALPN", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505],
];

test("what is no request is refused, the connection closed, and nothing reaches the upstream", {
  concurrency: true,
}, async (t) => {
  const gateway = await startProxy(t);
  let reached = "";
  const upstream = await startUpstream(t, (request, response) => {
    reached += `${request.method} ${request.url}; `;
    response.end();
  });
  const path = await gateway.mount(upstream.url);
  await Promise.all(
    malformed.flatMap(([name, bytes, status]) =>
      http1Of(gateway).map((door) =>
        t.test(`${name} (${door.name})`, async (t) => {
          const wire = await open(t, door);
          wire.send(`${bytes.replace(" P", ` ${path}`)}GET ${path}/smuggled HTTP/1.1\r\nHost: h\r\n\r\n`);
          const answer = await wire.answer();
          assert.equal(answer.status, status);
          assert.equal(answer.field("connection"), "close");
          assert.match(answer.body, /request_id/);
          assert.equal(await wire.rest(), "");
        }),
      ),
    ),
  );
  assert.equal(reached, "");
});

/** Bodies that go wrong after a head that is all right. */
const spoilt: readonly (readonly [name: string, bytes: string])[] = [
  ["a chunk size that is none", "4\r\nbody\r\nnone\r\n"],
  ["a chunk longer than it says", "4\r\nbodyandmore\r\n"],
  ["a chunk size beyond all bounds", "fffffffffffffffff\r\n"],
  ["a negative chunk", "-4\r\nbody\r\n"],
  ["a bare LF after a chunk size", "4\nbody\r\n0\r\n\r\n"],
  ["a trailer that is no field", "0\r\nno trailer\r\n\r\n"],
];

test("a malformed body ends its request on both sides", { concurrency: true }, async (t) => {
  const gateway = await startProxy(t);
  let whole = 0;
  const upstream = await startUpstream(t, (request) => {
    request.on("error", () => {});
    request.on("end", () => (whole += 1)).resume();
  });
  const path = await gateway.mount(upstream.url);
  await Promise.all(
    spoilt.flatMap(([name, bytes]) =>
      http1Of(gateway).map((door) =>
        t.test(`${name} (${door.name})`, async (t) => {
          const wire = await open(t, door);
          wire.send(`POST ${path} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n${bytes}`);
          const answer = await wire.answer();
          assert.equal(answer.status, 400);
          assert.equal(answer.field("connection"), "close");
          await wire.closed;
        }),
      ),
    ),
  );
  assert.equal(whole, 0);
});

test("HTTP/2 refuses the same, by status or by reset", async (t) => {
  const gateway = await startProxy(t);
  let reached = 0;
  const upstream = await startRawUpstream(t, () => (reached += 1));
  const path = await gateway.mount(upstream.url);
  const door = doorsOf(gateway)[2]!;
  const rows = [
    [{ path: `${path}%zz` }, 400],
    [{ path: `${path}#x` }, 400],
    [{ path, method: "TRACE" }, 405],
    [{ path: `${path}?${long(50_000)}` }, 414],
    [{ path, headers: ["X-A", long(50_000)] }, 400],
    [{ path, headers: Array.from({ length: 600 }, (_, i) => (i % 2 === 0 ? `x-${i}` : "y")) }, 431],
    [{ path: "*", method: "OPTIONS" }, 400],
  ] as const;
  for (const [asked, status] of rows) {
    const answer = await ask(t, door, asked);
    assert.equal(answer.status, status, JSON.stringify(asked).slice(0, 60));
    assert.match(answer.body, /request_id/);
  }
  const differing = openHttp2(t, door).request({ ":path": path, ":authority": "h", host: "other" });
  assert.equal((await once(differing, "response"))[0][":status"], 400);
  const tooShort = openHttp2(t, door).request({
    ":method": "POST",
    ":path": path,
    ":authority": "h",
    "content-length": "9",
  });
  tooShort.on("error", () => {});
  tooShort.end("short");
  await until(() => tooShort.closed);
  assert.equal(tooShort.rstCode, 1);
  assert.equal(reached <= 1, true, "at most the head of the last one");
});

test("a session of nine cookies passes, and what is larger is refused by name", async (t) => {
  const gateway = await startProxy(t);
  const path = await gateway.mount(await echoUrl(t));
  const cookie = Array.from({ length: 9 }, (_, i) => `session${i === 0 ? "" : i + 1}=${long(4080)}`).join("; ");
  assert.ok(cookie.length > 36_000);
  for (const door of doorsOf(gateway)) {
    const passed = await ask(t, door, { path, headers: ["Cookie", cookie, "X-More", long(8_000)] });
    assert.deepEqual(passed.picture().seen("cookie"), [cookie], door.name);
    const refused = await ask(t, door, { path, headers: ["Cookie", cookie + cookie, "Accept", "text/plain"] });
    assert.equal(refused.status, 400, door.name);
    assert.match(refused.body, /Request header or cookie too large/);
  }
  const crumbs = cookie.split("; ").flatMap((crumb) => ["Cookie", crumb]);
  const joined = await ask(t, doorsOf(gateway)[2]!, { path, headers: crumbs });
  assert.deepEqual(joined.picture().seen("cookie"), [cookie], "as browsers send it over HTTP/2");
});

test("absolute targets, HTTP/1.0, pipelines and empty lines are served", async (t) => {
  const gateway = await startProxy(t);
  const path = await gateway.mount(await echoUrl(t));
  for (const door of http1Of(gateway)) {
    const wire = await open(t, door);
    wire.send(`\r\n\r\nGET http://h.test${path}/a?b HTTP/1.1\r\nHost: h.test\r\n\r\n`);
    assert.equal((await wire.answer()).picture().url, "/a?b", door.name);
    const two = (n: number) => `POST ${path}/${n} HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n${n}`;
    wire.send(`${two(1)}GET /unrouted HTTP/1.1\r\nHost: h\r\n\r\n${two(2)}`);
    assert.equal((await wire.answer()).picture().body, "1");
    assert.equal((await wire.answer()).status, 404);
    assert.equal((await wire.answer()).picture().body, "2");

    wire.send(`${two(3)}GARBAGE\r\n\r\n`);
    assert.equal((await wire.answer()).picture().body, "3", "the answer before the garbage is not lost");
    assert.equal((await wire.answer()).status, 400);
    await wire.closed;

    const old = await open(t, door);
    old.send(`GET ${path} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n`);
    const kept = await old.answer();
    assert.equal(kept.field("connection"), "keep-alive", door.name);
    old.send(`GET ${path} HTTP/1.0\r\n\r\n`);
    assert.equal((await old.answer()).field("connection"), "close");
    await old.closed;
  }
});

test("a client that dawdles is cut off", { concurrency: true }, async (t) => {
  const gateway = await startProxy(t, {
    client_header_timeout: "200ms",
    client_body_timeout: "200ms",
    keepalive_timeout: "200ms",
  });
  const path = await gateway.mount(await echoUrl(t));
  const large = await startUpstream(t, (_, response) => void response.end(Buffer.alloc(30_000_000)));
  const download = await gateway.mount(large.url);
  const cases = {
    async "in its head"(wire) {
      wire.send(`GET ${path} HTTP/1.1\r\nHost: h\r\n`);
      assert.equal((await wire.answer()).status, 408);
    },
    async "before its head"() {},
    async "in its body"(wire) {
      wire.send(`POST ${path} HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhalf`);
      const answer = await wire.answer();
      assert.equal(answer.status, 408);
      assert.equal(answer.field("connection"), "close");
    },
    async "between two requests"(wire) {
      wire.ask({ path });
      assert.equal((await wire.answer()).field("connection"), "keep-alive");
    },
  } satisfies Record<string, (wire: Awaited<ReturnType<typeof open>>) => Promise<void>>;
  await Promise.all([
    ...Object.entries(cases).flatMap(([name, play]) =>
      http1Of(gateway).map((door) =>
        t.test(`${name} (${door.name})`, async (t) => {
          const wire = await open(t, door);
          await play(wire as never);
          await wire.closed;
        }),
      ),
    ),
    ...http1Of(gateway).map((door) =>
      t.test(`while it should read (${door.name})`, async (t) => {
        const wire = await open(t, door);
        wire.ask({ path: download });
        await wire.head();
        wire.socket.pause();
        for (const end = Date.now() + 5000; large.open.size > 0 && Date.now() < end; )
          await new Promise((r) => setTimeout(r, 20));
        assert.equal(large.open.size, 0, "the upstream's connection is not held for ever");
      }),
    ),
    t.test("in a body over HTTP/2", async (t) => {
      const stream = openHttp2(t, doorsOf(gateway)[2]!).request({
        ":method": "POST",
        ":path": path,
        ":authority": "h",
      });
      stream.write("half");
      const [headers] = await once(stream, "response");
      assert.equal(headers[":status"], 408);
    }),
  ]);
  // A client that takes its time, but does move, is none of those.
  const slow = await open(t, doorsOf(gateway)[0]!);
  slow.send(`POST ${path} HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n`);
  for (const piece of "slow") {
    slow.send(piece);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.equal((await slow.answer()).picture().body, "slow");
});
