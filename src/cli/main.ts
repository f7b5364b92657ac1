import { runCommand } from "./commands.ts";

// The entry of the command line; bin/sesame starts it on a Node that is new enough.

process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  // The reader has seen enough, as `head` in a pipe.
  if (error.code === "EPIPE") process.exit();
  throw error;
});

process.exitCode = await runCommand(process.argv.slice(2), {
  stdin: process.stdin,
  env: process.env,
  print: (text) => void process.stdout.write(text),
  warn: (line) => void process.stderr.write(`${line}\n`),
});
