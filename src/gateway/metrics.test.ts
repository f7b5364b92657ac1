import assert from "node:assert/strict";
import { test } from "node:test";
import { MetricsRegistry, mergeMetrics, renderMetrics } from "./metrics.ts";

const definitions = {
  refused_total: { help: "Refused." },
  seconds: { help: "Time.", buckets: [0.1, 1] },
} as const;

test("what was counted reads as Prometheus wants it, with buckets that include the smaller ones", () => {
  const metrics = new MetricsRegistry(definitions);
  metrics.count("refused_total", { reason: "revoked" });
  metrics.count("refused_total", { reason: "revoked" });
  metrics.count("refused_total", { reason: 'a"b\\c\nd' });
  for (const value of [0.05, 0.1, 0.5, 7]) metrics.observe("seconds", value, { operation: "get" });
  assert.equal(
    renderMetrics(definitions, metrics.snapshot()),
    `# HELP refused_total Refused.
# TYPE refused_total counter
refused_total{reason="revoked"} 2
refused_total{reason="a\\"b\\\\c\\nd"} 1
# HELP seconds Time.
# TYPE seconds histogram
seconds_bucket{operation="get",le="0.1"} 2
seconds_bucket{operation="get",le="1"} 3
seconds_bucket{operation="get",le="+Inf"} 4
seconds_sum{operation="get"} 7.65
seconds_count{operation="get"} 4
`,
  );
});

test("what several processes counted is added up, and survives the way as JSON", () => {
  const [one, two] = [new MetricsRegistry(definitions), new MetricsRegistry(definitions)];
  one.count("refused_total", { reason: "a" });
  two.count("refused_total", { reason: "a" });
  two.count("refused_total", { reason: "b" });
  one.observe("seconds", 0.05);
  two.observe("seconds", 0.5);
  const sum = mergeMetrics(JSON.parse(JSON.stringify([one.snapshot(), two.snapshot()])));
  assert.deepEqual(sum, {
    refused_total: { 'reason="a"': { count: 2 }, 'reason="b"': { count: 1 } },
    seconds: { "": { count: 2, sum: 0.55, buckets: [1, 1] } },
  });
});

test("a name that nobody defined is a mistake, not a metric", () => {
  const metrics = new MetricsRegistry(definitions);
  assert.throws(() => metrics.count("other_total"), /no metric other_total/);
  assert.throws(() => metrics.count("toString"), /no metric toString/);
});
