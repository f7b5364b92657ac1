// Drives three gateways with many visitors at once and checks every answer against a model: `npm run test:load -- --help`.
import assert from "node:assert/strict";
import { after, before, describe, it, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Redis } from "iovalkey";
import { summarize } from "../helpers/nodes.ts";
import { startRedis } from "../helpers/redis-servers.ts";
import { lacking, type TestServer } from "../helpers/servers.ts";
import { type SqlServer, startPostgres } from "../helpers/sql-servers.ts";
import { type Counter, countPostgres, countRedis, measureCalls, measureLogins } from "./costs.ts";
import { configure, PATIENCE_MS, startGateways } from "./gateways.ts";
import { type Clocks, Model, nowMs } from "./model.ts";
import { endAll, kinds, operate } from "./operators.ts";
import { type Delays, probe } from "./probes.ts";
import { pick, randomFrom } from "./random.ts";
import { visit } from "./visitors.ts";
import { type Fault, World } from "./world.ts";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "12" },
    visitors: { type: "string", default: "36" },
    seed: { type: "string", default: String(Date.now() % 2 ** 31) },
    help: { type: "boolean", default: false },
  },
});
const usage = `npm run test:load -- [--seconds 12] [--visitors 36] [--seed N]
seconds of load for each of three storages; a run of the same seed makes the same choices, though not at the same moments`;

const seconds = count("seconds");
const visitors = count("visitors");
const seed = count("seed");

function count(name: "seconds" | "visitors" | "seed"): number {
  const number = Number(values[name]);
  if (!Number.isSafeInteger(number) || number < 1)
    throw new Error(`--${name}: expected a whole number; got ${values[name]}`);
  return number;
}

/** So short that cookies are touched and sessions renewed all the time, and some run out. */
const clocks: Clocks = { rolling: 8, idling: 5 };
const session = {
  rolling_timeout: clocks.rolling,
  idling_timeout: clocks.idling,
  touch_threshold: 1,
  // As long as a cookie counts after its renewal is due, so that old copies end by their own clocks only.
  stale_ttl: 3,
};

const ACCOUNTS = 24;
const OPERATORS = 2;
const PROBES = 4;
/** What has to happen in each run. */
const everything = [...kinds, "logout", "touches", "renewals", "replay, recognised", "replay, refused", "forgeries"];
/** Faults that are shown with their history. */
const SHOWN = 3;

async function drive(t: TestContext, world: World, randomOf: (who: number) => () => number): Promise<Delays> {
  const endMs = nowMs() + seconds * 1000;
  const latestMs = endMs + PATIENCE_MS;
  // A machine that is busy takes longer until everything has happened.
  const isOver = () =>
    world.faults.length > 20 ||
    (nowMs() > endMs && (everything.every((what) => world.counts.has(what)) || nowMs() > latestMs));
  const first = randomOf(0);
  const accounts = await Promise.all(Array.from({ length: ACCOUNTS }, () => world.createAccount(first)));
  const delays: Delays = new Map();
  const all: Promise<unknown>[] = [sleep((seconds * 1000) / 2).then(() => endAll(world, first))];
  for (let i = 0; i < visitors; i++) {
    const random = randomOf(100 + i);
    all.push(visit(world, random, () => pick(random, accounts), isOver));
  }
  // Each has accounts of its own, so that none is deleted by two.
  const each = ACCOUNTS / OPERATORS;
  for (let i = 0; i < OPERATORS; i++) {
    const [from, to] = [i * each, (i + 1) * each];
    all.push(operate(world, randomOf(10 + i), accounts, from, to, isOver));
  }
  for (let i = 0; i < PROBES; i++) all.push(probe(world, randomOf(20 + i), delays, isOver));
  await Promise.all(all);
  assert.deepEqual(world.faults.length > 0 ? [] : everything.filter((what) => !world.counts.has(what)), []);
  t.diagnostic([...world.counts].map(([what, times]) => `${what} ${times}`).join(", "));
  return delays;
}

function tell(t: TestContext, delays: Delays, model: Model): void {
  for (const [kind, measured] of delays) {
    const seen = (model.noticedMs.get(kind) ?? 0).toFixed(1);
    t.diagnostic(`${kind}: ${summarize(measured)}; by all traffic ${seen} ms`);
  }
}

function check(faults: readonly Fault[]): void {
  for (const { what, history } of faults.slice(0, SHOWN)) console.error([what, ...history.slice(-80)].join("\n    "));
  assert.equal(faults.length, 0, `${faults.length} wrong answers, the first: ${faults[0]?.what}`);
}

if (values.help) console.log(usage);
else {
  describe(`three gateways under load, seed ${seed}`, { skip: lacking("postgres", "initdb", "redis-server") }, () => {
    let postgres: SqlServer;
    let redis: TestServer;
    let redisClient: Redis;
    let postgresCalls: Awaited<ReturnType<typeof countPostgres>>;
    before(async () => {
      const statistics = ["shared_preload_libraries=pg_stat_statements", "max_connections=200"];
      [postgres, redis] = await Promise.all([startPostgres("password", statistics), startRedis()]);
      redisClient = new Redis(redis.port, "127.0.0.1");
      postgresCalls = await countPostgres(postgres);
    });
    after(async () => {
      redisClient?.disconnect();
      await postgresCalls?.close();
      await Promise.all([postgres?.remove(), redis?.remove()]);
    });

    async function run(
      t: TestContext,
      name: string,
      config: { revocation?: boolean; [name: string]: unknown },
      counters: Counter[],
    ) {
      t.diagnostic(`seed ${seed}`);
      const gateways = await startGateways(t, postgres, `load_${name}`);
      await configure(t, gateways[0]!, { ...session, ...config });
      await sleep(200);
      const model = new Model(clocks);
      const world = new World(gateways, model, config.revocation ?? false);
      const randomOf = (who: number) => randomFrom(seed + who * 7919);
      const delays = await drive(t, world, randomOf);
      tell(t, delays, model);
      check(world.faults);
      const account = await world.createAccount(randomOf(1));
      for (const line of await measureCalls(world, account, counters)) t.diagnostic(`calls for one ${line}`);
      t.diagnostic(await measureLogins(world, randomOf(2), account));
      check(world.faults);
    }

    it("sessions in PostgreSQL", (t) => run(t, "kong", { storage: "kong", store_metadata: true }, [postgresCalls]));
    it("sessions in cookies, with revocation", (t) =>
      run(t, "cookie", { storage: "cookie", revocation: true }, [postgresCalls]));
    it("sessions in Redis, with revocation", (t) => {
      const timeouts = { connect_timeout: PATIENCE_MS, read_timeout: PATIENCE_MS, send_timeout: PATIENCE_MS };
      const server = { host: "127.0.0.1", port: redis.port, ...timeouts };
      const config = { storage: "redis", revocation: true, redis: server };
      return run(t, "redis", config, [postgresCalls, countRedis(redisClient)]);
    });
  });
}
