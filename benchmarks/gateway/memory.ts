import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { checkSession } from "../harness/answers.ts";
import { paths } from "../harness/configuration.ts";
import { mintSessions, writeCookies } from "../harness/cookies.ts";
import { memoryBelow } from "../harness/goals.ts";
import { throughput } from "../harness/load.ts";
import { usageOf } from "../harness/processes.ts";
import type { Row } from "../harness/row.ts";
import { insertConsumers, insertRoutes } from "../harness/seed.ts";

const SESSIONS = 100_000;
const ROUTES = 1_000;
const CONSUMERS = 10_000;
/**
 * Long enough for every session to be seen at the slowest rate that is of interest, and twice this is less than the minute after which
 * a session is renewed: of a load that does not take the new cookie each request would be one.
 */
const SECONDS = 20;
/** Then V8 has given back what it does not need. */
const REST_MS = 20_000;
/** What is remembered costs less than this part of what is validated in full. */
const REMEMBERED = 0.8;

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
    const rotating = (script: readonly [string, ...string[]]) =>
      throughput(bench, sesame, {
        path: paths.session,
        script,
        check: () => checkSession(sesame, paths.session, own!.cookie),
        verify({ requests }) {
          if (requests < SESSIONS)
            throw new Error(`only ${requests} of ${SESSIONS} sessions were seen: the run is too short`);
        },
      });
    const all = rotating(["rotation.lua", file]);
    const unknown = rotating(["rotation.lua", file, "unique"]);
    return [
      {
        ...all,
        async run() {
          await all.run(SECONDS);
          const sample = await all.run(SECONDS);
          await sleep(REST_MS);
          const usage = usageOf(sesame.pid!);
          const { cpu } = await unknown.run(SECONDS);
          if (sample.cpu !== undefined && cpu !== undefined && sample.cpu > REMEMBERED * cpu) {
            const [known, validated] = [sample.cpu.toFixed(1), cpu.toFixed(1)];
            throw new Error(`not all are remembered: ${known} µs each, and ${validated} µs validated in full`);
          }
          return { ...sample, ...(usage && { memory: usage.memory / 1e6, peak: usage.peak / 1e6 }) };
        },
      },
    ];
  },
};
