/**
 * A value as Kong prints it in messages, a table literal of Lua: `{key="v",other=1}`. Lists are positional until their
 * first hole, then `[2]=…`; keys are sorted; null is `null`. With `indent` each member has a line of its own.
 */
export function dump(value: unknown, indent = ""): string {
  const lines: string[] = [];
  write(value, "", indent, "", lines, indent);
  return lines.join(indent === "" ? "" : "\n");
}

function write(value: unknown, prefix: string, indent: string, outer: string, lines: string[], step: string): void {
  if (typeof value !== "object" || value === null) {
    lines.push(prefix + scalar(value));
    return;
  }
  const set = step === "" ? "=" : " = ";
  const members: [string, unknown][] = [];
  if (Array.isArray(value)) {
    let positional = true;
    value.forEach((item, index) => {
      if (item === null || item === undefined) positional = false;
      else members.push([positional ? "" : `[${index + 1}]${set}`, item]);
    });
  } else {
    for (const key of Object.keys(value).sort()) {
      const member = (value as Record<string, unknown>)[key];
      if (member !== undefined) members.push([(identifier.test(key) ? key : `[${quote(key)}]`) + set, member]);
    }
  }
  lines.push(`${prefix}{`);
  members.forEach(([label, member], index) => {
    write(member, indent + label, indent + step, indent, lines, step);
    if (index < members.length - 1) lines[lines.length - 1] += ",";
  });
  lines.push(`${outer}}`);
}

const identifier =
  /^(?!(?:and|break|do|else|elseif|end|false|for|function|goto|if|in|local|nil|not|or|repeat|return|then|true|until|while)$)[A-Za-z_]\w*$/;

function scalar(value: unknown): string {
  if (typeof value === "string") return quote(value);
  if (typeof value === "number") return number(value);
  return String(value);
}

/** A number as Lua prints it, with at most 14 digits. */
export function number(value: number): string {
  if (Number.isFinite(value)) return String(Number(value.toPrecision(14)));
  return Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
}

/** A string in double quotes, or in long brackets when it has line ends or long brackets itself. */
function quote(text: string): string {
  const levels = [...`${text}]`.matchAll(/([[\]])(=*)(?=\1)/g)].map((match) => match[2]!.length);
  if ((text.includes("\n") || levels.length > 0) && !text.includes("\r")) {
    const equals = "=".repeat(levels.length > 0 ? Math.max(...levels) + 1 : 0);
    return `[${equals}[${text.startsWith("\n") ? "\n" : ""}${text}]${equals}]`;
  }
  const escaped = text.replace(/["\\\n]|[\x00-\x1f\x7f](?=(\d?))/g, (char, digit) => {
    if (char === '"' || char === "\\" || char === "\n") return `\\${char}`;
    const code = String(char.charCodeAt(0));
    return `\\${digit ? code.padStart(3, "0") : code}`;
  });
  return `"${escaped}"`;
}
