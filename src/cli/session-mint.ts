import { writeFileSync } from "node:fs";
import { type JsonValue, SessionError } from "../session/index.ts";
import { CommandError, defineCommand } from "./command.ts";
import { answerLines } from "./jsonl.ts";
import { caseOptions, hasKey, mergeCase, readCase, type SessionCase, sessionsOf } from "./session-case.ts";

/** A session that was made: the values of its Set-Cookie headers, and with a storage its records. */
interface Minted {
  readonly set_cookie: readonly string[];
  readonly record?: string;
  /** The record of the remember cookie. */
  readonly remember_record?: string;
}

export default defineCommand({
  summary: "Make a session and print its cookies.",
  options: {
    data: { type: "string", placeholder: "JSON", description: "Data of the session, an object or a list ({})." },
    "storage-record": {
      type: "string",
      placeholder: "FILE",
      description: "A storage is configured: write its record here (- does not).",
    },
    ...caseOptions,
  },
  notes: `Prints a line "Set-Cookie: ..." for each cookie and, with a storage, the record in a line of its own (that of the
remember cookie, if there is one, in another). --secret or --ikm is needed.
--jsonl reads {"data"?, "subject"?, "remember"?, "now"?, "options"?, "request"?} a line and answers {"set_cookie", "record"?}
in a line; a storage is configured by options.storage.`,
  async run({ values }, terminal) {
    const file = values["storage-record"];
    const base = { ...readCase(values), hasStorage: file !== undefined };
    const data = readData(values.data);
    try {
      sessionsOf(base);
      if (values.jsonl)
        return await answerLines(terminal, (line) =>
          mint(mergeLine(base, line), (line.data as JsonValue | undefined) ?? data),
        );
      const { set_cookie, record, remember_record } = await mint(base, data);
      if (record !== undefined && file !== undefined && file !== "-") writeRecord(file, record);
      const lines = [...set_cookie.map((text) => `Set-Cookie: ${text}`), record, remember_record];
      for (const line of lines) if (line !== undefined) terminal.print(`${line}\n`);
      return 0;
    } catch (error) {
      throw error instanceof SessionError ? new CommandError(error.message) : error;
    }
  },
});

/** Throws SessionError when the engine does not accept the options or the data. */
async function mint(session: SessionCase, data: JsonValue): Promise<Minted> {
  if (!hasKey(session)) throw new CommandError("expected a secret or ikm: nobody could open a session made without");
  const records: string[] = [];
  const made = sessionsOf(session, (record) => void records.push(record)).create(session.visit);
  made.data = data;
  const cookies = await made.save(session.now);
  const [record, remember_record] = records;
  return {
    set_cookie: cookies.map(({ text }) => text),
    ...(record === undefined ? {} : { record }),
    ...(remember_record === undefined ? {} : { remember_record }),
  };
}

/** `subject` and `remember` are options of the engine that a line may give directly. */
function mergeLine(base: SessionCase, line: Readonly<Record<string, unknown>>): SessionCase {
  const { subject, remember, ...rest } = line;
  const session = mergeCase(base, rest);
  const given = Object.fromEntries(Object.entries({ subject, remember }).filter(([, value]) => value !== undefined));
  return { ...session, options: { ...session.options, ...given } };
}

function readData(text: string | undefined): JsonValue {
  if (text === undefined) return {};
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    throw new CommandError("--data expects JSON");
  }
}

function writeRecord(path: string, record: string): void {
  try {
    writeFileSync(path, `${record}\n`, { mode: 0o600 });
  } catch (error) {
    throw new CommandError(`${path} cannot be written (${(error as NodeJS.ErrnoException).code})`);
  }
}
