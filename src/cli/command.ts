import { type ParseArgsConfig, parseArgs } from "node:util";

/** An option of a command. A boolean may be given as `--name`, `--no-name`, `--name=on|off` or `--name true|false`. */
export interface Option {
  readonly type: "string" | "boolean";
  readonly short?: string;
  /** May be given several times; the value is then a list. */
  readonly multiple?: boolean;
  /** What stands for the value in the help: `N`, `FILE`. */
  readonly placeholder?: string;
  readonly description: string;
}
export type Options = Readonly<Record<string, Option>>;

type ValueOf<O extends Option> = O extends { type: "boolean" }
  ? boolean
  : O extends { multiple: true }
    ? string[]
    : string;
export type Values<O extends Options> = { readonly [N in keyof O]?: ValueOf<O[N]> };

/** What a command talks to. */
export interface Terminal {
  readonly stdin: AsyncIterable<Uint8Array>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Write to standard output. */
  print(text: string): void;
  /** Write a line to standard error. */
  warn(line: string): void;
}

/** One command of the command line, one file each. */
export interface Command<O extends Options = Options> {
  readonly summary: string;
  /** The arguments besides options, as the help shows them; absent when there are none. */
  readonly usage?: string;
  /** Most arguments besides options; 0 when absent. */
  readonly positionals?: number;
  readonly options: O;
  /** Text below the options in the help. */
  readonly notes?: string;
  /** Do it; answers the exit code. A long-running command answers when it has stopped. */
  run(input: { values: Values<O>; positionals: readonly string[] }, terminal: Terminal): number | Promise<number>;
}

/** Types a command's definition; the command itself is returned unchanged. */
export function defineCommand<const O extends Options>(command: Command<O>): Command<O> {
  return command;
}

/** The operator asked for what cannot be done: the message is shown in one line, and the exit code is 1. */
export class CommandError extends Error {
  readonly code = "ERR_COMMAND";

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "CommandError";
  }
}

/** Read a command's arguments. Throws CommandError on an unknown option, a missing value or a surplus argument. */
export function parseCommandLine(command: Command, args: readonly string[]): Parameters<Command["run"]>[0] {
  const options: ParseArgsConfig["options"] = {};
  for (const [name, { type, short, multiple = false }] of Object.entries(command.options)) {
    options[name] = { type, multiple, ...(short ? { short } : {}) };
  }
  let parsed: ReturnType<typeof parseArgs>;
  try {
    parsed = parseArgs({
      args: spellBooleans(command, args),
      options,
      allowPositionals: true,
      allowNegative: true,
      strict: true,
    });
  } catch (error) {
    throw new CommandError(firstSentence((error as Error).message));
  }
  const { positionals, values } = parsed;
  const most = command.positionals ?? 0;
  if (positionals.length > most) {
    throw new CommandError(
      most === 0 ? "expected options only" : `expected at most ${most} argument${most > 1 ? "s" : ""}`,
    );
  }
  return { values: values as Values<Options>, positionals };
}

const WORDS = new Map([
  ["true", true],
  ["on", true],
  ["false", false],
  ["off", false],
]);

/** `--name=off` and `--name false` of boolean options, in the form that parseArgs knows: `--no-name`. */
function spellBooleans(command: Command, args: readonly string[]): string[] {
  const spelled: string[] = [];
  for (let index = 0; index < args.length; index++) {
    const arg = args[index]!;
    if (arg === "--") return [...spelled, ...args.slice(index)];
    const [, name = "", word] = /^--([a-z][a-z0-9-]*)(?:=(.*))?$/s.exec(arg) ?? [];
    const isBoolean = Object.hasOwn(command.options, name) && command.options[name]!.type === "boolean";
    const next = word ?? args[index + 1] ?? "";
    const isWord = isBoolean && WORDS.has(next) && (word !== undefined || next === "true" || next === "false");
    if (isWord && word === undefined) index++;
    spelled.push(isWord ? `--${WORDS.get(next) ? "" : "no-"}${name}` : arg);
  }
  return spelled;
}

/** Node explains at length; its first sentence says what is wrong. */
function firstSentence(message: string): string {
  const [sentence = message] = message.split(/\n|\. /);
  return `${sentence[0]?.toLowerCase()}${sentence.slice(1).replace(/\.$/, "")}`;
}

/** The text of `--help`. */
export function describeCommand(name: string, command: Command): string {
  const rows = Object.entries({ ...command.options, help: HELP }).map(
    ([option, { short, type, placeholder, description }]) => {
      const value = type === "string" ? ` ${placeholder ?? "TEXT"}` : "";
      return [`  ${short ? `-${short}, ` : "    "}--${option}${value}`, description] as const;
    },
  );
  const usage = `Usage: sesame ${name} [options]${command.usage ? ` ${command.usage}` : ""}`;
  const notes = command.notes ? `\n${command.notes}\n` : "";
  return `${usage}\n\n${command.summary}\n\n${formatRows(rows)}${notes}`;
}

export const HELP: Option = { type: "boolean", short: "h", description: "Show this help." };

/** Two columns. */
export function formatRows(rows: readonly (readonly [string, string])[]): string {
  const width = Math.min(36, Math.max(...rows.map(([left]) => left.length)));
  return rows.map(([left, right]) => `${left.padEnd(width)}  ${right}\n`).join("");
}
