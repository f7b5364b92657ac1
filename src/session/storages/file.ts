import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, link, open, rename, unlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SessionError } from "../errors.ts";
import type { SessionIndex, SessionStorage, SessionWrite } from "../storage.ts";
import { cleanUpFiles, TEMPORARY } from "./file-clean-up.ts";
import { liveEntry, readEntries, removedEntry } from "./index-entries.ts";

const { O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY } = constants;
/** In a folder for everybody, neither links nor pipes that others put there lead us away or hold us. */
const CAREFULLY = O_NOFOLLOW | O_NONBLOCK;
const PRIVATE = 0o600;
/** What would lead out of the folder, or end a name early. */
const UNNAMABLE = /[/\0]/;

/** Bytes of the largest file that can be a record: 16777215 characters of payload, and as much beside. */
const LARGEST_RECORD = 2 ** 25;

export interface FileStorageOptions {
  /** The folder; the system's for temporary files by default. */
  readonly path?: string | undefined;
  /** An empty text is as good as none. */
  readonly prefix?: string | undefined;
  readonly suffix?: string | undefined;
  /** How probable it is that a save or a removal looks for what has expired: 1 in 2000 by default. */
  readonly cleanUpProbability?: number;
}

/**
 * Sessions as files (SPEC-session-v4 §9.2) that any number of processes may share:
 *
 *   <path>/[<prefix>_]<name>_<key>[.<suffix>]                 a record
 *   <path>/[<prefix>_]<name>_<audience>:<subject>[.<suffix>]  an index, to which entries are appended
 *   <path>/[<prefix>_]<name>_<key>:successor[.<suffix>]       the note of a record's successor
 *
 * A file's time of modification is when it expires. A record appears whole or not at all; only its owner may read it. Unlike
 * in lua-resty-session, an index keeps the time of its last entry when a session leaves it (Q4), or a clean-up would take it.
 */
export function fileStorage(options: FileStorageOptions = {}) {
  const { path: folder = tmpdir(), prefix, suffix, cleanUpProbability = 1 / 2000 } = options;
  const before = prefix ? `${prefix}_` : "";
  const after = suffix ? `.${suffix}` : "";
  if (UNNAMABLE.test(before + after)) {
    throw new SessionError("ERR_SESSION_OPTION", "prefix and suffix of file storage must not have a slash");
  }

  function pathOf(name: string, key: string): string {
    const file = `${before}${name}_${key}${after}`;
    if (UNNAMABLE.test(file)) throw new Error("a file cannot be named after this session or subject: it has a slash");
    return join(folder, file);
  }
  const indexPath = (name: string, { audience, subject }: SessionIndex) => pathOf(name, `${audience}:${subject}`);

  async function write(path: string, value: string, expires: number, place: Place = rename): Promise<void> {
    const temporary = join(folder, `${TEMPORARY}${randomBytes(12).toString("hex")}`);
    const file = await open(temporary, O_WRONLY | O_CREAT | O_EXCL, PRIVATE);
    try {
      try {
        await file.writeFile(value);
        await file.utimes(expires, expires);
      } finally {
        await file.close();
      }
      await place(temporary, path);
    } catch (error) {
      await unlink(temporary).catch(ignoreMissing);
      throw error;
    }
  }

  /** A visitor neither waits for a clean-up nor hears of its failure: it is only put off. */
  function cleanUpSometimes(name: string, now: number): void {
    if (Math.random() >= cleanUpProbability) return;
    void cleanUpFiles(folder, { before: `${before}${name}_`, after }, now).catch(() => undefined);
  }

  function get(name: string, key: string, now: number): Promise<string | undefined> {
    return reading(pathOf(name, key), async (file) => {
      const { mtimeMs, size } = await file.stat();
      if (mtimeMs < now * 1000 || size > LARGEST_RECORD) return undefined;
      return await file.readFile("utf8");
    });
  }

  return {
    get,
    async set(name: string, key: string, value: string, write_: SessionWrite): Promise<void> {
      const { now, ttl, replaces, stale_ttl = 0, metadata = [] } = write_;
      await write(pathOf(name, key), value, now + ttl);
      const entries = liveEntry(key, now + ttl) + (replaces === undefined ? "" : removedEntry(replaces));
      for (const index of metadata) await append(indexPath(name, index), entries, now + ttl);
      // The old record comes last: when something failed before, it is all the visitor has.
      if (replaces !== undefined) await shorten(pathOf(name, replaces), now + stale_ttl);
      cleanUpSometimes(name, now);
    },
    async delete(name: string, key: string, now: number, metadata: readonly SessionIndex[] = []): Promise<void> {
      await unlink(pathOf(name, key)).catch(ignoreMissing);
      for (const index of metadata) await append(indexPath(name, index), removedEntry(key));
      cleanUpSometimes(name, now);
    },
    async noteSuccessor(
      name: string,
      key: string,
      note: string,
      { now, ttl }: Pick<SessionWrite, "now" | "ttl">,
    ): Promise<string> {
      const own = `${key}:successor`;
      const isFirst = await write(pathOf(name, own), note, now + ttl, linkIfAbsent).then(() => true, ignoreTaken);
      return isFirst ? note : ((await get(name, own, now)) ?? note);
    },
    async list(name: string, of: SessionIndex, now: number): Promise<Map<string, number>> {
      return readEntries((await reading(indexPath(name, of), (file) => file.readFile("utf8"))) ?? "", now);
    },
  } satisfies SessionStorage;
}

async function reading<T>(path: string, read: (file: FileHandle) => Promise<T>): Promise<T | undefined> {
  const file = await open(path, O_RDONLY | CAREFULLY).catch(ignoreMissing);
  if (file === undefined) return undefined;
  try {
    return await read(file);
  } finally {
    await file.close();
  }
}

/** Append entries to an index that lives at least until `expires`; without that time only to one that is there. */
async function append(path: string, entries: string, expires = 0): Promise<void> {
  const flags = O_RDWR | O_APPEND | CAREFULLY | (expires > 0 ? O_CREAT : 0);
  const file = await open(path, flags, PRIVATE).catch(expires > 0 ? undefined : ignoreMissing);
  if (file === undefined) return;
  try {
    const { size, mtimeMs } = await file.stat();
    try {
      await file.writeFile(entries);
    } catch (error) {
      // Half an entry would spoil the next one.
      await file.truncate(size);
      throw error;
    } finally {
      const life = Math.max(mtimeMs / 1000, expires);
      await file.utimes(life, life);
    }
  } finally {
    await file.close();
  }
}

/** Let a file expire at this time, if it would not expire before. */
async function shorten(path: string, expires: number): Promise<void> {
  await reading(path, async (file) => {
    if ((await file.stat()).mtimeMs > expires * 1000) await file.utimes(expires, expires);
  });
}

type Place = (temporary: string, path: string) => Promise<void>;

/** Give a file its name unless another has it. */
async function linkIfAbsent(temporary: string, path: string): Promise<void> {
  await link(temporary, path);
  await unlink(temporary);
}

/** File systems without links to files, such as FAT, cannot tell who was first. */
const UNLINKABLE = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"]);

function ignoreTaken(error: NodeJS.ErrnoException): boolean {
  if (error.code === "EEXIST") return false;
  if (UNLINKABLE.has(error.code ?? "")) return true;
  throw error;
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT") throw error;
}
