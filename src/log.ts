import { createMasker, MASK, type Masker } from "./log-mask.ts";
import { nowhere, openSink, type Sink } from "./log-sink.ts";

export { type AccessEntry, type AccessLog, createAccessLog } from "./log-access.ts";
export { createMasker, MASK, type Masker } from "./log-mask.ts";
export { openSink, type Sink } from "./log-sink.ts";

const LEVELS = ["debug", "info", "notice", "warn", "error", "crit"] as const;
export type LogLevel = (typeof LEVELS)[number];

/** Facts beside a message. `request_id` comes first on the line; values of secret names are masked. */
export type Facts = Readonly<Record<string, unknown>>;
type Write = (message: string, facts?: Facts) => void;

/** A structured log; levels as in nginx. A level below the configured one costs a call of an empty function. */
export interface Logger extends Readonly<Record<LogLevel, Write>> {
  /** Whether `debug` writes anything: asked before facts are gathered that only it would show. */
  readonly isDebug: boolean;
  flush(): void;
  close(): void;
}

export interface LoggerOptions {
  /** Least severe level that is written; `alert` and `emerg` are above everything that Sesame says. */
  readonly level: LogLevel | "alert" | "emerg";
  /** `text` (the default) writes `name=value` pairs, `json` an object a line. */
  readonly format?: "text" | "json";
  /** A path, `/dev/stdout`, `/dev/stderr` or `off`; or a sink. */
  readonly to: string | Sink;
  readonly masker?: Masker;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/**
 * Create a log of one line an entry:
 *
 *   time=2026-11-20T09:53:01.654Z level=warn message="upstream timed out" request_id=5e8c... address=10.0.0.7:80
 *   {"time":"2026-11-20T09:53:01.654Z","level":"warn","message":"upstream timed out","request_id":"5e8c..."}
 *
 * Whatever a message or fact contains, it stays on its line and within its quotes, and credentials in it are masked.
 */
export function createLogger(options: LoggerOptions): Logger {
  const { format = "text", masker = createMasker(), now = Date.now } = options;
  const sink = typeof options.to === "string" ? openSink(options.to) : options.to;
  const least = [...LEVELS, "alert", "emerg"].indexOf(options.level);
  const print = format === "json" ? printJson : printText;

  function writer(level: LogLevel, severity: number): Write {
    if (severity < least || sink === nowhere) return () => {};
    const isSevere = severity >= LEVELS.indexOf("error");
    return (message, facts = {}) => {
      const head = { time: new Date(now()).toISOString(), level, message: masker.text(shorten(message)) };
      sink.write(`${print({ ...head, ...describeFacts(facts, masker, isSevere) })}\n`);
      if (isSevere) sink.flush();
    };
  }

  const writers = Object.fromEntries(LEVELS.map((level, severity) => [level, writer(level, severity)]));
  return {
    ...(writers as Record<LogLevel, Write>),
    isDebug: least === 0 && sink !== nowhere,
    flush: sink.flush,
    close: sink.close,
  };
}

type Scalar = string | number | boolean | null;

/** Longer texts are cut: a log line is no dump. */
const LONGEST = 4096;

function shorten(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}...` : text;
}

function describeFacts(facts: Facts, masker: Masker, isSevere: boolean): Record<string, Scalar> {
  const described: Record<string, Scalar> = {};
  if (facts.request_id !== undefined) described.request_id = describe(facts.request_id, masker);
  for (const [name, value] of Object.entries(facts)) {
    if (value === undefined || name in described || name === "__proto__") continue;
    described[name] = isHidden(name, value, masker) ? MASK : describe(value, masker);
    // An error without a code is a fault of the program: where it happened matters.
    if (isSevere && value instanceof Error && !("code" in value) && value.stack) {
      described.stack = masker.text(shorten(value.stack));
    }
  }
  return described;
}

function isHidden(name: string, value: unknown, masker: Masker): boolean {
  return typeof value !== "boolean" && value !== null && masker.isSecret(name);
}

function describe(value: unknown, masker: Masker): Scalar {
  switch (typeof value) {
    case "string":
      return masker.text(shorten(value));
    case "number":
    case "boolean":
      return value;
    case "object":
      return value === null ? null : describeObject(value, masker);
    default:
      return String(value);
  }
}

function describeObject(value: object, masker: Masker): string {
  if (value instanceof Error) return masker.text(shorten(describeError(value)));
  if (value instanceof Uint8Array) return `${value.byteLength} bytes`;
  try {
    const json = JSON.stringify(value, (name, member: unknown) =>
      isHidden(name, member, masker) ? MASK : typeof member === "bigint" ? String(member) : member,
    );
    return masker.text(shorten(json ?? "undefined"));
  } catch {
    return "an object that cannot be shown";
  }
}

/** An error in one line: its message and code, then those of its causes. */
function describeError(error: Error, depth = 0): string {
  const { code } = error as NodeJS.ErrnoException;
  const text = code === undefined || error.message.includes(code) ? error.message : `${error.message} (${code})`;
  return error.cause instanceof Error && depth < 4 ? `${text}: ${describeError(error.cause, depth + 1)}` : text;
}

function printText(entry: Record<string, Scalar>): string {
  const parts: string[] = [];
  for (const [name, value] of Object.entries(entry)) {
    const isPlain = typeof value !== "string" || /^[\w.:/@*+-]+$/.test(value);
    parts.push(`${name.replace(/[^\w.-]/g, "_")}=${isPlain ? value : escapeJson(JSON.stringify(value))}`);
  }
  return parts.join(" ");
}

function printJson(entry: Record<string, Scalar>): string {
  return escapeJson(JSON.stringify(entry));
}

/** JSON leaves alone what terminals and viewers obey: DEL and C1 controls, line separators, marks of writing direction. */
function escapeJson(json: string): string {
  return json.replace(
    /[\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
