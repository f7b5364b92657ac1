import { RE2JS } from "re2js";
import { RegexSyntaxError, translateRegex } from "./regex-syntax.ts";

/** Longer patterns are refused. */
export const MAX_REGEX_LENGTH = 4096;

/**
 * Patterns that compile to more instructions are refused (`.{1,255}` has 510). Matching takes time in proportion to
 * instructions and characters; at this bound, nested repetitions take 40 µs a character at worst (Node 24.21, 2 cores).
 */
export const MAX_REGEX_SIZE = 1000;

/** What a route's regex found at the beginning of a path. */
export interface RegexMatch {
  /** The matched text, one character per byte as the path. */
  readonly prefix: string;
  /** Undefined when the pattern has no groups. */
  readonly captures: Captures | undefined;
}

/** Groups that took part in the match, as text (paths in UTF-8 are decoded). Source: SPEC-proxy §1.2. */
export interface Captures {
  /** By number; 0 is the whole match. */
  readonly unnamed: readonly (string | undefined)[];
  readonly named: Readonly<Record<string, string>>;
}

export interface RouteRegex {
  /** Plain text that every match begins with. */
  readonly literalPrefix: string;
  /** Match at the beginning of a normalised path. Typically 0.4 µs, with captures 1 µs, some ns where the prefix differs. */
  match(path: string): RegexMatch | undefined;
}

/**
 * Compile the regex of a route's path (without its `~`). It runs in linear time, so no path can make it hang. Throws
 * `RegexSyntaxError`, naming the construct, for what this engine cannot do; see `translateRegex`.
 */
export function compileRouteRegex(source: string): RouteRegex {
  const { pattern, literalPrefix } = translate(source);
  const regex = compile(pattern, 0);
  const matcher = regex.matcher("");
  const groups = regex.groupCount();
  const names = Object.entries(regex.namedGroups());
  return {
    literalPrefix,
    match(path) {
      if (!path.startsWith(literalPrefix)) return undefined;
      const text = NOT_ASCII.test(path) ? decodeText(path) : path;
      matcher.resetMatcherInput(text);
      if (!matcher.lookingAt()) return undefined;
      const matched = text.slice(0, matcher.end());
      const prefix = text === path ? matched : Buffer.from(matched, "utf8").toString("latin1");
      if (groups === 0) return { prefix, captures: undefined };
      const unnamed: (string | undefined)[] = [];
      for (let i = 0; i <= groups; i++) unnamed.push(matcher.group(i) ?? undefined);
      const named: Record<string, string> = Object.create(null);
      for (const [name, index] of names) if (unnamed[index] !== undefined) named[name] = unnamed[index];
      return { prefix, captures: { unnamed, named } };
    },
  };
}

/** Compile the regex of a header criterion (without its `~*`): searched anywhere in a value, whatever the case. */
export function compileHeaderRegex(source: string): { test(value: string): boolean } {
  const regex = compile(translate(source).pattern, RE2JS.CASE_INSENSITIVE);
  return { test: (value) => regex.test(NOT_ASCII.test(value) ? decodeText(value) : value) };
}

/** Says what is wrong with a pattern, naming the construct; undefined when it can be compiled. */
export function validateRouteRegex(source: string): string | undefined {
  try {
    compile(translate(source).pattern, 0);
    return undefined;
  } catch (error) {
    if (error instanceof RegexSyntaxError) return error.message;
    throw error;
  }
}

function translate(source: string): ReturnType<typeof translateRegex> {
  if (source.length > MAX_REGEX_LENGTH) throw new RegexSyntaxError(`longer than ${MAX_REGEX_LENGTH} characters`);
  return translateRegex(source);
}

function compile(pattern: string, flags: number): RE2JS {
  const regex = engineCompile(pattern, flags);
  const size = regex.programSize();
  if (size > MAX_REGEX_SIZE)
    throw new RegexSyntaxError(`too complex: ${size} instructions, at most ${MAX_REGEX_SIZE} are allowed`);
  return regex;
}

function engineCompile(pattern: string, flags: number): RE2JS {
  try {
    return RE2JS.compile(pattern, flags);
  } catch (error) {
    const message = error instanceof Error ? error.message.replace(/^error parsing regexp: /, "") : String(error);
    throw new RegexSyntaxError(message, { cause: error });
  }
}

const NOT_ASCII = /[^\0-\x7f]/;
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Bytes as the text that they are in UTF-8; as they are, one character per byte, when they are none. */
function decodeText(bytes: string): string {
  try {
    return UTF8.decode(Buffer.from(bytes, "latin1"));
  } catch {
    return bytes;
  }
}
