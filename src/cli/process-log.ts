import { isAbsolute, join } from "node:path";
import { type AccessLog, createAccessLog, createLogger, createMasker, type Logger, openSink } from "../log.ts";
import type { Settings } from "../settings.ts";

export type LogLevel = Settings["log_level"];

/** A log whose level can be changed while the process runs. */
export interface ProcessLog extends Logger {
  readonly level: LogLevel;
  setLevel(level: LogLevel): void;
}

/** Where a log setting points; relative paths are below the prefix. */
function logPath(path: string, folder: string): string {
  return path === "off" || isAbsolute(path) ? path : join(folder, path);
}

/** The log of a process that runs a gateway. */
export function openProcessLog(settings: Settings, folder: string): ProcessLog {
  const to = openSink(logPath(settings.proxy_error_log, folder));
  const create = (level: LogLevel) => createLogger({ level, format: settings.log_format, to, masker: createMasker() });
  let level = settings.log_level;
  let current = create(level);
  return {
    debug: (message, facts) => current.debug(message, facts),
    info: (message, facts) => current.info(message, facts),
    notice: (message, facts) => current.notice(message, facts),
    warn: (message, facts) => current.warn(message, facts),
    error: (message, facts) => current.error(message, facts),
    crit: (message, facts) => current.crit(message, facts),
    flush: () => current.flush(),
    close: () => current.close(),
    get isDebug() {
      return current.isDebug;
    },
    get level() {
      return level;
    },
    setLevel(next) {
      level = next;
      current = create(next);
    },
  };
}

export function openProxyAccessLog(settings: Settings, folder: string): AccessLog | undefined {
  return createAccessLog(logPath(settings.proxy_access_log, folder));
}

export function openAdminAccessLog(settings: Settings, folder: string): AccessLog | undefined {
  return createAccessLog(logPath(settings.admin_access_log, folder));
}
