import assert from "node:assert/strict";
import { createServer as createHttpServer } from "node:http";
import type { Socket } from "node:net";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { createPool } from "./pool.ts";
import { answering, exchange, listen, originAt, Recorder, rawOrigin, requestOf, testPool, until } from "./testing.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

test("a connection is used again for the next request", async (t) => {
  const sockets = new Set<unknown>();
  const server = createHttpServer((request, response) => {
    sockets.add(request.socket);
    response.end(request.url);
  });
  const origin = originAt(await listen(t, server));
  const pool = testPool(t);
  for (const target of ["/1", "/2", "/3"]) {
    const answer = await exchange(pool, origin, { target });
    assert.equal(answer.body, target);
    assert.deepEqual(answer.calls, target === "/1" ? ["connect", "head", "end"] : ["head", "end"]);
  }
  assert.equal(sockets.size, 1);
  assert.deepEqual(pool.stats(), { idle: 1, active: 0, opened: 1, reused: 2 });
});

test("requests at the same time have connections of their own, and the one used last is used first", async (t) => {
  const origin = await rawOrigin(t, (socket, number) => {
    socket.on("data", () => socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n${number}`));
  });
  const pool = testPool(t);
  const answers = await Promise.all([exchange(pool, origin), exchange(pool, origin)]);
  assert.deepEqual(answers.map((answer) => answer.body).sort(), ["1", "2"]);
  assert.deepEqual(pool.stats(), { idle: 2, active: 0, opened: 2, reused: 0 });
  const third = await exchange(pool, origin);
  assert.equal((await exchange(pool, origin)).body, third.body);
});

test("connections are shared by key only", async (t) => {
  const origin = await answering(t, OK);
  const pool = testPool(t);
  await exchange(pool, origin);
  await exchange(pool, { ...origin, key: "another" });
  assert.equal(pool.stats().opened, 2);
});

test("a request may be sent from within onEnd, on the connection that has just become free", async (t) => {
  const origin = await answering(t, OK);
  const pool = testPool(t);
  const second = new Recorder();
  const first = new Recorder();
  first.onEnd = () => pool.request(origin, requestOf(), second);
  pool.request(origin, requestOf(), first);
  await second.ended;
  assert.equal(second.body, "ok");
  assert.equal(pool.stats().opened, 1);
});

const spoiled: readonly (readonly [answer: string, reason: string])[] = [
  ["HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok", "it says close"],
  ["HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: x, CLOSE\r\n\r\nok", "it says close in a list"],
  ["HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", "it is HTTP/1.0"],
  [`${OK}surplus`, "bytes follow the answer"],
  [`${OK}${OK}`, "a second answer follows"],
];

for (const [answer, reason] of spoiled) {
  test(`a connection is not used again when ${reason}`, async (t) => {
    const origin = await answering(t, answer);
    const pool = testPool(t);
    assert.equal((await exchange(pool, origin)).body, "ok");
    assert.equal((await exchange(pool, origin)).body, "ok");
    assert.equal(pool.stats().opened, 2);
    await until(() => pool.stats().active === 0);
  });
}

test("HTTP/1.0 with keep-alive keeps its connection", async (t) => {
  const origin = await answering(t, "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok");
  const pool = testPool(t);
  assert.equal((await exchange(pool, origin)).version, "1.0");
  await exchange(pool, origin);
  assert.equal(pool.stats().opened, 1);
});

test("bytes on an idle connection destroy it", async (t) => {
  const origin = await rawOrigin(t, (socket, number) => {
    socket.on("data", () => {
      socket.write(OK);
      if (number === 1) setTimeout(() => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"), 10);
    });
  });
  const pool = testPool(t);
  await exchange(pool, origin);
  await until(() => pool.stats().idle === 0 && pool.stats().active === 0);
  assert.equal((await exchange(pool, origin)).body, "ok");
  assert.equal(pool.stats().opened, 2);
});

for (const [what, sent] of [
  ["an answer", "HTTP/1.1 408 Request Timeout\r\nContent-Length: 6\r\n\r\npoison"],
  ["the end", ""],
] as const) {
  test(`${what} that comes before a request has left is not taken for its answer`, async (t) => {
    const asked: string[] = [];
    let first: Socket | undefined;
    const origin = await rawOrigin(t, (socket, number) => {
      first ??= socket;
      socket.on("data", (chunk) => {
        asked.push(`${number} ${chunk.toString("latin1").split(" ", 1)[0]}`);
        socket.write(OK);
      });
    });
    const pool = testPool(t);
    await exchange(pool, origin);
    const recorder = new Recorder();
    // What is begun among the immediates leaves with the next ones, and what has come is read in between.
    setImmediate(() => {
      if (sent === "") first!.end();
      else first!.write(sent);
      pool.request(origin, requestOf({ method: "POST", body: Buffer.from("body") }), recorder);
    });
    await recorder.ended;
    const { code, phase, reused, responseStarted, bodyBytesSent } = recorder.error!;
    assert.deepEqual(recorder.calls, ["error"]);
    assert.equal(code, "ERR_UPSTREAM_RESET");
    assert.deepEqual(
      { phase, reused, responseStarted, bodyBytesSent },
      { phase: "connect", reused: true, responseStarted: false, bodyBytesSent: 0 },
    );
    assert.equal((await exchange(pool, origin)).body, "ok");
    assert.deepEqual(asked, ["1 GET", "2 GET"]);
  });
}

test("an idle connection is dropped when the upstream closes it", async (t) => {
  const origin = await rawOrigin(t, (socket) => {
    socket.on("data", () => socket.write(OK, () => setTimeout(() => socket.end(), 5)));
  });
  const pool = testPool(t);
  await exchange(pool, origin);
  await until(() => pool.stats().idle === 0 && pool.stats().active === 0);
});

test("an idle connection is closed after its time", async (t) => {
  const origin = await answering(t, OK);
  const pool = testPool(t, { idleTimeoutMs: 20 });
  await exchange(pool, origin);
  assert.equal(pool.stats().idle, 1);
  await until(() => pool.stats().idle === 0 && pool.stats().active === 0);
});

test("a connection carries no more requests than allowed", async (t) => {
  const origin = await answering(t, OK);
  const pool = testPool(t, { maxRequestsPerConnection: 2 });
  for (let i = 0; i < 5; i += 1) await exchange(pool, origin);
  assert.equal(pool.stats().opened, 3);
});

test("no more connections lie idle than allowed, the oldest goes", async (t) => {
  const origin = await answering(t, OK);
  const pool = testPool(t, { maxIdlePerOrigin: 2 });
  await Promise.all([1, 2, 3, 4].map(() => exchange(pool, origin)));
  await until(() => pool.stats().active === 0);
  assert.deepEqual(pool.stats(), { idle: 2, active: 0, opened: 4, reused: 0 });
});

test("a pool that is closed lets running exchanges finish and takes no others", async (t) => {
  let answer: (() => void) | undefined;
  const origin = await rawOrigin(t, (socket, number) => {
    socket.on("data", () => {
      if (number === 1) socket.write(OK);
      else answer = () => socket.write(OK);
    });
  });
  const pool = createPool();
  const slow = new Recorder();
  const first = exchange(pool, origin);
  pool.request(origin, requestOf(), slow);
  await first;
  await until(() => answer !== undefined);
  let closed = false;
  const closing = pool.close().then(() => (closed = true));
  assert.throws(() => pool.request(origin, requestOf(), new Recorder()), { code: "ERR_UPSTREAM_POOL_CLOSED" });
  await wait(10);
  assert.equal(closed, false, "it waits for the running exchange");
  answer!();
  await slow.ended;
  assert.equal(slow.body, "ok");
  await closing;
  assert.deepEqual(pool.stats(), { idle: 0, active: 0, opened: 2, reused: 0 });
});

test("a pool that was never used closes at once", async () => {
  await createPool().close();
});

test("a pool that is destroyed fails running exchanges", async (t) => {
  const origin = await rawOrigin(t, () => {});
  const pool = createPool();
  const recorder = new Recorder();
  pool.request(origin, requestOf(), recorder);
  pool.destroy();
  await recorder.ended;
  assert.equal(recorder.error?.code, "ERR_UPSTREAM_POOL_CLOSED");
  await pool.close();
});
