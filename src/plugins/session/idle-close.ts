import { contextKey, type Handlers } from "../../gateway/index.ts";

/**
 * Handlers that release what they hold when nobody uses it any more: a row that was changed still has requests under way,
 * whose sessions are read and written through the old connections.
 */
export function closedWhenIdle(handlers: Handlers, release: () => void): Handlers {
  // Not a set of them: its table would make old objects of all that a request has.
  const isUser = contextKey<boolean>("uses what is to be closed");
  let users = 0;
  let isClosing = false;
  return {
    ...handlers,
    access(ctx) {
      if (!ctx.get(isUser)) {
        ctx.set(isUser, true);
        users++;
      }
      return handlers.access?.(ctx);
    },
    log(ctx) {
      if (!ctx.get(isUser)) return;
      users--;
      if (isClosing && users === 0) release();
    },
    close() {
      isClosing = true;
      if (users === 0) release();
    },
  };
}
