/**
 * What it costs to make a stateless session: id, keys, JSON, payload, MAC, the text of the cookie.
 *
 *   bin/sesame node benchmarks/session/save.ts [seconds]
 */
import assert from "node:assert/strict";
import { createSessions, type Session, type SetCookie } from "../../src/session/index.ts";
import { costOf, reportCost } from "../harness/one-function.ts";

const NOW = 1_900_000_000;
const data = ["11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222", ["admin", "dev"]];

const sessions = createSessions({ secret: "benchmark" });

function save(): SetCookie {
  const created = sessions.create({});
  created.subject = "alice";
  created.data = data;
  return (created.save(NOW) as readonly SetCookie[])[0]!;
}

// A cost means something only when the answers are right.
const cookies = Array.from({ length: 1000 }, () => save().text.split(";")[0]!);
assert.equal(new Set(cookies).size, 1000);
for (const cookie of cookies) assert.deepEqual((sessions.open({ cookie }, NOW) as Session).data, data);

reportCost("save, stateless", costOf(save, Number(process.argv[2] ?? 1)));
