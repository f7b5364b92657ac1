import { join } from "node:path";
import { checkSession } from "../harness/answers.ts";
import { paths } from "../harness/configuration.ts";
import { mintSessions, writeCookies } from "../harness/cookies.ts";
import { memoryBelow } from "../harness/goals.ts";
import { throughput } from "../harness/load.ts";
import type { Row } from "../harness/row.ts";
import { insertConsumers, insertRoutes } from "../harness/seed.ts";

const SESSIONS = 100_000;
const ROUTES = 1_000;
const CONSUMERS = 10_000;
/** Long enough for every session to be seen at the slowest rate that is of interest. */
const SECONDS = 30;

/** What one process holds once it has seen many sessions of many consumers. */
export const memory: Row = {
  name: "memory",
  title: "memory: 100,000 sessions, 1,000 routes, 10,000 consumers",
  goal: memoryBelow(250),
  rounds: 1,
  async prepare(bench) {
    let consumers: string[] = [];
    const sesame = await bench.startSesame({
      name: "Sesame",
      async seed(prefix) {
        await insertRoutes(
          prefix,
          Array.from({ length: ROUTES }, (_, i) => `/many/route-${i}`),
        );
        consumers = await insertConsumers(prefix, CONSUMERS);
      },
    });
    const sessions = await mintSessions(SESSIONS, { consumers });
    const file = join(bench.folder, "memory-cookies.txt");
    writeCookies(file, sessions);
    const [own] = await mintSessions(1);
    const { run, ...rest } = throughput(bench, sesame, {
      path: paths.session,
      script: ["rotation.lua", file],
      check: () => checkSession(sesame, paths.session, own!.cookie),
      verify({ requests }) {
        if (requests < SESSIONS)
          throw new Error(`only ${requests} of ${SESSIONS} sessions were seen: the run is too short`);
      },
    });
    return [{ ...rest, run: () => run(SECONDS) }];
  },
};
