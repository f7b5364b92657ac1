import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { timeoutsOf, tlsOf, within } from "./connection.ts";

test("timeouts have defaults, and the longer of sending and reading counts", () => {
  assert.deepEqual(timeoutsOf({}), { connectMs: 2_000, answerMs: 2_000 });
  assert.deepEqual(timeoutsOf({ connect_timeout: 1, read_timeout: null }), { connectMs: 1, answerMs: 2_000 });
  assert.deepEqual(timeoutsOf({ send_timeout: 3 }), { connectMs: 2_000, answerMs: 3 });
  assert.deepEqual(timeoutsOf({ send_timeout: 3, read_timeout: 4 }), { connectMs: 2_000, answerMs: 4 });
});

test("a certificate is verified only when that is asked for, for the server's name or the host", () => {
  assert.equal(tlsOf({ ssl_verify: true }, {}), undefined);
  assert.deepEqual(tlsOf({ ssl: true, host: "127.0.0.1" }, {}), { rejectUnauthorized: false });
  const verified = { ssl: true, ssl_verify: true, host: "a.test" };
  assert.deepEqual(tlsOf(verified, { ca: "PEM" }), { rejectUnauthorized: true, servername: "a.test", ca: "PEM" });
  assert.deepEqual(tlsOf({ ...verified, server_name: "b.test" }, {}), {
    rejectUnauthorized: true,
    servername: "b.test",
  });
});

test("work is given up when its time is over, and what comes late is handed on", async () => {
  assert.equal(await within(1_000, Promise.resolve(1), "it"), 1);
  await assert.rejects(within(1_000, Promise.reject(new Error("no")), "it"), /^Error: no$/);
  const late: number[] = [];
  const work = sleep(20).then(() => 2);
  await assert.rejects(
    within(1, work, "it", (value) => late.push(value)),
    /^Error: it took longer than 1 ms$/,
  );
  await work;
  await sleep(0);
  assert.deepEqual(late, [2]);
  await assert.rejects(
    within(
      1,
      sleep(5).then(() => Promise.reject(new Error("late"))),
      "it",
    ),
    /took longer/,
  );
  await sleep(10);
});
