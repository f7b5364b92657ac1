/** A table in Markdown, its columns as wide as their widest cell; those behind the first `texts` ones are flush right. */
export function alignTable(columns: readonly string[], rows: readonly (readonly string[])[], texts: number): string {
  const widths = columns.map((_, index) => Math.max(3, ...[columns, ...rows].map((row) => row[index]!.length)));
  const isText = (index: number) => index < texts;
  const line = (row: readonly string[]) =>
    row.map((cell, index) => (isText(index) ? cell.padEnd(widths[index]!) : cell.padStart(widths[index]!)));
  const rule = widths.map((width, index) => (isText(index) ? "-".repeat(width) : `${"-".repeat(width - 1)}:`));
  return [line(columns), rule, ...rows.map(line)].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
