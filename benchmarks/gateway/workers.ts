import { checkSession, logIn } from "../harness/answers.ts";
import { paths } from "../harness/configuration.ts";
import { share } from "../harness/goals.ts";
import { throughput } from "../harness/load.ts";
import type { Row } from "../harness/row.ts";

/** Two worker processes on two processors beside one on one; the load needs as many again. */
export const workers: Row = {
  name: "workers",
  title: "two workers, beside one",
  goal: share("1 worker", 1.8, { rateOnly: true }),
  async prepare(bench) {
    const { all } = bench.cores;
    if (all.length < 4) return `four processors are needed, there are ${all.length}`;
    const cores = { ...bench.cores, load: all.slice(2) };
    const contender = async (count: number, name: string) => {
      const sesame = await bench.startSesame({ name, workers: count });
      const cookie = await logIn(sesame, paths.session);
      return throughput({ ...bench, cores }, sesame, {
        path: paths.session,
        headers: { cookie },
        check: () => checkSession(sesame, paths.session, cookie),
      });
    };
    return [await contender(2, "2 workers"), await contender(1, "1 worker")];
  },
};
