import { styleText } from "node:util";
import type { Listener } from "../settings.ts";
import { CommandError, defineCommand } from "./command.ts";
import { startEcho } from "./echo-server.ts";
import { runGateway } from "./gateway-process.ts";
import { untilStopped } from "./process.ts";
import { createGuide } from "./quickstart-guide.ts";
import { startPageServer } from "./quickstart-page.ts";
import { KEY, offerPage, PAGE, type Places, PROTECTED, walkThrough } from "./quickstart-steps.ts";
import { readSettings, settingsOptions } from "./settings-options.ts";
import { version } from "./version.ts";

export default defineCommand({
  summary: "Run a gateway with an echo behind it, and walk through the session plugin.",
  options: settingsOptions,
  notes: `Settings are those of sesame start, but for one worker process. Each step is shown as a command for a shell and the
answer it got. A second start on the same data keeps what it finds there.`,
  async run({ values }, terminal) {
    const { settings, warnings } = readSettings(values, terminal, { nginx_worker_processes: "1" });
    if (settings.database === "off") throw new CommandError("database: the quickstart needs one, not off");
    for (const warning of warnings) terminal.warn(`sesame: warning: ${warning}`);
    // A signal that comes during the walkthrough is heeded at its end, so that everything is closed in order.
    const stopped = untilStopped();
    const opened: { close(): Promise<void> }[] = [];
    const keep = <T extends { close(): Promise<void> }>(part: T): T => {
      opened.push(part);
      return part;
    };
    try {
      const gateway = keep(await runGateway(settings));
      const places: Places = {
        proxy: plainUrl("proxy_listen", settings.proxy_listen, gateway.ports.proxy),
        admin: plainUrl("admin_listen", settings.admin_listen, gateway.ports.admin),
        echo: keep(await startEcho()).url,
        page: keep(await startPageServer()).url,
      };
      terminal.print(introduction(places, settings.prefix));
      const guide = createGuide(terminal.print);
      const cookie = await walkThrough(guide, places);
      await offerPage(guide, places);
      terminal.print(outlook(places, cookie));
      await stopped;
      terminal.print("\nStopped.\n");
      return 0;
    } finally {
      // The gateway first, since it uses the others.
      for (const part of opened) await part.close();
    }
  },
});

/** The address of the first listener without TLS, as a reader would type it. */
function plainUrl(setting: string, listeners: readonly Listener[], ports: readonly number[]): string {
  const index = listeners.findIndex(({ ssl }) => !ssl);
  const listener = listeners[index];
  if (!listener) throw new CommandError(`${setting}: the quickstart needs an address without ssl`);
  const { ip } = listener;
  const isLocal = ["0.0.0.0", "127.0.0.1", "::"].includes(ip);
  return `http://${isLocal ? "localhost" : ip.includes(":") ? `[${ip}]` : ip}:${ports[index]}`;
}

function introduction({ proxy, admin, echo }: Places, prefix: string): string {
  return `${styleText("bold", `Sesame ${version}`)}: a gateway on an embedded database, and an echo behind it.

   proxy      ${proxy}
   Admin API  ${admin}
   echo       ${echo} (answers every request with a picture of it)
   data       ${prefix}
`;
}

function outlook({ proxy, admin }: Places, cookie: string | undefined): string {
  const url = `${proxy}${PROTECTED}`;
  const session = [
    "Use the session of the walkthrough in a shell, then log out:",
    `   cookie='${cookie}'`,
    `   curl -i ${url} -H "cookie: $cookie"`,
    `   curl -i -X POST '${url}?session_logout=1' -H "cookie: $cookie"`,
    "",
  ];
  const lines = [
    "",
    styleText("bold", "Everything runs. What to try next:"),
    "",
    `Log in with a browser; the key is ${KEY}:`,
    `   ${styleText("underline", `${proxy}${PAGE}`)}`,
    "",
    ...(cookie === undefined ? [] : session),
    "See how it is configured:",
    `   curl ${admin}/services/example-service/plugins`,
    "",
    "Ctrl+C stops it; what it keeps is there at the next start.",
  ];
  return lines.map((line) => `${line}\n`).join("");
}
