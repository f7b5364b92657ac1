import { constants, type Stats } from "node:fs";
import { lstat, mkdir, open, readdir, stat, unlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeEntry, encodeEntry, LOG_NAME, type LogReader, type RevocationLog } from "./log.ts";

const { O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;
/** As with the sessions' files: neither links nor pipes that others put there lead us away or hold us. */
const CAREFULLY = O_NOFOLLOW | O_NONBLOCK;
const PRIVATE_FOLDER = 0o700;
const PRIVATE = 0o600;

export interface FileLogOptions {
  readonly path?: string | undefined;
  readonly prefix?: string | undefined;
  readonly suffix?: string | undefined;
  readonly name: string;
}

/** Bytes that are read at once, and those of the longest line that can be an entry. */
const CHUNK = 2 ** 18;
const NEW_LINE = 10;
/** The shortest span of ends that share a file, about an hour, as a power of two; and the longest, two years. */
const [SHORTEST, LONGEST] = [12, 26];
/** Seconds by which clocks may differ, and after which a file that is over goes. */
const SLACK = 3_600;
const FILE = /^(\d{1,2})-(\d{1,12})$/;

/**
 * What is revoked, in a folder beside the files of the sessions:
 *
 *   <path>/[<prefix>_]<name>_sesame@revoked[.<suffix>]/<span>-<number>   lines, to which others are appended
 *
 * A file has the entries that end in one span of 2^<span> seconds, the <number>th since the epoch, which is at least as long as they
 * had to live: so there are few files, and none is kept much longer than what it has. Each entry has a line end before and behind it:
 * half an entry spoils no other. It takes a folder of this machine: others show too late what was appended.
 */
export function fileLog({ path = tmpdir(), prefix, suffix, name }: FileLogOptions): RevocationLog {
  const folder = join(path, `${prefix ? `${prefix}_` : ""}${name}_${LOG_NAME}${suffix ? `.${suffix}` : ""}`);
  /** How far each file was read; a file is known by its number in the file system. */
  let place: ReadonlyMap<string, { readonly node: number; readonly offset: number }> | undefined;

  async function check(): Promise<void> {
    const { uid } = checked(await lstat(folder));
    if (process.getuid !== undefined && uid !== process.getuid()) {
      throw new Error(`the folder ${folder} belongs to another user`);
    }
  }

  function checked(found: Stats): Stats {
    if (!found.isDirectory()) throw new Error(`${folder} is no folder`);
    return found;
  }

  /** Hand over the entries of a file from there on; where its last whole line ends. */
  async function readFile(path: string, start: number, reader: LogReader): Promise<{ node: number; offset: number }> {
    const file = await open(path, O_RDONLY | CAREFULLY);
    try {
      const { ino, size } = await file.stat();
      let offset = start;
      const buffer = Buffer.allocUnsafe(Math.min(CHUNK, Math.max(0, size - start)));
      while (offset < size) {
        const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, size - offset), offset);
        const end = buffer.subarray(0, bytesRead).lastIndexOf(NEW_LINE) + 1;
        // The rest of a line that is being written, or none of ours.
        if (end === 0 && bytesRead < CHUNK) break;
        for (const line of buffer.toString("latin1", 0, end).split("\n")) {
          const entry = line === "" ? undefined : decodeEntry(line);
          if (entry) reader.found(entry);
        }
        offset += end || bytesRead;
      }
      return { node: ino, offset };
    } finally {
      await file.close();
    }
  }

  return {
    async append(revocation, now) {
      const { expires } = revocation;
      const bits = Math.ceil(Math.log2(Math.max(1, expires - now)));
      const span = Math.min(Math.max(bits, SHORTEST), LONGEST);
      await mkdir(folder, { mode: PRIVATE_FOLDER }).catch(ignore("EEXIST"));
      await check();
      const path = join(folder, `${span}-${Math.floor(expires / 2 ** span)}`);
      const file = await open(path, O_WRONLY | O_APPEND | O_CREAT | CAREFULLY, PRIVATE);
      try {
        await file.writeFile(`\n${encodeEntry(revocation)}\n`, "latin1");
      } finally {
        await file.close();
      }
      // Who removes everything may have done so in between.
      await stat(path);
    },
    async read(reader, now) {
      const names = await list();
      const known = place;
      place = undefined;
      const files = names.filter((file) => !isOver(file, now));
      const found = await Promise.all(files.map((file) => stat(join(folder, file))));
      const isSame = (file: string, { node, offset }: { node: number; offset: number }) => {
        const at = files.indexOf(file);
        return at >= 0 ? found[at]!.ino === node && found[at]!.size >= offset : isOver(file, now);
      };
      const goesOn = known !== undefined && [...known].every(([file, read]) => isSame(file, read));
      if (!goesOn) reader.anew();
      const next = new Map<string, { node: number; offset: number }>();
      for (const [at, file] of files.entries()) {
        const read = goesOn ? known.get(file) : undefined;
        const isUnchanged = read?.offset === found[at]!.size;
        next.set(file, isUnchanged ? read! : await readFile(join(folder, file), read?.offset ?? 0, reader));
      }
      place = next;
      for (const file of names) {
        if (isOver(file, now - SLACK)) await unlink(join(folder, file)).catch(ignore("ENOENT"));
      }
    },
  };

  /** The files of the log. Where there is no folder yet there are none, provided it can be made. */
  async function list(): Promise<string[]> {
    try {
      await check();
    } catch (error) {
      ignore("ENOENT")(error as NodeJS.ErrnoException);
      checked(await stat(path));
      return [];
    }
    return (await readdir(folder)).filter((file) => FILE.test(file));
  }
}

/** Whether all that a file can have has ended. */
function isOver(file: string, now: number): boolean {
  const [, span, number] = FILE.exec(file)!;
  return (Number(number) + 1) * 2 ** Number(span) < now;
}

const ignore =
  (code: string) =>
  (error: NodeJS.ErrnoException): void => {
    if (error.code !== code) throw error;
  };
