import { Refusal } from "./errors.ts";

const MAX_DEPTH = 64;

/** Parse JSON text. Throws a `Refusal` when it is none, is nested too deeply, or holds half a surrogate pair. */
export function parseJson(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new Refusal("no_json", { cause });
  }
  checkValues(value);
  return value;
}

/** Level by level and not by recursion, so that no nesting exhausts the stack. */
function checkValues(value: unknown): void {
  let level = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEPTH) throw new Refusal("json_nesting");
    const next: unknown[] = [];
    for (const item of level) {
      if (typeof item === "string" && !item.isWellFormed()) throw new Refusal("no_json");
      if (typeof item === "object" && item !== null) for (const member of Object.entries(item)) next.push(...member);
    }
    level = next;
  }
}
