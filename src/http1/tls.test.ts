import assert from "node:assert/strict";
import { createServer, type Server } from "node:https";
import { type TestContext, test } from "node:test";
import type { TLSSocket } from "node:tls";
import { generate } from "selfsigned";
import { exchange, listen, originAt, Recorder, requestOf, testPool, until } from "./testing.ts";
import type { Origin, OriginTls } from "./upstream.ts";

const names = [
  { type: 2, value: "one.test" },
  { type: 7, ip: "127.0.0.1" },
] as const;
const pair = await generate([{ name: "commonName", value: "one.test" }], {
  extensions: [
    { name: "basicConstraints", cA: true },
    { name: "subjectAltName", altNames: [...names] },
  ],
});

async function tlsOrigin(t: TestContext, tls: OriginTls, options: object = {}): Promise<Origin & { server: Server }> {
  const server = createServer({ key: pair.private, cert: pair.cert, ...options }, (request, response) => {
    const { servername, authorized } = request.socket as TLSSocket;
    response.end(`${servername}|${authorized}|${request.url}`);
  });
  // A handshake that the client breaks off is no news here.
  server.on("tlsClientError", () => {});
  const origin = originAt(await listen(t, server));
  return { ...origin, key: `${origin.key}|${JSON.stringify(tls)}`, tls, server };
}

test("a certificate that is trusted and has the name passes, and the connection is used again", async (t) => {
  const origin = await tlsOrigin(t, { servername: "one.test", rejectUnauthorized: true, ca: pair.cert });
  const pool = testPool(t);
  const first = await exchange(pool, origin, { target: "/1" });
  assert.equal(first.body, "one.test|false|/1");
  assert.deepEqual(first.calls, ["connect", "head", "end"]);
  assert.equal((await exchange(pool, origin, { target: "/2" })).body, "one.test|false|/2");
  assert.equal(pool.stats().opened, 1);
});

test("an IP address is compared with the certificate, and not sent as SNI", async (t) => {
  const origin = await tlsOrigin(t, { servername: "127.0.0.1", rejectUnauthorized: true, ca: [pair.cert] });
  assert.equal((await exchange(testPool(t), origin)).body, "false|false|/");
  const other = await tlsOrigin(t, { servername: "127.0.0.2", rejectUnauthorized: true, ca: pair.cert });
  assert.equal((await exchange(testPool(t), other)).error?.code, "ERR_UPSTREAM_TLS");
});

test("without verification anything passes, with its name as SNI", async (t) => {
  const origin = await tlsOrigin(t, { servername: "other.test", rejectUnauthorized: false });
  assert.equal((await exchange(testPool(t), origin)).body, "other.test|false|/");
});

const refused: readonly (readonly [reason: string, tls: OriginTls, cause: string])[] = [
  ["not trusted", { servername: "one.test", rejectUnauthorized: true }, "DEPTH_ZERO_SELF_SIGNED_CERT"],
  [
    "of another name",
    { servername: "two.test", rejectUnauthorized: true, ca: pair.cert },
    "ERR_TLS_CERT_ALTNAME_INVALID",
  ],
];

for (const [reason, tls, cause] of refused) {
  test(`a certificate that is ${reason} is refused before anything is sent`, async (t) => {
    const origin = await tlsOrigin(t, tls);
    let requests = 0;
    origin.server.on("request", () => (requests += 1));
    const recorder = new Recorder();
    const to = testPool(t).request(origin, requestOf({ method: "POST", body: { chunked: true } }), recorder);
    to.write(Buffer.from("secret"));
    await recorder.ended;
    const { error } = recorder;
    assert.equal(error?.code, "ERR_UPSTREAM_TLS");
    assert.equal(error.phase, "connect");
    assert.equal(error.bodyBytesSent, 0);
    assert.equal((error.cause as { code: string }).code, cause);
    assert.equal(requests, 0);
  });
}

test("a client certificate is presented", async (t) => {
  const client = { cert: pair.cert, key: pair.private, ca: pair.cert };
  const options = { requestCert: true, rejectUnauthorized: false, ca: pair.cert };
  const origin = await tlsOrigin(t, { servername: "one.test", rejectUnauthorized: true, ...client }, options);
  assert.equal((await exchange(testPool(t), origin)).body, "one.test|true|/");
});

test("a server without TLS fails the handshake", async (t) => {
  const { createServer: createPlain } = await import("node:http");
  const origin = originAt(await listen(t, createPlain()));
  const tls = { servername: "one.test", rejectUnauthorized: false };
  const pool = testPool(t);
  assert.equal((await exchange(pool, { ...origin, tls })).error?.code, "ERR_UPSTREAM_TLS");
  await until(() => pool.stats().active === 0);
});

test("certificates that cannot be read are named at once", (t) => {
  const tls = { servername: "one.test", rejectUnauthorized: true, cert: "no PEM", key: "no PEM" };
  const send = (): unknown => testPool(t).request({ ...originAt(1), tls }, requestOf(), new Recorder());
  assert.throws(send, { name: "UpstreamError", code: "ERR_UPSTREAM_TLS" });
});

test("a large body goes both ways over TLS", async (t) => {
  const origin = await tlsOrigin(t, { servername: "one.test", rejectUnauthorized: true, ca: pair.cert });
  origin.server.removeAllListeners("request");
  origin.server.on("request", (request, response) => request.pipe(response));
  const size = 4 * 1024 * 1024;
  const answer = await exchange(testPool(t), origin, { method: "POST", body: Buffer.alloc(size) });
  assert.equal(answer.bodyBytes, size);
});
