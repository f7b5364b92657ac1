import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { instant, TimedLease } from "./lease.ts";

const before = (ms: number) => {
  const { monotonicMs, wallMs } = instant();
  return { monotonicMs: monotonicMs - ms, wallMs: wallMs - ms };
};

test("a lease is held for less than 100 ms after the moment of its renewal", () => {
  const lease = new TimedLease();
  assert.equal(lease.isCurrent(), false);
  lease.renew(before(20));
  assert.equal(lease.isCurrent(), true);
  lease.renew(before(100));
  assert.equal(lease.isCurrent(), false);
  lease.renew(before(0));
  lease.end();
  assert.equal(lease.isCurrent(), false);
});

test("how long ago everything was known is counted on when a lease has ended", () => {
  const lease = new TimedLease();
  assert.equal(lease.ageMs(), Number.POSITIVE_INFINITY);
  lease.renew({ ...before(300), wallMs: before(5000).wallMs });
  lease.end();
  const ageMs = lease.ageMs();
  assert.ok(ageMs >= 5000 && ageMs < 10_000, `${ageMs}`);
});

test("one clock that has gone on is enough to end it: machines sleep, and clocks are set", () => {
  const lease = new TimedLease();
  lease.renew({ ...before(0), wallMs: before(200).wallMs });
  assert.equal(lease.isCurrent(), false);
  lease.renew({ ...before(0), monotonicMs: before(200).monotonicMs });
  assert.equal(lease.isCurrent(), false);
});

test("who passes renewals on hears of each", () => {
  const lease = new TimedLease();
  const heard: unknown[] = [];
  const stop = lease.onRenew((at) => heard.push(at));
  const at = instant();
  lease.renew(at);
  stop();
  lease.renew(instant());
  assert.deepEqual(heard, [at]);
});

test("a moment of one process is one of another", () => {
  const program = `import { instant } from ${JSON.stringify(new URL("lease.ts", import.meta.url).href)}; console.log(JSON.stringify(instant()))`;
  const startMs = instant().monotonicMs;
  const { stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", program], { encoding: "utf8" });
  const { monotonicMs } = JSON.parse(stdout);
  assert.ok(startMs < monotonicMs && monotonicMs < instant().monotonicMs, `${startMs} < ${monotonicMs}`);
});
