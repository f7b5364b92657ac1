import { join } from "node:path";
import type { Bench } from "./bench.ts";
import { type Summary, summarize, type Verdict } from "./goals.ts";
import type { Row, Sample } from "./row.ts";
import { startSesame } from "./sesame.ts";

/** What was found of one row. */
export interface Result {
  readonly name: string;
  readonly title: string;
  readonly goal: string;
  readonly verdict: Verdict;
  /** Sesame first; none when it could not be measured. */
  readonly contenders: readonly Summary[];
}

/** What serves all rows. */
export type BenchBase = Omit<Bench, "cleanup" | "startSesame" | "sesame">;

const WARM_UP_SECONDS = 5;

/** Measure a row: look at the answers, warm everybody up, then runs in turns. What the row has started is stopped at its end. */
export async function measure(row: Row, base: BenchBase): Promise<Result> {
  await using cleanup = new AsyncDisposableStack();
  let started = 0;
  const start: Bench["startSesame"] = async (options) => {
    const prefix = join(base.folder, `${row.name}-${++started}`);
    const { cores, upstream, launcher } = base;
    const sesame = await startSesame({ ...options, cores, upstream, prefix, launcher, engine: base.options.engine });
    cleanup.defer(sesame.stop);
    return sesame;
  };
  const bench: Bench = { ...base, cleanup, startSesame: start, sesame: await start({ name: "Sesame" }) };
  const facts = { name: row.name, title: row.title, goal: row.goal.text };
  const contenders = await row.prepare(bench);
  if (typeof contenders === "string") {
    return {
      ...facts,
      verdict: { met: undefined, reached: `not measured: ${contenders}` },
      contenders: [],
    };
  }
  const { rounds, seconds } = base.options;
  for (const contender of contenders) {
    await contender.check();
    if (row.rounds === undefined) await contender.run(WARM_UP_SECONDS);
  }
  const samples = contenders.map((): Sample[] => []);
  for (let round = 0; round < (row.rounds ?? rounds); round++) {
    for (const [index, contender] of contenders.entries()) samples[index]!.push(await contender.run(seconds));
  }
  const summaries = contenders.map(({ name }, index) => summarize(name, samples[index]!));
  return {
    ...facts,
    verdict: row.goal.judge(summaries[0]!, summaries.slice(1)),
    contenders: summaries,
  };
}
