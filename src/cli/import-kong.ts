import { CommandError, defineCommand, type Terminal } from "./command.ts";
import { readKongAdmin, releaseOf } from "./kong-admin.ts";
import { parseDocument, readText, readTextFile } from "./kong-document.ts";
import { readKongFile } from "./kong-file.ts";
import type { KongFileOptions } from "./kong-file-rows.ts";
import { openAdminApi } from "./kong-http.ts";
import { createReport, printable } from "./kong-report.ts";
import { importable, type KongRow, type KongSource, type LeaveOut, labelOf, pathOf } from "./kong-rows.ts";
import { writeRows } from "./kong-writer.ts";

export default defineCommand({
  summary: "Bring a Kong's entities to a Sesame, secrets and sessions included.",
  options: {
    "admin-url": { type: "string", placeholder: "URL", description: "The Kong's Admin API, to read from." },
    "admin-url-header": {
      type: "string",
      multiple: true,
      placeholder: "HEADER",
      description: 'A "name: value" to send there, such as a token. Repeatable.',
    },
    file: {
      type: "string",
      placeholder: "FILE",
      description: "A declarative file, or a dump of decK, to read in its place; - for standard input.",
    },
    transform: {
      type: "boolean",
      description:
        "Passwords in the file are passwords (--transform) or hashes (--no-transform), whatever it says itself.",
    },
    to: { type: "string", placeholder: "URL", description: "Sesame's Admin API (http://127.0.0.1:8001)." },
    "to-header": { type: "string", multiple: true, placeholder: "HEADER", description: "Likewise, for this one." },
    sessions: {
      type: "boolean",
      description: "Bring over the rows of `storage: kong` too (on); --no-sessions once visitors use the new gateway.",
    },
    "dry-run": { type: "boolean", description: "Write nothing, and tell what would be written." },
  },
  notes: `Every row is written by PUT to the id it has, so that doing it again changes nothing and cookies stay valid; what only
Sesame has is left alone. At the end stands what could not be brought over. No secret is printed.
Exit code 0: everything came over; 2: something was left out; 1: misuse, or a gateway did not answer.`,
  async run({ values }, terminal) {
    const { "admin-url": url, file, to = "http://127.0.0.1:8001" } = values;
    if ((url === undefined) === (file === undefined)) throw new CommandError("expected either --admin-url or --file");
    if (url !== undefined && values.transform !== undefined) throw new CommandError("--transform is for files");
    const api = url === undefined ? undefined : openAdminApi("admin-url", url, values["admin-url-header"]);
    const target = openAdminApi("to", to, values["to-header"]);
    if (api?.name === target.name) throw new CommandError("--admin-url and --to are the same gateway");

    const now = Math.floor(Date.now() / 1000);
    const report = createReport();
    const leaveOut: LeaveOut = (entity, row, why) => report.leaveOut(`${entity.name} ${labelOf(row)}`, why);
    const source = api
      ? await readKongAdmin(api)
      : await openFile(file!, terminal, { transform: values.transform, now, leaveOut });
    const isDry = values["dry-run"] === true;
    if (!isDry) await releaseOf(target);

    await writeRows(source, {
      entities: importable.filter(({ name }) => name !== "sessions" || values.sessions !== false),
      target: isDry ? undefined : target,
      now,
      leaveOut,
      onRow: (entity, row) => {
        report.count(entity.name);
        if (isDry) terminal.print(`would write ${pathOf(entity)}: ${printable(describe(row))}\n`);
      },
    });
    for await (const { kind, row } of source.unknown()) report.leaveOut(labelOf(row), `Sesame has no ${kind}`);
    terminal.print(report.text(isDry ? "would be written to" : "written to", target.name));
    return report.isComplete ? 0 : 2;
  },
});

function describe(row: KongRow): string {
  const { id = "a new id" } = row;
  const label = labelOf(row);
  return label === id ? label : `${label} (${id})`;
}

async function openFile(file: string, { stdin }: Terminal, options: KongFileOptions): Promise<KongSource> {
  const what = file === "-" ? "standard input" : file;
  const text = file === "-" ? await readText(stdin, what) : await readTextFile(file);
  return readKongFile(await parseDocument(text, what), what, options);
}
