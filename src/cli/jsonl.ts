import { SessionError } from "../session/index.ts";
import { CommandError, type Terminal } from "./command.ts";

/**
 * Answer each line of standard input, a JSON object, with a line: what `work` gives, or an object whose `error` says what
 * is wrong with the line. Answers 0 if every line was JSON, else 1.
 */
export async function answerLines(
  terminal: Terminal,
  work: (line: Record<string, unknown>) => unknown,
): Promise<number> {
  let isAllJson = true;
  for await (const text of linesOf(terminal.stdin)) {
    const value = parse(text);
    isAllJson &&= value !== undefined;
    terminal.print(`${JSON.stringify(await answer(value, work))}\n`);
  }
  return isAllJson ? 0 : 1;
}

async function answer(value: unknown, work: (line: Record<string, unknown>) => unknown): Promise<unknown> {
  if (value === undefined) return { error: "the line is not JSON" };
  if (typeof value !== "object" || value === null || Array.isArray(value)) return { error: "expected an object" };
  try {
    return await work(value as Record<string, unknown>);
  } catch (error) {
    if (error instanceof CommandError || error instanceof SessionError) return { error: error.message };
    throw error;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The lines of a stream. Only line feeds part them: JSON may contain other separators as they are. */
async function* linesOf(stream: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let pending = "";
  for await (const chunk of stream) {
    const lines = (pending + decoder.decode(chunk, { stream: true })).split("\n");
    pending = lines.pop()!;
    yield* lines;
  }
  pending += decoder.decode();
  if (pending !== "") yield pending;
}
