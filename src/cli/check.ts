import { loadSettings } from "../settings.ts";
import { CommandError, defineCommand } from "./command.ts";

export default defineCommand({
  summary: "Read a settings file, and tell its faults.",
  usage: "CONFIG",
  positionals: 1,
  options: {},
  notes: "The environment is left out of account. Exit code 0 when the file is valid, else 1.",
  run({ positionals: [file] }, terminal) {
    if (file === undefined) throw new CommandError("expected the path of a settings file");
    const { warnings } = loadSettings({ file });
    for (const warning of warnings) terminal.warn(`sesame: warning: ${warning}`);
    terminal.print(`configuration at ${file} is valid\n`);
    return 0;
  },
});
