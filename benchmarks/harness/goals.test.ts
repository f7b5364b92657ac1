import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { memoryBelow, p99Within, perSecond, share, spreadOf, summarize } from "./goals.ts";
import { between } from "./report.ts";
import type { Sample } from "./row.ts";

const of = (name: string, ...samples: Sample[]) => summarize(name, samples);

it("a spread is median, first, last, and the distance of the extremes, without the outer quarters, in parts of the median", () => {
  assert.deepEqual(spreadOf([90, 110, 100]), { median: 100, spread: 0.2, first: 90, last: 100 });
  assert.deepEqual(spreadOf([1, 2, 3, 10]), { median: 2.5, spread: 0.4, first: 1, last: 10 });
  assert.equal(spreadOf([900, 101, 100, 1, 99, 99, 100, 101, 0]).spread, 0.02);
});

it("a summary has what was measured", () => {
  const { rate, cpu, p99Ms } = of("a", { rate: 10 }, { rate: 30 }, { rate: 20 });
  assert.deepEqual([rate?.median, cpu, p99Ms], [20, undefined, undefined]);
});

describe("a share of another's work", () => {
  const goal = share("nginx", 0.75);
  const cases: readonly [name: string, ours: Sample, theirs: Sample, met: boolean | undefined, reached: string][] = [
    [
      "is judged by the rate where that is far below",
      { rate: 50, cpu: 1 },
      { rate: 100, cpu: 1 },
      false,
      "0.50 by rate",
    ],
    ["is judged by CPU near the load's limit", { rate: 80, cpu: 20 }, { rate: 100, cpu: 16 }, true, "0.80 by CPU"],
    ["is missed by CPU", { rate: 99, cpu: 40 }, { rate: 100, cpu: 16 }, false, "0.40 by CPU"],
    ["is judged by the rate where CPU cannot be seen", { rate: 80 }, { rate: 100, cpu: 16 }, true, "0.80 by rate"],
    ["cannot be judged without a rate", {}, { rate: 100 }, undefined, "not measured"],
  ];
  for (const [name, ours, theirs, met, reached] of cases) {
    it(name, () => assert.deepEqual(goal.judge(of("Sesame", ours), [of("nginx", theirs)]), { met, reached }));
  }

  it("compares what was run in the same round", () => {
    const ours = of("Sesame", { rate: 80 }, { rate: 8 }, { rate: 90 });
    const theirs = of("nginx", { rate: 100 }, { rate: 10 }, { rate: 100 });
    assert.deepEqual(goal.judge(ours, [theirs]), { met: true, reached: "0.80 by rate" });
  });

  it("is not decided by runs that are far apart", () => {
    const ours = of("Sesame", { rate: 80 }, { rate: 30 }, { rate: 90 });
    const theirs = of("nginx", { rate: 100 }, { rate: 100 }, { rate: 100 });
    const reached = "0.80 by rate, but the runs are too far apart";
    assert.deepEqual(goal.judge(ours, [theirs]), { met: undefined, reached });
  });

  it("cannot be judged without the other", () => {
    assert.equal(goal.judge(of("Sesame", { rate: 1 }), []).met, undefined);
  });

  it("is not met when memory was to be flat and grew", () => {
    const flat = share("nginx", 0.5, { flatMemory: true });
    const verdict = flat.judge(of("Sesame", { rate: 1, memory: 100 }, { rate: 1, memory: 300 }), [
      of("nginx", { rate: 1 }),
    ]);
    assert.deepEqual(verdict, { met: false, reached: "1.00 by rate, memory grew by 200 MB" });
  });
});

it("a p99 is compared only between those who keep pace", () => {
  const goal = p99Within("nginx", 1, 1000);
  const nginx = of("nginx", { rate: 1000, p99Ms: 2 });
  assert.deepEqual(goal.judge(of("Sesame", { rate: 999, p99Ms: 2.5 }), [nginx]), { met: true, reached: "+0.50 ms" });
  assert.deepEqual(goal.judge(of("Sesame", { rate: 999, p99Ms: 3.5 }), [nginx]), { met: false, reached: "+1.50 ms" });
  const slow = goal.judge(of("Sesame", { rate: 500, p99Ms: 1 }), [nginx]);
  assert.deepEqual(slow, { met: false, reached: "Sesame does not keep pace" });
});

it("rates and memory are held against a number", () => {
  assert.deepEqual(perSecond(4000).judge(of("a", { rate: 3999 }), []), { met: false, reached: "3,999/s" });
  assert.deepEqual(memoryBelow(250).judge(of("a", { memory: 249 }), []), { met: true, reached: "249 MB at rest" });
  const { reached } = memoryBelow(250).judge(of("a", { memory: 251, peak: 400 }), []);
  assert.equal(reached, "251 MB at rest, peak 400 MB");
});

it("a text is put between its markers", () => {
  assert.equal(between("a\n<!-- t -->\nold\n<!-- /t -->\nb", "t", "new\n"), "a\n<!-- t -->\nnew\n<!-- /t -->\nb");
  assert.throws(() => between("a", "t", "new"), /<!-- t -->/);
});
