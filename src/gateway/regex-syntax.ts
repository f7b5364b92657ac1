/** A pattern as the engine takes it. */
export interface Translation {
  readonly pattern: string;
  /** Plain ASCII text that every match begins with; perhaps empty. */
  readonly literalPrefix: string;
}

/** Thrown for a pattern that is no regex, or that means nothing to the engine; the message names the construct. */
export class RegexSyntaxError extends Error {}

/**
 * Translate a pattern to the dialect of the linear-time engine. Kong reads patterns as PCRE, and in its default router as
 * Rust's `regex` does too; both agree on what is accepted here. What means the same is respelled. What the engine lacks, and
 * what means something else in one of the three, is refused by name. `$` is the very end, as in the default router.
 */
export function translateRegex(source: string): Translation {
  const scan: Scan = { source, at: 0, pattern: "", depth: 0, prefix: "", prefixOpen: true, repeatable: false };
  while (scan.at < source.length) element(scan);
  return { pattern: scan.pattern, literalPrefix: scan.prefix };
}

interface Scan {
  readonly source: string;
  at: number;
  pattern: string;
  depth: number;
  prefix: string;
  /** Everything so far was literal, so that the prefix can grow. */
  prefixOpen: boolean;
  /** What stands before can be repeated. */
  repeatable: boolean;
}

/** Escapes that stand for one character, as the engine spells them. */
const CHARACTER_ESCAPES: Readonly<Record<string, string>> = {
  a: "\\x07",
  e: "\\x1B",
  f: "\\x0C",
  n: "\\n",
  r: "\\r",
  t: "\\t",
};

/** Escapes for a set of characters, in ASCII as in PCRE. The engine's own `\s` would lack VT. */
const SET_ESCAPES: Readonly<Record<string, string>> = {
  d: "[:digit:]",
  D: "[:^digit:]",
  s: "[:space:]",
  S: "[:^space:]",
  w: "[:word:]",
  W: "[:^word:]",
};

const REFUSED_ESCAPES: Readonly<Record<string, string>> = {
  Z: "\\Z (end, or before a final newline), use \\z",
  G: "\\G (start of the search)",
  K: "\\K (reset of the match)",
  R: "\\R (line break)",
  X: "\\X (grapheme cluster)",
  C: "\\C (single byte)",
  N: "\\N (no newline), use .",
  h: "\\h (horizontal space), use [ \\t]",
  H: "\\H (no horizontal space), use [^ \\t]",
  v: "\\v (vertical space), use [\\n\\x0B\\f\\r]",
  V: "\\V (no vertical space), use [^\\n\\x0B\\f\\r]",
  g: "\\g (back-reference or recursion)",
  k: "\\k (back-reference)",
  c: "\\c (control character), use \\x",
  o: "\\o (octal code), use \\x",
  0: "\\0 (octal code), use \\x",
  Q: "\\Q (quoting), escape each character",
  E: "\\E (end of quoting)",
  "<": "\\<, use <",
  ">": "\\>, use >",
};

const REFUSED_GROUPS: readonly (readonly [RegExp, string])[] = [
  [/\(\?=/y, "look-ahead (?="],
  [/\(\?!/y, "look-ahead (?!"],
  [/\(\?<=/y, "look-behind (?<="],
  [/\(\?<!/y, "look-behind (?<!"],
  [/\(\?>/y, "atomic group (?>"],
  [/\(\?\|/y, "branch reset (?|"],
  [/\(\?\(/y, "conditional group (?("],
  [/\(\?P=/y, "back-reference (?P="],
  [/\(\?(?:P>|&|R|[+-]?\d)/y, "recursion"],
  [/\(\?C/y, "callout (?C"],
  [/\(\?[imsU-]*[xX]/y, "extended syntax (?x"],
  [/\(\*/y, "verb (*"],
];

const GROUP_NAME = /\(\?(?:P?<([A-Za-z_]\w{0,31})>|'([A-Za-z_]\w{0,31})')/y;
const GROUP_FLAGS = /\(\?[imsU]*(?:-[imsU]+)?[:)]/y;
const QUANTIFIER = /(?:[*+?]|\{\d+(?:,\d*)?\})/y;
const HEX_ESCAPE = /\\x(?:[0-9A-Fa-f]{2}|\{[0-9A-Fa-f]{1,6}\})/y;
const PROPERTY_ESCAPE = /\\[pP](?:[A-Z]|\{\^?[A-Za-z_]+\})/y;
const POSIX_SET = /\[:\^?(?:alnum|alpha|ascii|blank|cntrl|digit|graph|lower|print|punct|space|upper|word|xdigit):\]/y;
const SET_OPERATION = /&&|--|~~/y;
const PUNCTUATION = /^[ -/:-@[-`{-~]$/;

function matchAt(pattern: RegExp, { source, at }: Scan): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(source);
}

function refused(construct: string, at: number): RegexSyntaxError {
  return new RegexSyntaxError(`not supported: ${construct}, at offset ${at}`);
}

/** Pass over `length` characters of the source, for which `pattern` goes to the engine. */
function emit(scan: Scan, length: number, pattern: string): void {
  scan.at += length;
  scan.pattern += pattern;
}

function element(scan: Scan): void {
  const { source, at } = scan;
  const char = String.fromCodePoint(source.codePointAt(at)!);
  const quantifier = matchAt(QUANTIFIER, scan);
  if (quantifier) repetition(scan, quantifier[0]);
  else if (char === "{") throw refused("{ that begins no repetition, use \\{", at);
  else if (source.startsWith("(?#", at)) comment(scan);
  else if (char === "(") group(scan);
  else if (char === "\\") escaped(scan);
  else if (char === "[") characterClass(scan);
  else if (char === "|" || char === ")" || char === "^" || char === "$" || char === ".") operator(scan, char);
  else literal(scan, char.length, char);
}

function operator(scan: Scan, char: string): void {
  // Alternatives outside all groups have no beginning in common.
  if (char === "|" && scan.depth === 0) scan.prefix = "";
  if (char === ")") scan.depth--;
  if (char !== "^" || scan.pattern !== "") scan.prefixOpen = false;
  scan.repeatable = char === ")" || char === ".";
  emit(scan, 1, char);
}

function repetition(scan: Scan, quantifier: string): void {
  const { source, at } = scan;
  if (!scan.repeatable) throw refused(`${quantifier} with nothing to repeat before it`, at);
  const next = source[at + quantifier.length];
  if (next === "+") throw refused(`possessive repetition ${quantifier}+`, at);
  const lazy = next === "?" ? "?" : "";
  // The last literal may be absent; unless it is repeated at least once.
  if (scan.prefixOpen && quantifier !== "+") scan.prefix = scan.prefix.slice(0, -1);
  scan.prefixOpen = false;
  scan.repeatable = false;
  emit(scan, quantifier.length + lazy.length, quantifier + lazy);
}

function literal(scan: Scan, length: number, char: string): void {
  scan.prefixOpen &&= char.charCodeAt(0) < 0x80;
  if (scan.prefixOpen) scan.prefix += char;
  scan.repeatable = true;
  emit(scan, length, quoted(char));
}

/** A literal character, inside a class or outside. */
function quoted(char: string): string {
  return PUNCTUATION.test(char) ? `\\${char}` : char;
}

/** Leaves nothing, not even a boundary: `a(?#…)*` repeats the `a`. */
function comment(scan: Scan): void {
  const end = scan.source.indexOf(")", scan.at);
  if (end < 0) throw new RegexSyntaxError(`comment (?# without end, at offset ${scan.at}`);
  emit(scan, end + 1 - scan.at, "");
}

function group(scan: Scan): void {
  const { source, at } = scan;
  for (const [start, name] of REFUSED_GROUPS) if (matchAt(start, scan)) throw refused(name, at);
  scan.prefixOpen = false;
  scan.repeatable = false;
  const name = matchAt(GROUP_NAME, scan);
  const flags = matchAt(GROUP_FLAGS, scan)?.[0];
  if (source[at + 1] === "?" && !name && !flags) throw refused(`group ${source.slice(at, at + 3)}`, at);
  if (!flags?.endsWith(")")) scan.depth++;
  if (name) emit(scan, name[0].length, `(?P<${name[1] ?? name[2]}>`);
  else emit(scan, flags?.length ?? 1, flags ?? "(");
}

const ASSERTION = /\\[AzbB](?!\{)/y;

function escaped(scan: Scan): void {
  const one = escapedCharacter(scan);
  if (one?.literal !== undefined) {
    literal(scan, one.length, one.literal);
    return;
  }
  const assertion = matchAt(ASSERTION, scan)?.[0];
  scan.prefixOpen = false;
  scan.repeatable = assertion === undefined;
  if (assertion !== undefined) {
    emit(scan, assertion.length, assertion);
    return;
  }
  const { length, pattern } = one ?? escapedSet(scan);
  emit(scan, length, pattern.startsWith("[:") ? `[${pattern}]` : pattern);
}

interface Escape {
  readonly length: number;
  readonly pattern: string;
  /** The character itself, where the escape only takes its special meaning away. */
  readonly literal?: string;
}

/** The escape at the place when it stands for one character. */
function escapedCharacter(scan: Scan): Escape | undefined {
  const char = scan.source[scan.at + 1] ?? "";
  if (REFUSED_ESCAPES[char]) return undefined;
  const known = CHARACTER_ESCAPES[char];
  if (known) return { length: 2, pattern: known };
  const hex = matchAt(HEX_ESCAPE, scan)?.[0];
  if (hex) return { length: hex.length, pattern: hex };
  return PUNCTUATION.test(char) ? { length: 2, pattern: quoted(char), literal: char } : undefined;
}

/** The escape at the place, which must stand for a set of characters. */
function escapedSet(scan: Scan): Escape {
  const { source, at } = scan;
  const char = source[at + 1];
  if (char === undefined) throw new RegexSyntaxError("\\ at the end of the pattern");
  const set = SET_ESCAPES[char];
  if (set) return { length: 2, pattern: set };
  const property = matchAt(PROPERTY_ESCAPE, scan)?.[0];
  if (property) return { length: property.length, pattern: property };
  if (char >= "1" && char <= "9") throw refused(`back-reference \\${char}`, at);
  throw refused(REFUSED_ESCAPES[char] ?? `escape \\${String.fromCodePoint(source.codePointAt(at + 1)!)}`, at);
}

/** `[…]`: single characters, ranges of them, and sets; Rust's nested classes and set operations would be literals in PCRE. */
function characterClass(scan: Scan): void {
  const { source, at: start } = scan;
  const negated = source[start + 1] === "^";
  scan.prefixOpen = false;
  scan.repeatable = true;
  emit(scan, negated ? 2 : 1, negated ? "[^" : "[");
  for (let first = true; first || source[scan.at] !== "]"; first = false) {
    if (scan.at >= source.length) throw new RegexSyntaxError(`[ without ], at offset ${start}`);
    if (!classMember(scan) || source[scan.at] !== "-" || source[scan.at + 1] === "]") continue;
    if (matchAt(SET_OPERATION, scan)) continue;
    emit(scan, 1, "-");
    if (!classMember(scan)) throw refused("range with a set as its end", scan.at);
    if (source[scan.at] === "-" && source[scan.at + 1] !== "]") throw refused("- after a range, use \\-", scan.at);
  }
  emit(scan, 1, "]");
}

/** One member of a class; whether it is a single character, which can begin or end a range. */
function classMember(scan: Scan): boolean {
  const { source, at } = scan;
  const operation = matchAt(SET_OPERATION, scan);
  if (operation) throw refused(`${operation[0]} in a class, use \\${operation[0][0]}`, at);
  const posix = matchAt(POSIX_SET, scan)?.[0];
  if (posix) {
    emit(scan, posix.length, posix);
    return endOfSet(scan);
  }
  if (source[at] === "[") throw refused("[ in a class, use \\[", at);
  if (source[at] === "\\") {
    if (source[at + 1] === "b" || source[at + 1] === "B") throw refused(`\\${source[at + 1]} in a class`, at);
    const one = escapedCharacter(scan);
    const { length, pattern } = one ?? escapedSet(scan);
    emit(scan, length, pattern);
    return one ? true : endOfSet(scan);
  }
  if (at >= source.length) return true;
  const char = String.fromCodePoint(source.codePointAt(at)!);
  emit(scan, char.length, quoted(char));
  return true;
}

function endOfSet({ source, at }: Scan): boolean {
  if (source[at] === "-" && source[at + 1] !== "]") throw refused("range with a set as its beginning", at);
  return false;
}
