import { alignTable } from "../harness/table.ts";
import type { Frame } from "./profile.ts";

const MOST = 30;

/** The part of the program a frame's own time belongs to. */
function partOf({ name, file }: Frame): string {
  if (name === "(garbage collector)") return "garbage collection";
  if (name === "(program)") return "V8 and system, outside of JavaScript";
  if (/^write(?:v|Latin1String|Utf8String|Buffer)?$/.test(name) && file === "") return "the write system call";
  if (file.startsWith("node:"))
    return `Node: ${/^node:(?:internal\/)?([\w]+)/.exec(file)?.[1] ?? ""}`.replace("_http", "http");
  if (file.startsWith("src/"))
    return file
      .split("/")
      .slice(0, file.startsWith("src/plugins/") ? 3 : 2)
      .join("/");
  if (file.startsWith("node_modules/")) return file.split("/").slice(0, 2).join("/");
  return "native functions of Node and V8";
}

interface Line {
  readonly label: string;
  readonly micros: number;
}

/** Two tables in Markdown: CPU per request by part of the program, and the functions with the most time of their own. */
export function account(tree: Frame, requests: number): string {
  const parts = new Map<string, number>();
  const functions = new Map<string, number>();
  const visit = (frame: Frame): void => {
    add(parts, partOf(frame), frame.self);
    const place = frame.file === "" ? "" : ` (${frame.file}:${frame.line})`;
    add(functions, `\`${frame.name}\`${place}`, frame.self);
    frame.children.forEach(visit);
  };
  visit(tree);
  const heading = `${requests.toLocaleString("en")} requests, ${(tree.total / requests).toFixed(1)} µs each under the profiler.`;
  return [heading, lines("part", parts), lines("function, its own time", functions)].join("\n\n").concat("\n");

  function lines(title: string, times: ReadonlyMap<string, number>): string {
    const sorted = [...times].map(([label, micros]): Line => ({ label, micros })).sort((a, b) => b.micros - a.micros);
    const rows = sorted.slice(0, MOST).filter(({ micros }) => micros / tree.total > 0.003);
    return alignTable(
      [title, "µs/request", "share"],
      rows.map(({ label, micros }) => [
        label,
        (micros / requests).toFixed(2),
        `${((100 * micros) / tree.total).toFixed(1)} %`,
      ]),
      1,
    );
  }
}

const add = (sums: Map<string, number>, key: string, value: number) => sums.set(key, (sums.get(key) ?? 0) + value);
