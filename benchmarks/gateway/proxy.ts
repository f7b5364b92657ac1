import { checkProxy } from "../harness/answers.ts";
import { peersFor } from "../harness/bench.ts";
import { paths } from "../harness/configuration.ts";
import { share } from "../harness/goals.ts";
import { throughput } from "../harness/load.ts";
import type { Row } from "../harness/row.ts";

/** A route without plugins, answers of 126 bytes. */
export const proxy: Row = {
  name: "proxy",
  title: "proxy, no plugin",
  goal: share("nginx", 0.85),
  async prepare(bench) {
    return [bench.sesame, ...peersFor(bench, "proxy")].map((subject) =>
      throughput(bench, subject, { path: paths.proxy, check: () => checkProxy(subject, paths.proxy) }),
    );
  },
};
