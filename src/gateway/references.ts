import { readFileSync } from "node:fs";
import type { Field, Fields } from "../schema/index.ts";

/** Bytes of a file that a secret is read from, at most. */
const LARGEST_FILE = 65_536;

export interface Resolved {
  readonly config: Readonly<Record<string, unknown>>;
  /** One line for each reference that leads nowhere, with the setting and the reference. */
  readonly faults: readonly string[];
}

/**
 * Put what references lead to in their place, in every setting that may have one:
 *
 *   {vault://env/name} {vault://env/name/key}      the environment variable NAME (`-` counts as `_`), or a member of it as JSON
 *   {vault://file/run/secrets/name}                the file /run/secrets/name, without the line end that editors add
 */
export function resolveReferences(
  fields: Fields,
  config: Readonly<Record<string, unknown>>,
  env: NodeJS.ProcessEnv = process.env,
): Resolved {
  const faults: string[] = [];

  function resolve(field: Field, value: unknown, path: string): unknown {
    if (typeof value === "string") return field.referenceable ? resolveText(value, path) : value;
    if (Array.isArray(value)) {
      return "elements" in field
        ? value.map((item, index) => resolve(field.elements, item, `${path}[${index + 1}]`))
        : value;
    }
    if (field.type === "record" && typeof value === "object" && value !== null) {
      return resolveRecord(field.fields ?? {}, value as Record<string, unknown>, path);
    }
    return value;
  }

  function resolveRecord(members: Fields, record: Readonly<Record<string, unknown>>, path: string) {
    const entries = Object.entries(record).map(([name, value]) => {
      const field = Object.hasOwn(members, name) ? members[name] : undefined;
      return [name, field ? resolve(field, value, `${path}.${name}`) : value];
    });
    return Object.fromEntries(entries);
  }

  function resolveText(text: string, path: string): string | null {
    const [, vault, rest] = /^\{vault:\/\/([^/]+)\/(.+)\}$/.exec(text) ?? [];
    if (vault === undefined || rest === undefined) return text;
    const found = vault === "env" ? fromEnvironment(rest, env) : vault === "file" ? fromFile(rest) : undefined;
    if (typeof found === "string") return found;
    const why = found?.fault ?? `there is no vault ${vault}; there are env and file`;
    faults.push(`${path}: the reference ${text} leads nowhere: ${why}`);
    return null;
  }

  return { config: resolveRecord(fields, config, "config"), faults };
}

type Found = string | { readonly fault: string };

function fromEnvironment(path: string, env: NodeJS.ProcessEnv): Found {
  const [name = "", key] = path.split("/", 2);
  const variable = name.replaceAll("-", "_").toUpperCase();
  const value = env[variable];
  if (value === undefined || value === "") return { fault: `the environment variable ${variable} is not set` };
  if (key === undefined) return value;
  try {
    const member: unknown = (JSON.parse(value) as Record<string, unknown> | null)?.[key];
    if (typeof member === "string" && member !== "") return member;
  } catch {
    // It has no members then.
  }
  return { fault: `the environment variable ${variable} is no JSON object with a text ${key}` };
}

function fromFile(path: string): Found {
  try {
    const content = readFileSync(`/${path}`);
    if (content.length > LARGEST_FILE) return { fault: `/${path} has more than ${LARGEST_FILE} bytes` };
    const text = content.toString("utf8").replace(/\r?\n$/, "");
    return text === "" ? { fault: `/${path} is empty` } : text;
  } catch (error) {
    return { fault: `/${path} cannot be read (${(error as NodeJS.ErrnoException).code})` };
  }
}
