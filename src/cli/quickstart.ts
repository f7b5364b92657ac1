import { CommandError, defineCommand } from "./command.ts";

export default defineCommand({
  summary: "Run a gateway with an echo behind it, and walk through the session plugin.",
  options: {},
  run() {
    throw new CommandError("the quickstart is being written");
  },
});
