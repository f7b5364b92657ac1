import { createSessions, type HeaderFields, type Session, SessionError, type SessionReason } from "../session/index.ts";
import { CommandError, defineCommand } from "./command.ts";
import { answerLines } from "./jsonl.ts";
import {
  caseOptions,
  hasKey,
  mergeCase,
  readCase,
  readInput,
  readText,
  type SessionCase,
  sessionsOf,
} from "./session-case.ts";

/** The answer about one cookie; the part after `age` is there when there was a key to open it with. */
interface Inspection {
  readonly header: HeaderFields | null;
  /** Seconds since the session's creation. */
  readonly age: number | null;
  readonly valid?: boolean;
  readonly reason?: SessionReason | null;
  readonly data?: unknown;
  readonly audience?: string | null;
  readonly subject?: string | null;
  readonly timeouts?: Readonly<Record<"idling" | "rolling" | "absolute" | "remaining", number | null>> | null;
}

export default defineCommand({
  summary: "Show what is in a session cookie, and whether it is valid.",
  usage: "[COOKIE_HEADER | -]",
  positionals: 1,
  options: {
    "storage-record": {
      type: "string",
      placeholder: "FILE",
      description: "A storage is configured, and this is its record.",
    },
    ...caseOptions,
  },
  notes: `COOKIE_HEADER is the value of a Cookie header, - reads it from standard input. Without --secret or --ikm only the
header is shown, and nothing of it is authenticated. Times are in seconds.
--jsonl reads {"cookie", "now"?, "options"?, "request"?, "record"?} a line; options have the engine's own names, and
ikm_hex and ikm_fallbacks_hex for keys; request has remote_address, scheme and user_agent.
Exit code 0: valid (without a key: the header can be read); 2: refused; 1: misuse. With --jsonl 0 if every line was JSON.`,
  async run({ values, positionals: [argument] }, terminal) {
    const recordFile = values["storage-record"];
    const base = {
      ...readCase(values),
      ...(recordFile === undefined ? {} : { hasStorage: true, record: readText(recordFile) }),
    };
    try {
      sessionsOf(base);
      if (values.jsonl) return await answerLines(terminal, (line) => inspect(mergeCase(base, line)));
      if (argument === undefined) throw new CommandError("expected the value of a Cookie header, or - to read it");
      const text = argument === "-" ? await readInput(terminal) : argument;
      const inspection = await inspect({ ...base, visit: { ...base.visit, cookie: text.replace(/^cookie:\s*/i, "") } });
      terminal.print(`${JSON.stringify(inspection, null, 2)}\n`);
      return (inspection.valid ?? inspection.header !== null) ? 0 : 2;
    } catch (error) {
      throw error instanceof SessionError ? new CommandError(error.message) : error;
    }
  },
});

/** Look into the cookies of a case. Throws SessionError for options the engine does not accept. */
async function inspect(session: SessionCase): Promise<Inspection> {
  const sessions = sessionsOf(session);
  const opened = hasKey(session) ? await sessions.open(session.visit, session.now) : undefined;
  const found = sessions.inspect(session.visit);
  const shown = "header" in found || !opened?.isOpen ? found : inspectRemembered(session);
  const header = "header" in shown ? shown.header : null;
  const age = header && session.now - header.created_at;
  if (opened) return { header, age, ...describe(opened) };
  return "reason" in shown ? { header, age, reason: shown.reason } : { header, age };
}

/** A session that only its remember cookie has opened: that cookie's header is the one to show. */
function inspectRemembered({ options, visit }: SessionCase): ReturnType<ReturnType<typeof createSessions>["inspect"]> {
  const { cookie_prefix, cookie_name, remember_cookie_name } = options;
  const swapped = {
    cookie_prefix,
    cookie_name: remember_cookie_name ?? "remember",
    remember_cookie_name: cookie_name ?? "session",
  };
  return createSessions(swapped).inspect(visit);
}

function describe(session: Session): Omit<Inspection, "header" | "age"> {
  if (!session.isOpen) {
    return { valid: false, reason: session.reason ?? null, data: null, audience: null, subject: null, timeouts: null };
  }
  const { idling = null, rolling = null, absolute = null, remaining = null } = session.timeouts ?? {};
  return {
    valid: true,
    reason: null,
    data: session.data,
    audience: session.audience,
    subject: session.subject ?? null,
    timeouts: { idling, rolling, absolute, remaining },
  };
}
