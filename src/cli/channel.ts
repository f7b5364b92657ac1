import type { Serializable } from "node:child_process";

/** What can be sent to another process: `process` in a worker, the worker in the primary. */
interface Port {
  send?(message: Serializable, callback?: (error: Error | null) => void): boolean;
  on(event: "message", listener: (message: unknown) => void): unknown;
  on(event: "disconnect", listener: () => void): unknown;
}

type Method = (argument: never) => unknown;
export type Methods = Readonly<Record<string, Method>>;

/** Calls to the process at the other end; arguments and answers are plain JSON values. */
export interface Channel {
  /** Rejects with the other side's error (its name, message and members), or when the process ends before it answers. */
  call(method: string, argument?: unknown): Promise<unknown>;
}

interface Call {
  readonly call: number;
  readonly method: string;
  readonly argument: unknown;
}
interface Reply {
  readonly reply: number;
  readonly value?: unknown;
  readonly error?: { readonly [member: string]: unknown };
}

/** Join two processes: `methods` are what the other side may call. Both sides create one. */
export function createChannel(port: Port, methods: Methods): Channel {
  const pending = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  let last = 0;

  async function answer({ call, method, argument }: Call): Promise<void> {
    try {
      send({ reply: call, value: await methods[method]!(argument as never) });
    } catch (error) {
      send({ reply: call, error: describe(error) });
    }
  }

  function settle({ reply, value, error }: Reply): void {
    const waiting = pending.get(reply);
    pending.delete(reply);
    if (error) waiting?.reject(revive(error));
    else waiting?.resolve(value);
  }

  function send(message: Call | Reply): void {
    // A process that is gone is told by "disconnect"; the callback only keeps its error from being thrown.
    port.send?.(message as unknown as Serializable, () => {});
  }

  port.on("message", (message) => {
    if (typeof message !== "object" || message === null) return;
    if ("call" in message) void answer(message as Call);
    else if ("reply" in message) settle(message as Reply);
  });
  port.on("disconnect", () => {
    for (const { reject } of pending.values()) reject(new Error("the other process has ended"));
    pending.clear();
  });

  return {
    call(method, argument) {
      const call = ++last;
      return new Promise((resolve, reject) => {
        pending.set(call, { resolve, reject });
        send({ call, method, argument: argument ?? null });
      });
    },
  };
}

function describe(error: unknown): { [member: string]: unknown } {
  if (!(error instanceof Error)) return { message: String(error) };
  return { ...error, name: error.name, message: error.message };
}

function revive({ name, message, ...members }: { readonly [member: string]: unknown }): Error {
  const error = new Error(String(message));
  return Object.assign(error, members, { name: String(name ?? "Error") });
}
