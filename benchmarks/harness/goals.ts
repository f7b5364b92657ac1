import type { Sample } from "./row.ts";

/** The median of some runs, and how far they were apart, without the outer quarters: (highest - lowest) / median. */
export interface Spread {
  readonly median: number;
  readonly spread: number;
  readonly last: number;
  readonly first: number;
}

/** The samples of one contender, in numbers; a member is absent when no run had it. */
export interface Summary {
  readonly name: string;
  /** In the order of the rounds. */
  readonly samples: readonly Sample[];
  readonly rate?: Spread;
  readonly cpu?: Spread;
  readonly p99Ms?: Spread;
  readonly memory?: Spread;
  readonly peak?: Spread;
}

export interface Verdict {
  /** Undefined when it cannot be said. */
  readonly met: boolean | undefined;
  /** What was reached, in a few words. */
  readonly reached: string;
}

/** What Sesame shall reach in a row. */
export interface Goal {
  readonly text: string;
  judge(ours: Summary, others: readonly Summary[]): Verdict;
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
  const outer = Math.floor(sorted.length / 4);
  const spread = median === 0 ? 0 : (sorted.at(-1 - outer)! - sorted[outer]!) / median;
  return { median, spread, first: values[0]!, last: values.at(-1)! };
}

export function summarize(name: string, samples: readonly Sample[]): Summary {
  const member = (key: keyof Sample) => {
    const values = samples.flatMap((sample) => sample[key] ?? []);
    return values.length > 0 ? { [key]: spreadOf(values) } : {};
  };
  return {
    name,
    samples,
    ...member("rate"),
    ...member("cpu"),
    ...member("p99Ms"),
    ...member("memory"),
    ...member("peak"),
  };
}

/**
 * How ours compares to another: above 1 is better, for rates and for CPU. What was run in the same round is compared, and the
 * median taken of that, so that a machine that is slower for a while matters little. Absent where one was not measured.
 */
export function ratios(ours: Summary, other: Summary): { readonly rate?: Spread; readonly cpu?: Spread } {
  const of = (divide: (a: Sample, b: Sample) => number) => {
    const values = ours.samples.flatMap((sample, round) => {
      const theirs = other.samples[round];
      const value = theirs === undefined ? Number.NaN : divide(sample, theirs);
      return Number.isFinite(value) ? [value] : [];
    });
    return values.length > 0 ? spreadOf(values) : undefined;
  };
  const rate = of((a, b) => (a.rate ?? Number.NaN) / (b.rate ?? Number.NaN));
  const cpu = of((a, b) => (b.cpu ?? Number.NaN) / (a.cpu ?? Number.NaN));
  return { ...(rate && { rate }), ...(cpu && { cpu }) };
}

/** Above this share of the rate the load generator is what saturates, and the CPU per request decides. */
const SATURATION = 0.7;
/** Memory is flat when it grows by less than this from the first run to the last, in MB. */
const FLAT = 64;

/** Runs that are further apart than this decide nothing. */
const NOISY = 0.5;

const unknown: Verdict = { met: undefined, reached: "not measured" };

/** The verdict, unless the values it stands on are too far apart. */
function unlessNoisy({ met, reached }: Verdict, ...decisive: readonly Spread[]): Verdict {
  if (decisive.every(({ spread }) => spread <= NOISY)) return { met, reached };
  return { met: undefined, reached: `${reached}, but the runs are too far apart` };
}

/** At least `least` times what `name` does: by the rate or, where that says little, by the CPU. */
export function share(name: string, least: number, options: { flatMemory?: true; rateOnly?: true } = {}): Goal {
  const also = options.flatMemory ? ", memory flat" : "";
  return {
    text: `${least} × ${name}${also}`,
    judge(ours, others) {
      const other = others.find((summary) => summary.name === name);
      const { rate, cpu } = other ? ratios(ours, other) : {};
      if (rate === undefined) return unknown;
      const byCpu = rate.median > SATURATION && cpu !== undefined && !options.rateOnly;
      const decisive = byCpu ? cpu : rate;
      const value = decisive.median;
      const growth = ours.memory ? ours.memory.last - ours.memory.first : 0;
      const isFlat = !options.flatMemory || growth < FLAT;
      const reached = `${value.toFixed(2)} by ${byCpu ? "CPU" : "rate"}${isFlat ? "" : `, memory grew by ${growth.toFixed(0)} MB`}`;
      return unlessNoisy({ met: value >= least && isFlat, reached }, decisive);
    },
  };
}

/** At least so many a second; wrong answers fail the run before it is judged. */
export function perSecond(least: number): Goal {
  return {
    text: `${least.toLocaleString("en")}/s, none failed`,
    judge({ rate }) {
      if (!rate) return unknown;
      const reached = `${Math.round(rate.median).toLocaleString("en")}/s`;
      return unlessNoisy({ met: rate.median >= least, reached }, rate);
    },
  };
}

/** A p99 at most `plusMs` above that of `name`, both keeping pace with the rate that was wanted. */
export function p99Within(name: string, plusMs: number, wanted: number): Goal {
  return {
    text: `p99 ≤ ${name} + ${plusMs} ms`,
    judge(ours, others) {
      const other = others.find((summary) => summary.name === name);
      if (!ours.p99Ms || !other?.p99Ms || !ours.rate || !other.rate) return unknown;
      for (const { name, rate } of [ours, other]) {
        if (rate!.median < 0.97 * wanted) return { met: false, reached: `${name} does not keep pace` };
      }
      const more = ours.p99Ms.median - other.p99Ms.median;
      const reached = `${more >= 0 ? "+" : ""}${more.toFixed(2)} ms`;
      return unlessNoisy({ met: more <= plusMs, reached }, ours.p99Ms, other.p99Ms);
    },
  };
}

/** Less resident memory than so many MB, when all has come to rest. */
export function memoryBelow(most: number): Goal {
  return {
    text: `under ${most} MB at rest`,
    judge({ memory, peak }) {
      if (!memory) return unknown;
      const reached = `${memory.median.toFixed(0)} MB at rest${peak ? `, peak ${peak.median.toFixed(0)} MB` : ""}`;
      return { met: memory.median < most, reached };
    },
  };
}
