import { loadSettings } from "../settings.ts";
import type { Options, Terminal, Values } from "./command.ts";

/** The options of every command that works with a gateway's settings. */
export const settingsOptions = {
  conf: { type: "string", short: "c", placeholder: "FILE", description: "Settings, `name = value` as in kong.conf." },
  prefix: {
    type: "string",
    short: "p",
    placeholder: "FOLDER",
    description: "The folder of everything the gateway keeps.",
  },
} as const satisfies Options;

/** For the help of such a command. */
export const settingsNotes = "Every setting may also stand in the environment, as SESAME_NAME or KONG_NAME.";

/** The settings that file, environment and options give; `overrides` are what the command itself decides. */
export function readSettings(
  { conf, prefix }: Values<typeof settingsOptions>,
  { env }: Terminal,
  overrides: Readonly<Record<string, string>> = {},
): ReturnType<typeof loadSettings> {
  return loadSettings({
    ...(conf !== undefined && { file: conf }),
    env,
    overrides: { ...overrides, ...(prefix !== undefined && { prefix }) },
  });
}
