import cluster, { type Worker } from "node:cluster";
import { existsSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Change, Stores } from "../entities/index.ts";
import type { Log } from "../gateway/index.ts";
import { type Channel, createChannel } from "./channel.ts";
import type { PrimaryMethods, WorkerStart, WorkerStatistics } from "./worker-protocol.ts";

/** The worker processes of a gateway. */
export interface Workers {
  readonly ports: readonly number[];
  /** Of those that serve. */
  readonly pids: readonly number[];
  setLogLevel(level: string): Promise<void>;
  statistics(): Promise<readonly WorkerStatistics[]>;
  /** Ask all to finish and wait until they have; those that take longer than the time are killed. */
  close(graceMs: number): Promise<void>;
}

/** A crashed worker is started again after this long, and after twice as long each time one crashes soon again. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 10_000;
/** A worker that lived this long had not crashed soon. */
const HEALTHY_MS = 30_000;
/** A worker that has not taken over a change by then serves what is no longer true: it is killed, and started again. */
const CHANGE_TIMEOUT_MS = 5000;
/** What a worker may take beyond the time for its requests. */
const EXIT_MS = 1000;
/** A worker that takes longer to answer a question is left out. */
const ANSWER_MS = 1000;

interface Member {
  readonly worker: Worker;
  readonly channel: Channel;
  /** Kept with the signal or exit code when the process has ended. */
  readonly ended: Promise<string>;
  /** Whether requests may reach it, so that a write has to wait for it. */
  serves: boolean;
}

/**
 * Start workers that share the proxy's listeners: the system hands connections to whichever accepts first (the cluster
 * module's own round-robin would send each through this process). Changes of `stores` reach every worker before the write is
 * answered. `start` is asked anew for every worker. Rejects with the reason why one of the first cannot serve.
 */
export async function startWorkers(
  count: number,
  start: () => WorkerStart,
  stores: Stores,
  log: Log,
): Promise<Workers> {
  const file = fileURLToPath(new URL("./worker.ts", import.meta.url));
  cluster.schedulingPolicy = cluster.SCHED_NONE;
  cluster.setupPrimary({
    exec: existsSync(file) ? file : file.replace(/\.ts$/, ".js"),
    args: [],
  });
  const methods = { write: (write) => stores.write(write) } satisfies PrimaryMethods;
  const members = new Set<Member>();
  const closing = new AbortController();
  let pauseMs = FIRST_PAUSE_MS;

  /** Resolves with the ports when the worker serves. */
  async function add(): Promise<readonly number[]> {
    const worker = cluster.fork();
    const { pid } = worker.process;
    const ended = new Promise<string>((resolve) => {
      worker.on("exit", (code, signal) => resolve(signal ?? `exit code ${code}`));
    });
    const member: Member = { worker, channel: createChannel(worker, methods), ended, serves: false };
    const startedMs = performance.now();
    members.add(member);
    worker.on("exit", () => members.delete(member));
    worker.on("error", (error) => log.error("a worker process is out of reach", { pid, error }));
    try {
      await member.channel.call("prepare", start());
      member.serves = true;
      const ports = (await member.channel.call("listen")) as readonly number[];
      void ended.then((reason) => {
        if (performance.now() - startedMs > HEALTHY_MS) pauseMs = FIRST_PAUSE_MS;
        return replace({ pid, reason });
      });
      return ports;
    } catch (error) {
      members.delete(member);
      worker.process.kill("SIGKILL");
      throw error;
    }
  }

  async function replace(facts: { readonly pid?: number | undefined; readonly reason: unknown }): Promise<void> {
    if (closing.signal.aborted) return;
    log.error("a worker process ended and is started again", { ...facts, pause_ms: pauseMs });
    const waited = pause(pauseMs, undefined, { signal: closing.signal });
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    try {
      await waited;
      await add();
    } catch (error) {
      void replace({ reason: error });
    }
  }

  async function tell(member: Member, changes: readonly Change[]): Promise<void> {
    // A worker that ends meanwhile serves nothing any more; its successor reads the new state.
    const told = member.channel.call("changed", changes).catch(() => undefined);
    // One that is still being prepared hears of the change before it is told to listen.
    if (member.serves) await inTime(member, told);
  }

  /** Rejects when a worker could not read everything anew, so that it is tried again. */
  async function reset(member: Member): Promise<void> {
    await inTime(member, member.channel.call("reset"));
  }

  async function inTime({ worker }: Member, told: Promise<unknown>): Promise<void> {
    const timer = setTimeout(() => {
      log.error("a worker process did not take over a change in time and is replaced", { pid: worker.process.pid });
      worker.process.kill("SIGKILL");
    }, CHANGE_TIMEOUT_MS);
    await told.finally(() => clearTimeout(timer));
  }

  /** The answers of all workers that can answer. */
  async function ask(method: string, argument?: unknown): Promise<unknown[]> {
    const late = pause(ANSWER_MS, undefined, { ref: false });
    const asked = [...members].map(({ channel }) => channel.call(method, argument).catch(() => undefined));
    const answers = await Promise.all(asked.map((answer) => Promise.race([answer, late])));
    return answers.filter((answer) => answer !== undefined);
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    closing.abort();
    const ended = [...members].map((member) => member.ended);
    for (const { worker } of members) worker.process.kill(signal);
    await Promise.all(ended);
  }

  const stops = [
    stores.onChange(async (changes) => {
      await Promise.all([...members].map((member) => tell(member, changes)));
    }),
    stores.onReset(async () => {
      await Promise.all([...members].map(reset));
    }),
    stores.lease.onRenew((at) => {
      for (const { channel } of members) channel.call("renewed", at).catch(() => undefined);
    }),
  ];
  const stop = () => {
    for (const end of stops) end();
  };

  let ports: readonly number[];
  try {
    [ports] = (await Promise.all(Array.from({ length: count }, add))) as [readonly number[]];
  } catch (error) {
    stop();
    await end("SIGKILL");
    throw error;
  }

  return {
    ports,
    get pids() {
      return [...members].filter(({ serves }) => serves).map(({ worker }) => worker.process.pid!);
    },
    async setLogLevel(level) {
      await ask("setLogLevel", level);
    },
    async statistics() {
      return (await ask("statistics")) as WorkerStatistics[];
    },
    async close(graceMs) {
      const timer = setTimeout(() => {
        for (const { worker } of members) worker.process.kill("SIGKILL");
      }, graceMs + EXIT_MS);
      await end("SIGTERM");
      clearTimeout(timer);
      stop();
    },
  };
}
