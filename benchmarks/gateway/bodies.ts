import { checkBodies } from "../harness/answers.ts";
import { peersFor } from "../harness/bench.ts";
import { paths } from "../harness/configuration.ts";
import { share } from "../harness/goals.ts";
import { throughput } from "../harness/load.ts";
import type { Row } from "../harness/row.ts";
import { sizes } from "../harness/upstream-answers.ts";

type Size = keyof typeof sizes;
const goal = share("nginx", 0.9, { flatMemory: true });
const label = { "64k": "64 KiB", "1m": "1 MiB" };

const download = (size: Size): Row => ({
  name: `download-${size}`,
  title: `answer of ${label[size]}`,
  goal,
  async prepare(bench) {
    const path = `${paths.bodies}/${size}`;
    return [bench.sesame, ...peersFor(bench, "bodies")].map((subject) =>
      throughput(bench, subject, { path, check: () => checkBodies(subject, size) }),
    );
  },
});

const upload = (size: Size): Row => ({
  name: `upload-${size}`,
  title: `request of ${label[size]}`,
  goal,
  async prepare(bench) {
    return [bench.sesame, ...peersFor(bench, "bodies")].map((subject) =>
      throughput(bench, subject, {
        path: `${paths.bodies}/sink`,
        script: ["upload.lua", `${sizes[size]}`],
        check: () => checkBodies(subject, size),
      }),
    );
  },
});

/** Large bodies both ways. */
export const bodies: readonly Row[] = [download("64k"), upload("64k"), download("1m"), upload("1m")];
