import { constants } from "node:os";
import type { Logger } from "../log.ts";
import { CommandError } from "./command.ts";

/** A terminal and each launcher on the way pass one Ctrl-C on, so that it arrives several times, but not later than this. */
const ECHO_MS = 250;

/**
 * Listen for SIGINT, SIGTERM and SIGQUIT from now on: resolves with the name of the first. A second one, when the process has
 * begun to stop, ends it at once.
 */
export function untilStopped(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let firstMs: number | undefined;
    const hear = (signal: NodeJS.Signals) => {
      const nowMs = performance.now();
      if (firstMs !== undefined && nowMs - firstMs > ECHO_MS) process.exit(128 + constants.signals[signal]);
      firstMs ??= nowMs;
      resolve(signal);
    };
    for (const signal of ["SIGINT", "SIGTERM", "SIGQUIT"] as const) process.on(signal, hear);
  });
}

/** An error that nobody caught leaves the program in a state that nobody knows: log it and end the process with code 1. */
export function endOnFault(log: Pick<Logger, "crit">): void {
  process.on("uncaughtException", (error) => {
    log.crit("the process ends after a fault of the program", { pid: process.pid, error });
    process.exit(1);
  });
}

/** The error for an address that cannot be listened on, in one line for the operator. */
export function listenFault(error: unknown, address: string): CommandError {
  return new CommandError(describeFault(error as NodeJS.ErrnoException, address), { cause: error });
}

function describeFault({ code, message }: NodeJS.ErrnoException, address: string): string {
  if (code === "EADDRINUSE") return `${address} is in use by another process`;
  if (code === "EACCES") return `${address} may not be listened on by this user`;
  if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND") return `${address} is no address of this machine`;
  return `${address} cannot be listened on: ${message}`;
}
