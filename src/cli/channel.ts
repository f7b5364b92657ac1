import type { Serializable } from "node:child_process";
import { describeError, type ErrorMessage, reviveError } from "./channel-errors.ts";

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
  /** Rejects with the other side's error, or when the other process ends before it answers. */
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
  readonly error?: ErrorMessage;
}

/** Join two processes: `methods` are what the other side may call. Both sides create one. */
export function createChannel(port: Port, methods: Methods): Channel {
  const pending = new Map<number, PromiseWithResolvers<unknown>>();
  let outbox: { readonly message: Call | Reply; readonly failed: () => void }[] = [];
  let last = 0;

  async function answer({ call, method, argument }: Call): Promise<void> {
    try {
      send({ reply: call, value: await methods[method]!(argument as never) }, () => {});
    } catch (error) {
      send({ reply: call, error: describeError(error) }, () => {});
    }
  }

  function settle({ reply, value, error }: Reply): void {
    const waiting = pending.get(reply);
    pending.delete(reply);
    if (error) waiting?.reject(reviveError(error));
    else waiting?.resolve(value);
  }

  /** What is said in one turn of the event loop goes in one message, as each costs more than what is in it. */
  function send(message: Call | Reply, failed: () => void): void {
    outbox.push({ message, failed });
    if (outbox.length === 1) setImmediate(flush);
  }

  function flush(): void {
    const sent = outbox;
    outbox = [];
    // The callback keeps a channel that is closed already from throwing.
    port.send?.(sent.map(({ message }) => message) as unknown as Serializable, (error) => {
      if (error) for (const { failed } of sent) failed();
    });
  }

  /** The call will not be answered. */
  function giveUp(call: number): void {
    pending.get(call)?.reject(new Error("the other process has ended"));
    pending.delete(call);
  }

  port.on("message", (messages) => {
    // The cluster module has messages of its own.
    if (!Array.isArray(messages)) return;
    for (const message of messages as readonly (Call | Reply)[]) {
      if ("call" in message) void answer(message);
      else settle(message);
    }
  });
  port.on("disconnect", () => {
    for (const call of pending.keys()) giveUp(call);
  });

  return {
    call(method, argument = null) {
      const call = ++last;
      const waiting = Promise.withResolvers<unknown>();
      pending.set(call, waiting);
      send({ call, method, argument }, () => giveUp(call));
      return waiting.promise;
    },
  };
}
