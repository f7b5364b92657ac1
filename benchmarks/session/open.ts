/**
 * What it costs to open a stateless session in full: header, clocks, MAC, payload, JSON. Nothing is remembered between two
 * opens.
 *
 *   bin/sesame node benchmarks/session/open.ts [seconds]
 */
import assert from "node:assert/strict";
import { createSessions, type Session } from "../../src/session/index.ts";
import { costOf, reportCost } from "../harness/one-function.ts";

const NOW = 1_900_000_000;

const sessions = createSessions({ secret: "benchmark" });
const created = sessions.create({});
created.subject = "alice";
created.data = ["11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222", ["admin", "dev"]];
const [setCookie] = await created.save(NOW);
const cookie = setCookie!.text.split(";")[0]!;
const damaged = `${cookie.slice(0, -1)}${cookie.endsWith("A") ? "Q" : "A"}`;

const open = (text: string): Session => sessions.open({ cookie: text }, NOW + 10) as Session;

// A cost means something only when the answers are right.
assert.deepEqual(open(cookie).data, created.data);
assert.equal(open(cookie).subject, "alice");
assert.equal(open(damaged).reason, "unable_to_decrypt_session_data");
assert.equal((sessions.open({ cookie }, NOW + 901) as Session).reason, "session_idling_timeout_exceeded");

const cost = costOf(
  () => {
    if (!open(cookie).isOpen) throw new Error("a valid session was refused");
  },
  Number(process.argv[2] ?? 1),
);
reportCost("open, stateless", cost);
