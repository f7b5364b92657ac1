import { plugins } from "../plugins/index.ts";
import { CommandError, defineCommand } from "./command.ts";
import { checkGiven } from "./declarative.ts";
import { readText, readTextFile } from "./kong-document.ts";

export default defineCommand({
  summary: "Check a declarative configuration (kong.yml), and tell its faults.",
  usage: "FILE",
  positionals: 1,
  options: {},
  notes: `FILE is what declarative_config would name; - is standard input. Exit code 0 when it is valid, else 1, with a line for
each fault: file, row, field.`,
  async run({ positionals: [file] }, terminal) {
    if (file === undefined) throw new CommandError("expected the path of a declarative configuration");
    const what = file === "-" ? "standard input" : file;
    await checkGiven(
      { what, text: file === "-" ? await readText(terminal.stdin, what) : await readTextFile(file) },
      plugins,
    );
    terminal.print("parse successful\n");
    return 0;
  },
});
