import { spawnSync } from "node:child_process";
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmdirSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { temporaryFolder } from "./gateway-process.ts";

/** A place for files where a test decides when it is full. */
export interface SmallDisk {
  readonly folder: string;
  /** From now on little more fits, or nothing. `process` is who writes there. */
  fill(process: number): void;
  free(process: number): void;
}

const MEGABYTE = 1024 * 1024;

/** A file system of its own, in memory; undefined where none may be mounted. */
export function mountSmallDisk(t: TestContext): SmallDisk | undefined {
  const folder = mkdtempSync(join(tmpdir(), "sesame-disk-"));
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=8m", "tmpfs", folder]);
  // The mount first: what is mounted cannot be removed.
  t.after(() => {
    if (mounted.status === 0) spawnSync("umount", ["--lazy", folder]);
    rmdirSync(folder);
  });
  if (mounted.status !== 0) return undefined;
  const ballast = join(folder, "ballast");
  return {
    folder,
    fill() {
      const file = openSync(ballast, "w");
      try {
        // What fits yet will end in the middle of a write.
        ftruncateSync(file, writeUntilFull(file, Buffer.alloc(MEGABYTE / 16)) - MEGABYTE / 4);
      } finally {
        closeSync(file);
      }
    },
    free: () => rmSync(ballast),
  };
}

/** Answers how many bytes could be written. */
function writeUntilFull(file: number, bytes: Buffer): number {
  for (let size = 0; ; ) {
    try {
      size += writeSync(file, bytes);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
      return size;
    }
  }
}

/** A folder where no file can grow once it is full: the process may not write beyond this size, whatever the disk has. */
export function limitFiles(t: TestContext): SmallDisk {
  const folder = temporaryFolder(t);
  const limit = (process: number, bytes: string) => {
    const { status, stderr } = spawnSync("prlimit", [`--pid=${process}`, `--fsize=${bytes}:`], { encoding: "utf8" });
    if (status !== 0) throw new Error(stderr);
  };
  return {
    folder,
    fill: (process) => limit(process, String(128 * 1024)),
    free: (process) => limit(process, "unlimited"),
  };
}
