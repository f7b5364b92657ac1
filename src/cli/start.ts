import type { Settings } from "../settings.ts";
import { defineCommand } from "./command.ts";
import { type RunningGateway, runGateway } from "./gateway-process.ts";
import { endOnFault, untilStopped } from "./process.ts";
import { readSettings, settingsNotes, settingsOptions } from "./settings-options.ts";

export default defineCommand({
  summary: "Run the gateway until it is told to stop.",
  options: settingsOptions,
  notes: settingsNotes,
  async run({ values }, terminal) {
    const { settings, warnings } = readSettings(values, terminal);
    // Where the log goes to the terminal, they are there already.
    const isLogShown = settings.proxy_error_log === "/dev/stderr";
    if (!isLogShown) for (const warning of warnings) terminal.warn(`sesame: warning: ${warning}`);
    const stopped = untilStopped();
    const gateway = await runGateway(settings);
    const { log, ports } = gateway;
    endOnFault(log);
    for (const warning of warnings) log.warn(warning);
    log.notice("gateway started", { ...describePorts(ports), prefix: settings.prefix });
    log.flush();
    terminal.print(describeListeners(settings, ports));
    // A gateway whose listeners are all off has nothing else that keeps the process running.
    const running = setInterval(() => {}, 2 ** 30);
    // As `kong reload` sends it; with a database a closed terminal ends the gateway as it does other programs.
    if (settings.database === "off") process.on("SIGHUP", () => void gateway.reload());
    const signal = await stopped;
    clearInterval(running);
    log.notice("gateway stops", { signal });
    await gateway.close();
    return 0;
  },
});

const KINDS = ["proxy", "admin", "status"] as const;

function describePorts(ports: RunningGateway["ports"]): Record<string, string> {
  return Object.fromEntries(KINDS.map((kind) => [kind, ports[kind].join(" ") || "off"]));
}

/** A line for each API with its addresses, as a reader would open them. */
function describeListeners(settings: Settings, ports: RunningGateway["ports"]): string {
  const lines = KINDS.map((kind) => {
    const addresses = settings[`${kind}_listen`].map(({ ip, ssl }, index) => {
      const host = ip.includes(":") ? `[${ip}]` : ip;
      return `${ssl ? "https" : "http"}://${host}:${ports[kind][index]}`;
    });
    return `${kind.padEnd(6)}  ${addresses.join("  ") || "off"}\n`;
  });
  return lines.join("");
}
