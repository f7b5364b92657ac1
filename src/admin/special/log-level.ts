import { message } from "../answer.ts";
import { argument, type Call, firstParam } from "../call.ts";
import type { AdminParts } from "../parts.ts";
import type { Handler, Route } from "../paths.ts";

const LEVELS = ["debug", "info", "notice", "warn", "error", "crit", "alert", "emerg"];

/** How long a changed level stays when the request does not say, in seconds. */
const DEFAULT_TIMEOUT = 60;

/** `/debug/node/log-level` and `/debug/cluster/log-level`: read the level of the log, and change it for a while. Source: SPEC-admin-api §4. */
export function logLevelRoutes({ logLevel, declarative }: Pick<AdminParts, "logLevel" | "declarative">): Route[] {
  const change: Handler = async (call) => {
    if (declarative) return message(405, "cannot change log level when not using a database");
    const level = firstParam(call);
    if (!LEVELS.includes(level)) return message(400, `unknown log level: ${level}`);
    const timeout = timeoutOf(call);
    if (timeout === undefined) return message(400, "timeout must be greater than or equal to 0");
    if (logLevel.current() === level) return message(200, `log level is already ${level}`);
    await logLevel.change(level, timeout);
    return message(200, "log level changed");
  };
  return [
    { path: "/debug/node/log-level", methods: { GET: () => message(200, `log level: ${logLevel.current()}`) } },
    { path: "/debug/node/log-level/{log_level}", methods: { PUT: change } },
    { path: "/debug/cluster/log-level/{log_level}", methods: { PUT: change } },
  ];
}

/** Seconds; undefined when they are no number from 0 on. */
function timeoutOf(call: Call): number | undefined {
  const text = argument(call, "timeout");
  const seconds = text === undefined ? DEFAULT_TIMEOUT : Math.ceil(Number(text));
  return Number.isSafeInteger(seconds) && seconds >= 0 ? seconds : undefined;
}
