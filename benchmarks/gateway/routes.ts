import { checkProxy } from "../harness/answers.ts";
import { share } from "../harness/goals.ts";
import { throughput } from "../harness/load.ts";
import type { Row } from "../harness/row.ts";
import { insertRoutes } from "../harness/seed.ts";

const MANY = 10_000;
const FEW = 10;
const path = (number: number) => `/many/route-${number}`;

/** The last of 10,000 routes, beside the last of ten. */
export const routes: Row = {
  name: "routes",
  title: "the 10,000th route, beside the 10th",
  goal: share("10 routes", 0.9),
  async prepare(bench) {
    const contender = async (count: number) => {
      const seed = (prefix: string) =>
        insertRoutes(
          prefix,
          Array.from({ length: count }, (_, i) => path(i + 1)),
        );
      const sesame = await bench.startSesame({ name: `${count} routes`, seed });
      return throughput(bench, sesame, { path: path(count), check: () => checkProxy(sesame, path(count)) });
    };
    return [await contender(MANY), await contender(FEW)];
  },
};
