import { readdir, stat, unlink } from "node:fs/promises";
import { join } from "node:path";

/** How the names of files begin that are not complete. */
export const TEMPORARY = ".sesame-";

/** Milliseconds since its last change after which nobody is writing a file any more. */
const SETTLED_MS = 60_000;

const RECORD_OR_INDEX = /^[\w-]{43}$|^[\w-]+:./;

/**
 * Remove the files of a folder that have expired at `now`, in seconds, and that are named as records and indexes between these
 * parts. What was changed a moment ago stays: a file that is being written has another time until it is complete.
 */
export async function cleanUpFiles(
  folder: string,
  { before, after }: { readonly before: string; readonly after: string },
  now: number,
  settledMs = SETTLED_MS,
): Promise<void> {
  // Changes are dated by the machine, whatever time was handed in.
  const settled = Date.now() - settledMs;
  for (const file of await readdir(folder)) {
    const isTemporary = file.startsWith(TEMPORARY);
    if (!isTemporary && !isNamed(file, before, after)) continue;
    const path = join(folder, file);
    // Others may clean up at the same time.
    const found = await stat(path).catch(() => undefined);
    if (!found?.isFile() || found.ctimeMs > settled) continue;
    if (isTemporary || found.mtimeMs < now * 1000) await unlink(path).catch(() => undefined);
  }
}

function isNamed(file: string, before: string, after: string): boolean {
  if (!file.startsWith(before) || !file.endsWith(after)) return false;
  return RECORD_OR_INDEX.test(file.slice(before.length, file.length - after.length));
}
