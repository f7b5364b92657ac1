import { SettingsError } from "../settings.ts";
import { type Command, CommandError, describeCommand, formatRows, parseCommandLine, type Terminal } from "./command.ts";

type Load = () => Promise<{ readonly default: Command }>;

/** The commands and their modules, loaded when they are asked for: `sesame version` does not wait for a gateway. */
export const commands: ReadonlyMap<string, Load> = new Map<string, Load>([
  ["start", () => import("./start.ts")],
  ["quickstart", () => import("./quickstart.ts")],
  ["echo", () => import("./echo.ts")],
  ["check", () => import("./check.ts")],
  ["config parse", () => import("./config-parse.ts")],
  ["migrations up", async () => ({ default: (await import("./migrations.ts")).up })],
  ["migrations status", async () => ({ default: (await import("./migrations.ts")).status })],
  ["migrations reset", async () => ({ default: (await import("./migrations.ts")).reset })],
  ["session inspect", () => import("./session-inspect.ts")],
  ["session mint", () => import("./session-mint.ts")],
  ["secrets rotate", () => import("./secrets-rotate.ts")],
  ["import kong", () => import("./import-kong.ts")],
  ["version", () => import("./version.ts")],
]);

/** Run the command that the arguments name; answers the exit code. */
export async function runCommand(args: readonly string[], terminal: Terminal): Promise<number> {
  const name = [args.slice(0, 2).join(" "), args[0] ?? ""].find((words) => commands.has(words));
  if (name === undefined) return runNoCommand(args, terminal);
  const rest = args.slice(name.split(" ").length);
  const { default: command } = await commands.get(name)!();
  const options = rest.includes("--") ? rest.slice(0, rest.indexOf("--")) : rest;
  if (options.includes("--help") || options.includes("-h")) {
    terminal.print(describeCommand(name, command));
    return 0;
  }
  try {
    return await command.run(parseCommandLine(command, rest), terminal);
  } catch (error) {
    if (error instanceof CommandError) return refuse(terminal, error.message);
    if (error instanceof SettingsError) return refuse(terminal, ...error.problems);
    throw error;
  }
}

async function runNoCommand(args: readonly string[], terminal: Terminal): Promise<number> {
  const words = args.filter((arg) => !arg.startsWith("-"));
  const group = [...commands.keys()].filter((name) => name.startsWith(`${words[0]} `));
  const isHelp = args.some((arg) => arg === "--help" || arg === "-h") || args[0] === "help";
  if (args[0] === "--version" || args[0] === "-v") return runCommand(["version"], terminal);
  if (isHelp) terminal.print(await describeCommands(group.length > 0 ? group : [...commands.keys()]));
  else if (args.length === 0) refuse(terminal, `expected a command: ${[...commands.keys()].join(", ")} (or --help)`);
  else
    refuse(
      terminal,
      `unknown command "${args.slice(0, group.length > 0 ? 2 : 1).join(" ")}" (sesame --help lists them)`,
    );
  return isHelp ? 0 : 1;
}

async function describeCommands(names: readonly string[]): Promise<string> {
  const rows = await Promise.all(
    names.map(async (name) => [`  ${name}`, (await commands.get(name)!()).default.summary] as const),
  );
  return `Usage: sesame COMMAND [options]\n\n${formatRows(rows)}\nsesame COMMAND --help says more about a command.\n`;
}

function refuse(terminal: Terminal, ...lines: readonly string[]): number {
  for (const line of lines) terminal.warn(`sesame: ${line}`);
  return 1;
}
