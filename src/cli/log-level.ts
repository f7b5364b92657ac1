import type { AdminParts } from "../admin/index.ts";
import type { LogLevel, ProcessLog } from "./process-log.ts";
import type { Proxies } from "./proxies.ts";

/** The level of the log in all processes of this gateway, to be changed for a while. */
export function createLogLevel(log: ProcessLog, proxies: Proxies): AdminParts["logLevel"] {
  const configured = log.level;
  let timer: NodeJS.Timeout | undefined;

  async function set(level: LogLevel): Promise<void> {
    log.setLevel(level);
    await proxies.setLogLevel(level);
  }

  return {
    current: () => log.level,
    async change(level, seconds) {
      clearTimeout(timer);
      if (seconds > 0) timer = setTimeout(() => void set(configured), Math.min(seconds * 1000, 2 ** 31 - 1)).unref();
      await set(level as LogLevel);
    },
  };
}
