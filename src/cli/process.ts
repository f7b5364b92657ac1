import { CommandError } from "./command.ts";

/** Resolves when the process is asked to stop: with the signal's name. A second signal ends the process at once. */
export function untilStopped(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGQUIT"] as const) process.once(signal, () => resolve(signal));
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
