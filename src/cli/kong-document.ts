import { createReadStream } from "node:fs";
import { CommandError } from "./command.ts";

/** Plain data: what JSON can say. */
export type Plain = null | boolean | number | string | readonly Plain[] | { readonly [name: string]: Plain };

/** Largest file, in bytes; of the same size at most are the answers of an Admin API. */
export const LARGEST = 64 << 20;
/** Most values in a document: aliases of YAML repeat what they stand for, and a short text may ask for millions. */
const MOST_VALUES = 5_000_000;
const DEEPEST = 100;
/** Most bytes and aliases of YAML, which takes its time: some seconds for each MiB, and a walk through the text for each alias. */
const LARGEST_YAML = 16 << 20;
const MOST_ALIASES = 2000;

/** All bytes of a stream as UTF-8. Throws CommandError when they are too many or no UTF-8; `what` names it. */
export async function readText(stream: AsyncIterable<Uint8Array>, what: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.length;
    if (size > LARGEST) throw new CommandError(`${what} is too large: expected at most ${LARGEST >> 20} MiB`);
    chunks.push(chunk);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks));
  } catch {
    throw new CommandError(`${what} is no UTF-8`);
  }
}

/** The text of a file. Throws CommandError when it cannot be read. */
export async function readTextFile(path: string): Promise<string> {
  try {
    return await readText(createReadStream(path), path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (error instanceof CommandError || code === undefined) throw error;
    throw new CommandError(`${path} cannot be read (${code})`, { cause: error });
  }
}

/** What a text says: JSON if it is JSON, otherwise YAML. Throws CommandError, which repeats nothing of the text. */
export async function parseDocument(text: string, what: string): Promise<Plain> {
  try {
    return toPlain(JSON.parse(text), what);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return toPlain(await parseYaml(text, what), what);
}

/** YAML as Kong reads it: `yes` and `off` are booleans, `<<` merges. Times and numbers to the base of 60 stay text. */
async function parseYaml(text: string, what: string): Promise<unknown> {
  if (text.length > LARGEST_YAML) {
    throw new CommandError(`${what} is too large for YAML: expected at most ${LARGEST_YAML >> 20} MiB, or JSON`);
  }
  const yaml = await import("yaml");
  const lineCounter = new yaml.LineCounter();
  try {
    const document = yaml.parseDocument(text, {
      version: "1.1",
      customTags: (tags) =>
        tags.filter((tag) => typeof tag === "string" || (tag.format !== "TIME" && !isForeign(tag.tag))),
      lineCounter,
      prettyErrors: false,
      logLevel: "error",
      uniqueKeys: false, // the library compares each key with every other
    });
    const fail = (offset: number, why: string) => {
      const { line, col } = lineCounter.linePos(offset);
      return new CommandError(`${what}: line ${line}, column ${col}: ${why}`);
    };
    const [fault] = document.errors;
    if (fault) throw fail(fault.pos[0], `no valid YAML (${fault.code})`);
    let aliases = 0;
    yaml.visit(document, {
      Alias(_key, { range }) {
        if (++aliases > MOST_ALIASES) throw fail(range?.[0] ?? 0, `expected at most ${MOST_ALIASES} aliases`);
      },
      Map(_key, { items }) {
        const names = new Set<unknown>();
        for (const { key } of items) {
          const name = yaml.isScalar(key) ? key.value : key;
          if (names.has(name))
            throw fail((yaml.isScalar(key) && key.range?.[0]) || 0, "a key that stands there already");
          if (name !== "<<") names.add(name);
        }
      },
    });
    // References to aliases cost nothing here, as one object is shared; toPlain counts what they stand for.
    return document.toJS({ maxAliasCount: -1 });
  } catch (error) {
    if (error instanceof CommandError) throw error;
    if (error instanceof RangeError) throw new CommandError(`${what} is nested too deeply`);
    throw new CommandError(`${what}: no valid YAML`);
  }
}

const isForeign = (tag: string): boolean => /:(?:timestamp|binary|omap|pairs|set)$/.test(tag);

/** A copy with nothing shared and no cycle. */
function toPlain(document: unknown, what: string): Plain {
  let values = 0;
  const copy = (value: unknown, depth: number): Plain => {
    if (++values > MOST_VALUES) throw new CommandError(`${what} has too many values: expected at most ${MOST_VALUES}`);
    if (depth > DEEPEST) throw new CommandError(`${what} is nested too deeply: expected at most ${DEEPEST} levels`);
    if (Array.isArray(value)) return value.map((item) => copy(item, depth + 1));
    if (typeof value === "object" && value !== null) {
      return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, copy(item, depth + 1)]));
    }
    return typeof value === "bigint" ? Number(value) : ((value ?? null) as Plain);
  };
  return copy(document, 0);
}
