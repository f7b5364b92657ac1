/** A line of a settings file. */
export interface FileEntry {
  readonly name: string;
  readonly value: string;
  readonly line: number;
}

/**
 * Read the text of a settings file, in the form of kong.conf:
 *
 *   # a comment
 *   name = value          # a comment; write \# for the character
 *   name = "quoted # text"
 *   name =                nothing: an empty list, or the default
 *
 * Lines that are none of these are problems, each naming its line (never showing it: it might hold a secret).
 */
export function parseFile(text: string): { entries: readonly FileEntry[]; problems: readonly string[] } {
  const entries: FileEntry[] = [];
  const problems: string[] = [];
  const lines = text.replace(/^\ufeff/, "").split(/\r\n|\n|\r/);
  for (const [index, content] of lines.entries()) {
    const trimmed = content.trim();
    if (trimmed === "" || trimmed.startsWith("#")) continue;
    const [, name, rest = ""] = /^([A-Za-z_][\w.-]*)\s*=(.*)$/s.exec(trimmed) ?? [];
    const value = parseText(rest.trim());
    if (name === undefined || value === undefined || value.includes("\0")) {
      problems.push(`line ${index + 1}: expected name = value`);
    } else {
      entries.push({ name, value, line: index + 1 });
    }
  }
  return { entries, problems };
}

/** A value without its quotes or comment; undefined when a quote is not closed. */
function parseText(text: string): string | undefined {
  const quote = text[0];
  if (quote === '"' || quote === "'") {
    const end = text.indexOf(quote, 1);
    const rest = text.slice(end + 1).trim();
    return end > 0 && (rest === "" || rest.startsWith("#")) ? text.slice(1, end) : undefined;
  }
  const comment = /(?<!\\)#/.exec(text);
  return text.slice(0, comment?.index).replaceAll("\\#", "#").trim();
}
