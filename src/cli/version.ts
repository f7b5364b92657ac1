import { createRequire } from "node:module";
import { defineCommand } from "./command.ts";

const { version } = createRequire(import.meta.url)("../../package.json") as { version: string };

export { version };

export default defineCommand({
  summary: "Print the versions of Sesame and of the Node.js it runs on.",
  options: {},
  run(_input, terminal) {
    terminal.print(`sesame ${version} (Node.js ${process.versions.node}, ${process.platform} ${process.arch})\n`);
    return 0;
  },
});
