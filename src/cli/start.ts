import { loadSettings } from "../settings.ts";
import { defineCommand } from "./command.ts";
import { runGateway } from "./gateway-process.ts";
import { untilStopped } from "./process.ts";

export default defineCommand({
  summary: "Run the gateway until it is told to stop.",
  options: {
    conf: { type: "string", short: "c", placeholder: "FILE", description: "Settings, `name = value` as in kong.conf." },
    prefix: { type: "string", short: "p", placeholder: "FOLDER", description: "The folder of everything the gateway keeps." },
  },
  notes: "Every setting may also stand in the environment, as SESAME_NAME or KONG_NAME.",
  async run({ values }, terminal) {
    const { settings, warnings } = loadSettings({
      ...(values.conf !== undefined && { file: values.conf }),
      env: terminal.env,
      ...(values.prefix !== undefined && { overrides: { prefix: values.prefix } }),
    });
    for (const warning of warnings) terminal.warn(`sesame: warning: ${warning}`);
    const gateway = await runGateway(settings);
    const { proxy, admin } = gateway.ports;
    gateway.log.notice("gateway started", { proxy: proxy.join(" "), admin: admin.join(" "), prefix: settings.prefix });
    const signal = await untilStopped();
    gateway.log.notice("gateway stops", { signal });
    await gateway.close();
    return 0;
  },
});
