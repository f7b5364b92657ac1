import type { Awaitable } from "../schema/index.ts";
import type { Context } from "./context.ts";
import type { Handlers } from "./plugin.ts";
import type { Exit } from "./response.ts";
import type { Slot } from "./snapshot.ts";

/** Who sends the answer, and can exchange it before its head has left. */
export interface AnswerOwner {
  replace(exit: Exit): void;
}

/**
 * The plugins of one request. Each slot picks its handlers when its turn comes in the access phase, by the consumer known
 * then, and the later phases run what was picked. After an `Exit` the walk goes on only to pick, so that later plugins see
 * the answer, too. Source: SPEC-proxy §8.
 */
export class Chain {
  readonly #slots: readonly Slot[];
  readonly #picked: Handlers[] = [];

  constructor(slots: readonly Slot[]) {
    this.#slots = slots;
  }

  /** Run the access phase; the answer is the first `Exit`, undefined when the request may go to the upstream. */
  access(ctx: Context, from = 0): Awaitable<Exit | undefined> {
    for (let i = from; i < this.#slots.length; i++) {
      const handlers = this.#pick(this.#slots[i]!, ctx);
      const result = handlers?.access?.(ctx);
      if (result instanceof Promise) {
        return result.then((exit) => (exit ? this.#leave(ctx, exit, i + 1) : this.access(ctx, i + 1)));
      }
      if (result) return this.#leave(ctx, result, i + 1);
    }
    return this.#admit(ctx, 0);
  }

  #admit(ctx: Context, from: number): Awaitable<Exit | undefined> {
    for (let i = from; i < this.#picked.length; i++) {
      const result = this.#picked[i]!.admit?.(ctx);
      if (result instanceof Promise) return result.then((exit) => exit ?? this.#admit(ctx, i + 1));
      if (result) return result;
    }
    return undefined;
  }

  /** Only pick, for a request that is answered before its access phase. */
  skipAccess(ctx: Context, from = 0): void {
    for (let i = from; i < this.#slots.length; i++) this.#pick(this.#slots[i]!, ctx);
  }

  /** Run the header filters; an `Exit` replaces the answer, and later filters see the new one. */
  headerFilter(ctx: Context, owner: AnswerOwner, from = 0): Awaitable<void> {
    for (let i = from; i < this.#picked.length; i++) {
      const result = this.#picked[i]!.headerFilter?.(ctx);
      if (result instanceof Promise) {
        return result.then((exit) => {
          if (exit) owner.replace(exit);
          return this.headerFilter(ctx, owner, i + 1);
        });
      }
      if (result) owner.replace(result);
    }
  }

  log(ctx: Context): void {
    for (const handlers of this.#picked) handlers.log?.(ctx);
  }

  #leave(ctx: Context, exit: Exit, from: number): Exit {
    this.skipAccess(ctx, from);
    return exit;
  }

  #pick(slot: Slot, ctx: Context): Handlers | undefined {
    const consumer = slot.byConsumer && ctx.consumer;
    const handlers = (consumer && slot.byConsumer?.get(consumer.id)) ?? slot.base;
    if (handlers) this.#picked.push(handlers);
    return handlers;
  }
}
