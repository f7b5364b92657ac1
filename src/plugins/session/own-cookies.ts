/**
 * A visitor's Cookie header for the upstream: without the cookies of these names and their continuations. Null when nothing is
 * left of it, undefined when it had none of them. Names are found as the engine finds them, without case and behind commas too.
 */
export function createCookieFilter(names: readonly string[]): (lines: readonly string[]) => string | null | undefined {
  const escaped = names.map((name) => name.replace(/[^\w-]/g, "\\$&"));
  // A session has `name` to `name9`, one of an older release `name_2` and so on.
  const own = new RegExp(`(^|[;,]) *(?:${escaped.join("|")})(?:[2-9]|_[0-9]{1,2})? *=[^;]*`, "gi");
  return (lines) => {
    const kept = lines.map((line) => line.replace(own, ""));
    if (kept.every((line, index) => line === lines[index])) return undefined;
    const text = kept.map((line) => line.replace(/^[;, ]+/, "")).filter((line) => line !== "");
    return text.length > 0 ? text.join("; ") : null;
  };
}
