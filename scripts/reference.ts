import { readFileSync } from "node:fs";
import { describeCommand } from "../src/cli/command.ts";
import { commands } from "../src/cli/commands.ts";
import { metricDefinitions } from "../src/cli/metrics.ts";
import { allEntities } from "../src/database/index.ts";
import { plugins } from "../src/plugins/index.ts";
import type { Entity, Field, Fields, Shorthands } from "../src/schema/index.ts";
import { legacyOptions, reasons } from "../src/session/index.ts";
import { sessionOptions } from "../src/session/options.ts";
import { accepted, type Setting, settingsTable } from "../src/settings.ts";

type Page = readonly [path: string, text: string];

/** Every generated page, by its path below docs/. */
export async function referencePages(): Promise<Page[]> {
  const entities = allEntities({ plugins });
  return [
    ["reference/settings.md", settingsPage()],
    ["reference/entities.md", entitiesPage(entities)],
    ["reference/session-engine.md", enginePage()],
    ["reference/command-line.md", await commandsPage()],
    ...plugins.map((plugin): Page => [`reference/plugins/${plugin.name}.md`, pluginPage(plugin.name)]),
    ["reference/metrics.md", metricsPage()],
    ["differences.md", differencesPage()],
  ];
}

const NOTE = "<!-- Made by npm run docs; changes belong into the source. -->\n\n";

function page(title: string, ...parts: readonly string[]): string {
  return `${NOTE}# ${title}\n\n${parts.join("\n")}`;
}

/** A table of Markdown; cells are escaped. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cell = (text: string) => text.replaceAll("|", "\\|").replaceAll("\n", " ");
  const line = (cells: readonly string[]) => `| ${cells.map(cell).join(" | ")} |\n`;
  return line(head) + line(head.map(() => "---")) + rows.map(line).join("");
}

const code = (text: string) => `\`${text}\``;

function settingsPage(): string {
  const rows = Object.entries(settingsTable as Record<string, Setting>).map(([name, setting]) => [
    code(name),
    accepted(setting),
    setting.default === undefined ? "" : setting.default === "" ? "none" : code(setting.default),
    setting.description + (setting.unit ? ` (${setting.unit})` : ""),
  ]);
  return page(
    "Settings",
    "From a file (`sesame start -c sesame.conf`, lines `name = value` as in kong.conf) and from the environment: `SESAME_` and the",
    "name in capitals, or `KONG_` likewise. `SESAME_*` wins over `KONG_*`, and both over the file.\n",
    table(["setting", "accepted", "default", "meaning"], rows),
  );
}

function entitiesPage(entities: readonly Entity[]): string {
  const parts = entities.map((entity) => {
    const path = `/${entity.admin_api_name ?? entity.name}`;
    const nested = entity.admin_api_nested_name ? `, below a consumer \`${entity.admin_api_nested_name}\`` : "";
    const key = entity.endpoint_key ? ` A row may be named by its \`${entity.endpoint_key}\` in place of its id.` : "";
    const ttl = entity.ttl ? " Rows may expire: `ttl`, in seconds." : "";
    const intro = `${entity.description}\n\nAdmin API: \`${path}\`${nested}.${key}${ttl}\n\n`;
    return `## ${entity.name}\n\n${intro}${fieldTable(entity.fields)}`;
  });
  return page("Entities", "What the Admin API keeps, and the fields of each.\n", ...parts);
}

function pluginPage(name: string): string {
  const plugin = plugins.find((candidate) => candidate.name === name)!;
  const scope = plugin.noConsumer ? "It cannot be attached to a consumer." : "It may be attached to a consumer.";
  const old = shorthandRows(plugin.config, plugin.shorthand_fields, "");
  return page(
    name,
    `Priority ${plugin.priority}. ${scope}\n`,
    fieldTable(plugin.config, "config."),
    ...(old.length > 0 ? ["Accepted on input and translated:\n", table(["field", "type", "meaning"], old)] : []),
  );
}

function shorthandRows(fields: Fields, shorthands: Shorthands | undefined, prefix: string): string[][] {
  const own = Object.entries(shorthands ?? {}).map(([name, { type, description }]) => [
    code(prefix + name),
    type,
    description,
  ]);
  const inner = Object.entries(fields).flatMap(([name, field]) =>
    field.type === "record" ? shorthandRows(field.fields ?? {}, field.shorthand_fields, `${prefix}${name}.`) : [],
  );
  return [...own, ...inner];
}

function metricsPage(): string {
  const rows = Object.entries(metricDefinitions(plugins)).map(([name, { help, buckets }]) => [
    code(name),
    buckets ? "histogram" : "counter",
    help,
  ]);
  const intro =
    "`GET /metrics` on the status listener, in the text format of Prometheus: the sum over all processes of a node.\n";
  return page("Metrics", intro, table(["metric", "type", "meaning"], rows));
}

function fieldTable(fields: Fields, prefix = ""): string {
  return table(["field", "type", "default", "meaning"], fieldRows(fields, prefix));
}

function fieldRows(fields: Fields, prefix: string): string[][] {
  return Object.entries(fields).flatMap(([name, field]) => {
    const row = [code(prefix + name), typeOf(field), defaultOf(field), meaningOf(field)];
    if (field.type === "record" && field.fields) return [row, ...fieldRows(field.fields, `${prefix}${name}.`)];
    const element = field.type === "array" && field.elements.type === "record" ? field.elements.fields : undefined;
    return element ? [row, ...fieldRows(element, `${prefix}${name}[].`)] : [row];
  });
}

function typeOf(field: Field): string {
  const unit = field.unit ? ` (${field.unit})` : "";
  const newer = "newer_one_of" in field ? (field.newer_one_of ?? []) : [];
  const choices = "one_of" in field && field.one_of ? [...field.one_of, ...newer] : [];
  const choice = choices.length > 0 ? `: ${choices.map((value) => code(String(value))).join(", ")}` : "";
  if (field.type === "array" || field.type === "set") return `${field.type} of ${typeOf(field.elements)}`;
  if (field.type === "map") return `map to ${typeOf(field.values)}`;
  if (field.type === "foreign") return `reference to ${field.reference}`;
  const range = "between" in field && field.between ? `, ${field.between[0]} to ${field.between[1]}` : "";
  return field.type + choice + range + unit;
}

function defaultOf(field: Field): string {
  if (field.auto) return "made by the server";
  if (typeof field.default === "function" || (field.encrypted && field.default)) return "made at random";
  return field.default === undefined || field.default === null ? "" : code(JSON.stringify(field.default));
}

function meaningOf(field: Field): string {
  const facts = [
    field.required && !field.auto && field.default === undefined ? "Required." : "",
    field.unique ? "Unique." : "",
    field.referenceable ? "May be a vault reference." : "",
    field.newer ? "Newer than Kong 3.9; in answers only when set." : "",
  ];
  return [field.description, ...facts].filter(Boolean).join(" ");
}

function enginePage(): string {
  const options = Object.entries(sessionOptions).map(([name, option]) => [
    code(name),
    "values" in option ? option.values.map(code).join(", ") : option.type,
    "default" in option ? code(String(option.default)) : "",
    option.description + ("unit" in option ? ` In ${option.unit}.` : ""),
  ]);
  const older = Object.entries(legacyOptions).map(([name, option]) => [
    code(`legacy.${name}`),
    "values" in option ? option.values.map((value) => code(String(value))).join(", ") : option.type,
    "default" in option ? code(String(option.default)) : "",
    option.description,
  ]);
  return page(
    "The session engine",
    "## Options\n",
    table(["option", "accepted", "default", "meaning"], options),
    "## Options of older releases\n",
    "With `legacy`, cookies and records of lua-resty-session 2.x and 3.x open too and are issued anew.\n",
    table(["option", "accepted", "default", "meaning"], older),
    "## Reasons\n",
    "Why a session was not opened: `session.reason`.\n",
    table(
      ["reason", "lua-resty-session says"],
      Object.entries(reasons).map(([reason, message]) => [code(reason), message]),
    ),
  );
}

async function commandsPage(): Promise<string> {
  const parts: string[] = [];
  for (const [name, load] of commands) {
    const { default: command } = await load();
    parts.push(`## sesame ${name}\n\n\`\`\`text\n${describeCommand(name, command)}\`\`\`\n`);
  }
  return page("Command line", ...parts);
}

function differencesPage(): string {
  const file = new URL("../test/recordings/differences.json", import.meta.url);
  const differences: { group: string; label: string; field: string; reason: string }[] = JSON.parse(
    readFileSync(file, "utf8"),
  );
  const guide = readFileSync(new URL("./differences.md", import.meta.url), "utf8");
  const rows = differences.map(({ group, label, field, reason }) => [group, label, code(field), reason]);
  return `${NOTE}${guide}\n## In the recordings\n\n${table(["group", "exchange", "field", "why"], rows)}`;
}
