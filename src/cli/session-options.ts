import { type SessionOptions, sessionOptions } from "../session/index.ts";
import { CommandError, type Option, type Options } from "./command.ts";

/** A row of the engine's table, as far as the command line cares. */
interface Row {
  readonly type: "string" | "strings" | "boolean" | "integer" | "key" | "keys";
  readonly values?: readonly string[];
  readonly default?: unknown;
  readonly unit?: string;
  readonly description: string;
}

const table: Readonly<Record<string, Row>> = sessionOptions;
const placeholders = { string: "TEXT", strings: "TEXT", integer: "N", key: "HEX", keys: "HEX" } as const;
const singular: Readonly<Record<string, string>> = {
  "secret-fallback": "secret_fallbacks",
  "ikm-fallback": "ikm_fallbacks",
};

/** Every option of the engine by its own name with dashes; fallbacks also one by one in the singular. */
export const engineOptions: Options = Object.fromEntries([
  ...Object.entries(table).map(([name, row]) => [name.replaceAll("_", "-"), asOption(row)] as const),
  ...Object.entries(singular).map(([option, name]) => [option, asOption(table[name]!)] as const),
]);

function asOption({ type, values, default: fallback, unit, description }: Row): Option {
  const notes = [values?.join(", "), unit, fallback === undefined ? undefined : `default ${fallback}`].filter(Boolean);
  const text = notes.length > 0 ? `${description.replace(/\.$/, "")} (${notes.join("; ")}).` : description;
  if (type === "boolean") return { type: "boolean", description: text };
  return {
    type: "string",
    multiple: type === "strings" || type === "keys",
    placeholder: placeholders[type],
    description: text,
  };
}

/** The engine's options among the parsed values of the command line. Throws CommandError on what is no number or no key. */
export function readEngineOptions(values: Readonly<Record<string, unknown>>): SessionOptions {
  const options: Record<string, unknown> = {};
  for (const [option, value] of Object.entries(values)) {
    const name = singular[option] ?? option.replaceAll("-", "_");
    const row = Object.hasOwn(table, name) ? table[name]! : undefined;
    if (row === undefined || value === undefined) continue;
    const read = readValue(option, row, value);
    options[name] = Array.isArray(read) ? [...((options[name] as unknown[] | undefined) ?? []), ...read] : read;
  }
  return options as SessionOptions;
}

function readValue(option: string, { type, values }: Row, value: unknown): unknown {
  switch (type) {
    case "integer":
      if (!/^\d{1,15}$/.test(value as string)) throw new CommandError(`--${option} expects a whole number`);
      return Number(value);
    case "key":
      return readHex(`--${option}`, value as string);
    case "keys":
      return (value as string[]).map((hex) => readHex(`--${option}`, hex));
    case "strings":
      // Words may be given in one list; secrets may contain commas.
      return values || option.endsWith("-headers") ? (value as string[]).flatMap((text) => text.split(",")) : value;
    default:
      return value;
  }
}

/** A key of 32 bytes in hexadecimal. Throws CommandError, naming where it was given but not what. */
export function readHex(name: string, text: unknown): Uint8Array {
  if (typeof text !== "string" || !/^[0-9a-f]{64}$/i.test(text)) {
    throw new CommandError(`${name} expects 32 bytes, written as 64 hexadecimal digits`);
  }
  return Buffer.from(text, "hex");
}
