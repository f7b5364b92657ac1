import { setTimeout as sleep } from "node:timers/promises";
import type { Redis } from "iovalkey";
import pg from "pg";
import type { SqlServer } from "../helpers/sql-servers.ts";
import { type Cookie, nowMs } from "./model.ts";
import { pick, type Random } from "./random.ts";
import type { Account, World } from "./world.ts";

/** Counts the calls that a store has answered. */
export interface Counter {
  readonly store: string;
  read(): Promise<number>;
}

/** Statements of all nodes, BEGIN and COMMIT included, without the beats by which nodes know that they hear each other. */
export async function countPostgres({ settings }: SqlServer): Promise<Counter & { close(): Promise<void> }> {
  const { host, port, username, password, database } = settings;
  const client = new pg.Client({ host, port, user: username, password, database });
  await client.connect();
  await client.query("CREATE EXTENSION IF NOT EXISTS pg_stat_statements");
  const own = "SELECT sum(calls) AS calls FROM pg_stat_statements WHERE query NOT IN ($1, $2)";
  return {
    store: "PostgreSQL",
    async read() {
      const { rows } = await client.query(own, ["SELECT pg_notify($1, $2)", own]);
      return Number(rows[0].calls);
    },
    close: () => client.end(),
  };
}

/** Commands of all nodes, without the beats. */
export function countRedis(redis: Redis): Counter {
  return {
    store: "Redis",
    async read() {
      const calls = [...(await redis.info("commandstats")).matchAll(/^cmdstat_(\w+).*?:calls=(\d+)/gm)];
      return calls
        .filter(([, command]) => command !== "info" && command !== "ping")
        .reduce((sum, [, , count]) => sum + Number(count), 0);
    },
  };
}

const VISITS = 20;
const AT_ONCE = 64;
const LOGINS_MS = 3000;

const median = (sorted: readonly number[]): number => sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;

/** What requests cost the stores, one after the other, on gateways that do nothing else. */
export async function measureCalls(world: World, account: Account, counters: readonly Counter[]): Promise<string[]> {
  const [first, , third] = world.gateways;
  const lines: string[] = [];
  const measure = async (what: string, work: (index: number) => Promise<boolean>) => {
    const before = await Promise.all(counters.map((counter) => counter.read()));
    let done = 0;
    for (let i = 0; i < VISITS; i++) if (await work(i)) done++;
    const after = await Promise.all(counters.map((counter) => counter.read()));
    const calls = counters.map(({ store }, at) => `${store} ${((after[at]! - before[at]!) / VISITS).toFixed(2)}`);
    // On a machine that is very slow, sessions are touched, or run out, before their turn.
    lines.push(`${what}: ${done === VISITS ? calls.join(", ") : `not measured, ${VISITS - done} came too late`}`);
  };
  const cookies: Cookie[] = [];
  /** Use the cookie that one login has now, if that does this to it; what it does otherwise is no measurement. */
  const again = async (gateway: typeof first, index: number, expected: "nothing" | "touched" | "renewed") => {
    const former = cookies[index]!;
    const { cookie, isKnown } = await world.use(gateway!, former, "measured");
    cookies[index] = cookie;
    const done = cookie.text === former.text ? "nothing" : cookie.session === former.session ? "touched" : "renewed";
    return isKnown && done === expected;
  };
  const beganMs = nowMs();
  await measure("login", async () => cookies.push((await world.login(first!, account))!) > 0);
  await measure("first use at another node", (i) => again(third, i, "nothing"));
  await measure("use again there", (i) => again(third, i, "nothing"));
  await measure("anonymous", async () => (await first!.ask("")).status === 403);
  // Touched after three seconds and a half, due for renewal after seven.
  await sleep(Math.max(0, beganMs + 3500 - nowMs()));
  await measure("touch", (i) => again(first, i, "touched"));
  await sleep(Math.max(0, (Math.max(...cookies.map(({ login }) => login.at)) + 7) * 1000 + 100 - nowMs()));
  await measure("renewal", (i) => again(first, i, "renewed"));
  await measure("logout", (i) => world.logout(first!, cookies[i]!));
  return lines;
}

/** How many logins per second the gateways take from many at once, none failed, and how long one takes alone. */
export async function measureLogins(world: World, random: Random, account: Account): Promise<string> {
  const alone: number[] = [];
  for (let i = 0; i < VISITS; i++) {
    const startMs = nowMs();
    await world.login(world.gateways[0]!, account);
    alone.push(nowMs() - startMs);
  }
  const endMs = nowMs() + LOGINS_MS;
  let count = 0;
  const together: number[] = [];
  const visitor = async () => {
    while (nowMs() < endMs) {
      const startMs = nowMs();
      if (await world.login(pick(random, world.gateways), account)) count++;
      together.push(nowMs() - startMs);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, visitor));
  const [one, many] = [alone, together].map((list) => list.sort((a, b) => a - b));
  const rate = Math.round((count * 1000) / LOGINS_MS);
  return `logins: alone ${median(one!).toFixed(2)} ms, ${AT_ONCE} at once ${rate}/s, median ${median(many!).toFixed(1)} ms`;
}
