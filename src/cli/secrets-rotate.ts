import { CommandError, defineCommand } from "./command.ts";
import { openAdminApi } from "./kong-http.ts";

interface Outcome {
  readonly rotated: readonly { readonly id: string }[];
  readonly left: readonly { readonly id: string; readonly reason: string }[];
}

export default defineCommand({
  summary: "Give all session plugins a new secret, without logging anybody out.",
  options: {
    "admin-url": { type: "string", placeholder: "URL", description: "The Admin API (http://127.0.0.1:8001)." },
    "admin-url-header": {
      type: "string",
      multiple: true,
      placeholder: "HEADER",
      description: 'A "name: value" to send there, such as a token. Repeatable.',
    },
    keep: { type: "string", placeholder: "N", description: "Earlier secrets that stay valid, 1 to 8 (8)." },
  },
  notes: `Sessions that an earlier secret opens get a cookie of the new one with their next request. An earlier secret may go
when sesame_sessions_opened_by_fallback_total of GET /metrics stands still for as long as sessions live.
Exit code 0: all have a new secret; 2: some were left as they are; 1: misuse, or no answer.`,
  async run({ values }, terminal) {
    const { "admin-url": url = "http://127.0.0.1:8001", keep } = values;
    if (keep !== undefined && !/^[1-8]$/.test(keep)) throw new CommandError("--keep expects a number from 1 to 8");
    const api = openAdminApi("admin-url", url, values["admin-url-header"]);
    const { status, body } = await api.send("POST", "/sessions/secrets/rotate", keep ? { keep: Number(keep) } : {});
    if (status === 405)
      throw new CommandError(`${api.name} takes its secrets from a declarative configuration: rotate them there`);
    if (status !== 200) throw new CommandError(`${api.name} answered with ${status}: is it a Sesame?`);
    const { rotated, left } = body as Outcome;
    for (const { id } of rotated) terminal.print(`session plugin ${id} has a new secret\n`);
    for (const { id, reason } of left) terminal.warn(`sesame: session plugin ${id} was left as it is: it ${reason}`);
    if (rotated.length + left.length === 0) terminal.print("there is no session plugin\n");
    return left.length > 0 ? 2 : 0;
  },
});
