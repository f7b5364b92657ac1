import { setTimeout as wait } from "node:timers/promises";

/** Wait for a condition that something else brings about. */
export async function until(condition: () => boolean, what = String(condition), ms = 5000): Promise<void> {
  for (const end = Date.now() + ms; !condition(); await wait(2)) {
    if (Date.now() > end) throw new Error(`still not so: ${what}`);
  }
}
