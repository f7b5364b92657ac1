import {
  type AccessLog,
  createAccessLog,
  createLogger,
  createMasker,
  type Logger,
  type Masker,
  openSink,
  type Sink,
} from "../log.ts";
import type { Settings } from "../settings.ts";
import { CommandError } from "./command.ts";

export type LogLevel = Settings["log_level"];

/** A log whose level can be changed while the process runs. */
export interface ProcessLog extends Logger {
  readonly level: LogLevel;
  setLevel(level: LogLevel): void;
}

/** What a process that runs a gateway writes; one masker hides the secrets in all of it. */
export interface ProcessLogs {
  readonly log: ProcessLog;
  readonly masker: Masker;
  /** Open an access log; undefined when it is off. Throws CommandError when it cannot be written. */
  openAccessLog(setting: "proxy_access_log" | "admin_access_log"): AccessLog | undefined;
  /** Write what is pending and close everything. */
  close(): void;
}

/** Open the log of a process. Throws CommandError when it cannot be written. */
export function openProcessLogs(settings: Settings): ProcessLogs {
  const masker = createMasker();
  const opened: { close(): void }[] = [];

  function open(setting: "proxy_error_log" | "proxy_access_log" | "admin_access_log"): Sink {
    const path = settings[setting];
    try {
      const sink = openSink(path);
      opened.push(sink);
      return sink;
    } catch (error) {
      const reason = (error as NodeJS.ErrnoException).code;
      throw new CommandError(`${setting}: ${path} cannot be written (${reason})`, { cause: error });
    }
  }

  return {
    log: createProcessLog(settings, open("proxy_error_log"), masker),
    masker,
    openAccessLog: (setting) => (settings[setting] === "off" ? undefined : createAccessLog(open(setting), masker)),
    close() {
      for (const { close } of opened.splice(0)) close();
    },
  };
}

function createProcessLog({ log_level, log_format }: Settings, to: Sink, masker: Masker): ProcessLog {
  const create = (level: LogLevel) => createLogger({ level, format: log_format, to, masker });
  let level = log_level;
  let current = create(level);
  return {
    debug: (message, facts) => current.debug(message, facts),
    info: (message, facts) => current.info(message, facts),
    notice: (message, facts) => current.notice(message, facts),
    warn: (message, facts) => current.warn(message, facts),
    error: (message, facts) => current.error(message, facts),
    crit: (message, facts) => current.crit(message, facts),
    flush: to.flush,
    close: to.close,
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
