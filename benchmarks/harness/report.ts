import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ratios, type Spread, type Summary } from "./goals.ts";
import type { Machine } from "./machine.ts";
import type { Result } from "./measure.ts";
import { alignTable } from "./table.ts";

const COLUMNS = [
  "work",
  "who",
  "requests/s",
  "CPU µs/request",
  "p99 ms",
  "memory MB",
  "ours ÷ theirs",
  "target",
  "reached",
  "met",
];

/** The table: a line for each contender, with Sesame's ratio to it: of the rates, and of the CPU it saves. */
export function table(results: readonly Result[]): string {
  return alignTable(COLUMNS, results.flatMap(linesOf), 2);
}

function linesOf({ title, goal, verdict, contenders }: Result): string[][] {
  const met = verdict.met === undefined ? "?" : verdict.met ? "yes" : "**no**";
  const [ours, ...others] = contenders;
  if (!ours) return [[title, "", "", "", "", "", "", goal, verdict.reached, met]];
  return [
    [title, ours.name, ...figures(ours), "", goal, verdict.reached, met],
    ...others.map((other) => ["", other.name, ...figures(other), compare(ours, other), "", "", ""]),
  ];
}

function figures({ rate, cpu, p99Ms, memory, peak }: Summary): string[] {
  const show = (value: Spread | undefined, digits: number) =>
    value ? `${number(value.median, digits)}${apart(value)}` : "";
  const most = peak ? `, peak ${number(peak.last, 0)}` : "";
  return [show(rate, 0), show(cpu, 1), show(p99Ms, 2), memory ? number(memory.last, 0) + most : ""];
}

const number = (value: number, digits: number) =>
  value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });

/** How far the runs were apart, in percent of their median. */
const apart = ({ spread }: Spread) => (spread > 0 ? ` ±${Math.round(spread * 50)}%` : "");

function compare(ours: Summary, other: Summary): string {
  const { rate, cpu } = ratios(ours, other);
  return [
    rate === undefined ? [] : `${rate.median.toFixed(2)}`,
    cpu === undefined ? [] : `CPU ${cpu.median.toFixed(2)}`,
  ]
    .flat()
    .join(", ");
}

export function describe(machine: Machine): string {
  const { date, commit, engine, processors, memory, system, pinning, versions, load, command } = machine;
  return `${date}${commit && `, commit ${commit}`}, http_engine ${engine}, ${processors}, ${memory}, ${system}; ${pinning}; ${versions}; load before the first row ${load}.\nCommand: \`${command}\``;
}

/** The text of results: machine, then table. */
export function page(machine: Machine, results: readonly Result[]): string {
  return `${describe(machine)}\n\n${table(results)}\n`;
}

/** Write `DATE-NAME.json` and `.md`. Answers the path without its ending. */
export function writeResults(folder: string, name: string, machine: Machine, results: readonly Result[]): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${machine.date}-${name}`);
  writeFileSync(`${path}.json`, `${JSON.stringify({ machine, results }, null, 2)}\n`);
  writeFileSync(`${path}.md`, `# ${name}\n\n${page(machine, results)}`);
  return path;
}

/** The text with what stands between `<!-- NAME -->` and `<!-- /NAME -->` replaced. Throws when a marker is missing. */
export function between(text: string, name: string, content: string): string {
  const [start, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const [from, to] = [text.indexOf(start), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${start} and ${end} are not there`);
  return `${text.slice(0, from + start.length)}\n${content.trim()}\n${text.slice(to)}`;
}

/** Put a text between two markers of a file. */
export function updateFile(file: string, name: string, content: string): void {
  writeFileSync(file, between(readFileSync(file, "utf8"), name, content));
}
