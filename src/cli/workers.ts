import cluster, { type Worker } from "node:cluster";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Change, Stores } from "../entities/index.ts";
import type { Log } from "../gateway/index.ts";
import { type Channel, createChannel } from "./channel.ts";
import { CommandError } from "./command.ts";
import type { WorkerStart, WorkerStatistics } from "./worker-protocol.ts";

/** The worker processes of a gateway. */
export interface Workers {
  readonly ports: readonly number[];
  readonly pids: readonly number[];
  setLogLevel(level: string): Promise<void>;
  statistics(): Promise<readonly WorkerStatistics[]>;
  /** Ask all to finish and wait until they have; those that take longer than the time are killed. */
  close(graceMs: number): Promise<void>;
}

/** A crashed worker is started again after this long, and after twice as long each time it crashes soon again. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 10_000;
/** A worker that lived this long had not crashed soon. */
const HEALTHY_MS = 30_000;
/** A worker that has not taken over a change by then serves what is no longer true: it is killed, and started again. */
const CHANGE_TIMEOUT_MS = 10_000;

interface Member {
  readonly worker: Worker;
  readonly channel: Channel;
  readonly startedMs: number;
  serving: boolean;
}

/**
 * Start workers that share the proxy's listeners: the system hands connections to whichever accepts first (the cluster
 * module's own round-robin would send each through this process). Changes of `stores` reach every worker before the write is
 * answered. Rejects when the first worker cannot serve, with its reason.
 */
export async function startWorkers(count: number, start: WorkerStart, stores: Stores, log: Log): Promise<Workers> {
  const file = fileURLToPath(new URL("./worker.ts", import.meta.url));
  cluster.schedulingPolicy = cluster.SCHED_NONE;
  cluster.setupPrimary({ exec: existsSync(file) ? file : file.replace(/\.ts$/, ".js"), args: [] });
  const members = new Set<Member>();
  let closing = false;
  let pauseMs = FIRST_PAUSE_MS;

  async function add(): Promise<readonly number[]> {
    const worker = cluster.fork();
    const channel = createChannel(worker, { write: (write: Parameters<Stores["write"]>[0]) => stores.write(write) });
    const member: Member = { worker, channel, startedMs: Date.now(), serving: false };
    members.add(member);
    worker.on("exit", (code, signal) => {
      members.delete(member);
      if (member.serving && !closing) restart(member, signal ?? `code ${code}`);
    });
    const ports = (await channel.call("start", start)) as readonly number[];
    member.serving = true;
    return ports;
  }

  function restart(member: Member, reason: string): void {
    if (Date.now() - member.startedMs > HEALTHY_MS) pauseMs = FIRST_PAUSE_MS;
    log.error("a worker process ended and is started again", {
      pid: member.worker.process.pid,
      reason,
      pause_ms: pauseMs,
    });
    setTimeout(() => {
      if (closing) return;
      add().catch((error) => {
        log.error("a worker process could not be started", { error });
        restart(member, "did not start");
      });
    }, pauseMs);
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
  }

  async function tell({ worker, channel }: Member, changes: readonly Change[]): Promise<void> {
    const timer = setTimeout(() => {
      log.error("a worker process did not take over a change in time and is replaced", { pid: worker.process.pid });
      worker.process.kill("SIGKILL");
    }, CHANGE_TIMEOUT_MS);
    // A worker that ends meanwhile serves nothing any more; its successor reads the new state.
    await channel.call("changed", changes).catch(() => undefined);
    clearTimeout(timer);
  }

  const stop = stores.onChange(async (changes) => {
    await Promise.all([...members].map((member) => tell(member, changes)));
  });

  let ports: readonly number[] = [];
  try {
    ports = (await Promise.all(Array.from({ length: count }, add)))[0]!;
  } catch (error) {
    closing = true;
    for (const { worker } of members) worker.process.kill("SIGKILL");
    throw new CommandError((error as Error).message, { cause: error });
  }

  return {
    ports,
    get pids() {
      return [...members].map(({ worker }) => worker.process.pid!);
    },
    async setLogLevel(level) {
      await Promise.allSettled([...members].map(({ channel }) => channel.call("setLogLevel", level)));
    },
    async statistics() {
      const answers = await Promise.allSettled([...members].map(({ channel }) => channel.call("statistics")));
      return answers.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value as WorkerStatistics] : []));
    },
    async close(graceMs) {
      closing = true;
      const ended = [...members].map(({ worker }) => new Promise((resolve) => worker.once("exit", resolve)));
      for (const { worker } of members) worker.process.kill("SIGTERM");
      const timer = setTimeout(() => {
        for (const { worker } of members) worker.process.kill("SIGKILL");
      }, graceMs + 1000);
      await Promise.all(ended);
      clearTimeout(timer);
      stop();
    },
  };
}
