import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { CommandError } from "./command.ts";
import { type Plain, parseDocument } from "./kong-document.ts";

/** Characters from which on a text is worth a thread, which takes some tens of milliseconds to start. */
const LARGE = 100_000;
/** What a thread may take in MiB: a text that asks for more must not end the gateway. */
const MOST_MEMORY = 2048;

interface Task {
  readonly text: string;
  readonly what: string;
}
type Result = { readonly document: Plain } | { readonly refused: string };

/** What `parseDocument` answers, without holding up what else this process does: YAML takes most of a second for each MB. */
export async function parseAside(text: string, what: string): Promise<Plain> {
  if (text.length < LARGE) return parseDocument(text, what);
  const worker = new Worker(new URL(import.meta.url), {
    workerData: { text, what } satisfies Task,
    resourceLimits: { maxOldGenerationSizeMb: MOST_MEMORY },
  });
  const result = await new Promise<Result>((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ERR_WORKER_OUT_OF_MEMORY") resolve({ refused: `${what} takes too much memory` });
      else reject(error);
    });
    worker.once("exit", () => reject(new Error("the thread that reads a document ended early")));
  });
  if ("refused" in result) throw new CommandError(result.refused);
  return result.document;
}

async function work({ text, what }: Task): Promise<Result> {
  try {
    return { document: await parseDocument(text, what) };
  } catch (error) {
    if (error instanceof CommandError) return { refused: error.message };
    throw error;
  }
}

if (!isMainThread && parentPort) parentPort.postMessage(await work(workerData as Task));
