/**
 * How many stateless sessions a second one core opens in full: header, clocks, MAC, payload, JSON. Nothing is remembered
 * between two opens.
 *
 *   bin/sesame node benchmarks/session/open.ts [seconds]
 */
import assert from "node:assert/strict";
import { cpus } from "node:os";
import { createSessions, type Session } from "../../src/session/index.ts";

const NOW = 1_900_000_000;
const ROUNDS = 5;
const seconds = Number(process.argv[2] ?? 1);

const sessions = createSessions({ secret: "benchmark" });
const created = sessions.create({});
created.subject = "alice";
created.data = ["11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222", ["admin", "dev"]];
const [setCookie] = await created.save(NOW);
const cookie = setCookie!.text.split(";")[0]!;
const damaged = `${cookie.slice(0, -1)}${cookie.endsWith("A") ? "Q" : "A"}`;

const open = (text: string): Session => sessions.open({ cookie: text }, NOW + 10) as Session;

// A rate means something only when the answers are right.
assert.deepEqual(open(cookie).data, created.data);
assert.equal(open(cookie).subject, "alice");
assert.equal(open(damaged).reason, "unable_to_decrypt_session_data");
assert.equal((sessions.open({ cookie }, NOW + 901) as Session).reason, "session_idling_timeout_exceeded");

/** Opens per second, counted for a while. */
function measure(): number {
  const start = process.hrtime.bigint();
  const end = start + BigInt(Math.round(seconds * 1e9));
  let count = 0;
  while (process.hrtime.bigint() < end) {
    for (let batch = 0; batch < 1_000; batch++)
      if (!open(cookie).isOpen) throw new Error("a valid session was refused");
    count += 1_000;
  }
  return count / (Number(process.hrtime.bigint() - start) / 1e9);
}

measure();
const rates = Array.from({ length: ROUNDS }, measure).sort((a, b) => a - b);
const median = rates[Math.floor(ROUNDS / 2)]!;
console.log(`${cpus()[0]?.model.trim()}, Node ${process.version}, ${new Date().toISOString().slice(0, 10)}`);
console.log(
  `open, stateless: ${Math.round(median)} ops/s, ${(1e6 / median).toFixed(2)} µs each (median of ${ROUNDS} rounds)`,
);
