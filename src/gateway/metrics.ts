/** The words by which a number is told apart from others of its name, such as `{ reason: "revoked" }`. */
export type Labels = Readonly<Record<string, string>>;

/** How numbers of one name are kept: what they mean, and for a histogram the upper bounds of its buckets, rising. */
export interface MetricDefinition {
  readonly help: string;
  readonly buckets?: readonly number[];
}

/** Numbers for monitoring. Names are Prometheus's, in its units: seconds, bytes, `_total` for what only grows. */
export interface Metrics {
  count(name: string, labels?: Labels): void;
  observe(name: string, value: number, labels?: Labels): void;
}

/** Series by name, then by their labels as they are written; a histogram's counts are one for each bucket, and of all. */
export interface MetricsSnapshot {
  readonly [name: string]: { readonly [labels: string]: Series };
}
export interface Series {
  readonly count: number;
  readonly sum?: number;
  readonly buckets?: readonly number[];
}

/** Metrics that know the names they are given; another name throws. */
export class MetricsRegistry implements Metrics {
  readonly #definitions: Readonly<Record<string, MetricDefinition>>;
  readonly #series = new Map<string, Map<string, { count: number; sum: number; buckets: number[] }>>();

  constructor(definitions: Readonly<Record<string, MetricDefinition>>) {
    this.#definitions = definitions;
  }

  count(name: string, labels?: Labels): void {
    this.#seriesOf(name, labels).count++;
  }

  observe(name: string, value: number, labels?: Labels): void {
    const series = this.#seriesOf(name, labels);
    series.count++;
    series.sum += value;
    const at = this.#definitions[name]!.buckets!.findIndex((bound) => value <= bound);
    if (at >= 0) series.buckets[at]!++;
  }

  /** What was counted so far, as plain JSON. */
  snapshot(): MetricsSnapshot {
    const names = [...this.#series].map(([name, series]) => {
      const isHistogram = this.#definitions[name]!.buckets !== undefined;
      const rows = [...series].map(([labels, { count, sum, buckets }]) => [
        labels,
        isHistogram ? { count, sum, buckets: [...buckets] } : { count },
      ]);
      return [name, Object.fromEntries(rows)];
    });
    return Object.fromEntries(names);
  }

  #seriesOf(name: string, labels?: Labels) {
    let byLabels = this.#series.get(name);
    if (!byLabels) {
      if (!Object.hasOwn(this.#definitions, name)) throw new TypeError(`there is no metric ${name}`);
      this.#series.set(name, (byLabels = new Map()));
    }
    const key = labels ? labelsText(labels) : "";
    let series = byLabels.get(key);
    if (!series) {
      const buckets = (this.#definitions[name]!.buckets ?? []).map(() => 0);
      byLabels.set(key, (series = { count: 0, sum: 0, buckets }));
    }
    return series;
  }
}

const escapes: Readonly<Record<string, string>> = { "\\": "\\\\", '"': '\\"', "\n": "\\n" };

function labelsText(labels: Labels): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${value.replace(/[\\"\n]/g, (mark) => escapes[mark]!)}"`)
    .join(",");
}

/** The sum of what several processes counted. */
export function mergeMetrics(snapshots: readonly MetricsSnapshot[]): MetricsSnapshot {
  const sums: Record<string, Record<string, Series>> = {};
  for (const snapshot of snapshots) {
    for (const [name, byLabels] of Object.entries(snapshot)) {
      const target = (sums[name] ??= {});
      for (const [labels, series] of Object.entries(byLabels)) {
        const known = target[labels];
        target[labels] = known ? added(known, series) : series;
      }
    }
  }
  return sums;
}

function added(a: Series, b: Series): Series {
  if (!a.buckets || !b.buckets) return { count: a.count + b.count };
  const buckets = a.buckets.map((count, index) => count + (b.buckets![index] ?? 0));
  return { count: a.count + b.count, sum: (a.sum ?? 0) + (b.sum ?? 0), buckets };
}

/** In the text format of Prometheus, version 0.0.4; every metric is named, also one that was never counted. */
export function renderMetrics(
  definitions: Readonly<Record<string, MetricDefinition>>,
  snapshot: MetricsSnapshot,
): string {
  const lines: string[] = [];
  for (const [name, { help, buckets }] of Object.entries(definitions)) {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${buckets ? "histogram" : "counter"}`);
    const series = Object.entries(snapshot[name] ?? {});
    for (const [labels, { count, sum = 0, buckets: counts = [] }] of series) {
      const inBraces = labels === "" ? "" : `{${labels}}`;
      if (!buckets) lines.push(`${name}${inBraces} ${count}`);
      else {
        let below = 0;
        const before = labels === "" ? "" : `${labels},`;
        for (const [index, bound] of buckets.entries()) {
          below += counts[index] ?? 0;
          lines.push(`${name}_bucket{${before}le="${bound}"} ${below}`);
        }
        lines.push(`${name}_bucket{${before}le="+Inf"} ${count}`);
        lines.push(`${name}_sum${inBraces} ${sum}`, `${name}_count${inBraces} ${count}`);
      }
    }
  }
  return `${lines.join("\n")}\n`;
}
