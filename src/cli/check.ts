import { loadSettings } from "../settings.ts";
import { CommandError, defineCommand } from "./command.ts";
import { checkGiven, readGiven } from "./declarative.ts";
import { enabledPlugins } from "./enabled-plugins.ts";

export default defineCommand({
  summary: "Read a settings file, and tell its faults.",
  usage: "CONFIG",
  positionals: 1,
  options: {},
  notes:
    "With database=off the declarative configuration is read too. The environment is left out of account. Exit code 0 when " +
    "everything is valid, else 1.",
  async run({ positionals: [file] }, terminal) {
    if (file === undefined) throw new CommandError("expected the path of a settings file");
    const { settings, warnings } = loadSettings({ file });
    for (const warning of warnings) terminal.warn(`sesame: warning: ${warning}`);
    const given = settings.database === "off" ? await readGiven(settings) : undefined;
    if (given) await checkGiven(given, enabledPlugins(settings));
    terminal.print(`configuration at ${file} is valid\n`);
    return 0;
  },
});
