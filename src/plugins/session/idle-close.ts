import type { Context, Handlers } from "../../gateway/index.ts";

/**
 * Handlers that release what they hold when nobody uses it any more: a row that was changed still has requests under way,
 * whose sessions are read and written through the old connections.
 */
export function closedWhenIdle(handlers: Handlers, release: () => void): Handlers {
  const users = new Set<Context>();
  let isClosing = false;
  return {
    ...handlers,
    access(ctx) {
      users.add(ctx);
      return handlers.access?.(ctx);
    },
    log(ctx) {
      users.delete(ctx);
      if (isClosing && users.size === 0) release();
    },
    close() {
      isClosing = true;
      if (users.size === 0) release();
    },
  };
}
