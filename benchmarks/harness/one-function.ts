import { cpus } from "node:os";

const ROUNDS = 7;
const BATCH = 1_000;

/** CPU microseconds, user and system, that one call costs this process: the median of some rounds of so many seconds. */
export function costOf(work: () => void, seconds: number): number {
  round(work, seconds);
  const costs = Array.from({ length: ROUNDS }, () => round(work, seconds)).sort((a, b) => a - b);
  return costs[Math.floor(ROUNDS / 2)]!;
}

function round(work: () => void, seconds: number): number {
  const end = performance.now() + seconds * 1000;
  const before = process.cpuUsage();
  let count = 0;
  for (; performance.now() < end; count += BATCH) for (let i = 0; i < BATCH; i++) work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / count;
}

/** Say what one call costs, and where it was measured. */
export function reportCost(what: string, micros: number): void {
  console.log(`${cpus()[0]?.model.trim()}, Node ${process.version}, ${new Date().toISOString().slice(0, 10)}`);
  console.log(`${what}: ${micros.toFixed(2)} µs of CPU each, so ${Math.round(1e6 / micros)} ops/s`);
}
