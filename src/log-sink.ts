import { closeSync, mkdirSync, openSync, writeSync } from "node:fs";
import { dirname } from "node:path";

/** Where finished lines go. */
export interface Sink {
  /** Take a line, its line feed included. */
  write(line: string): void;
  /** Hand everything to the operating system now. */
  flush(): void;
  /** What is written later is dropped. */
  close(): void;
}

const FLUSH_CHARACTERS = 65536;
const FLUSH_AFTER_MS = 100;
// What a blocked reader of a pipe may hold up before lines are given up rather than memory.
const LIMIT_CHARACTERS = 16 * 1024 * 1024;

/** A sink that keeps nothing. */
export const nowhere: Sink = { write() {}, flush() {}, close() {} };

/**
 * Open a sink on a path, `/dev/stdout`, `/dev/stderr` or `off`. Lines are collected and written together: after 64 KiB,
 * after a tenth of a second, when the process exits. A file is appended to, and made with mode 0600 and its folder
 * with 0700 when absent. Throws what opening throws.
 */
export function openSink(path: string): Sink {
  if (path === "off") return nowhere;
  const standard = path === "/dev/stdout" ? 1 : path === "/dev/stderr" ? 2 : undefined;
  return standard === undefined ? openFile(path) : createSink(standard, () => {});
}

function openFile(path: string): Sink {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const fd = openSync(path, "a", 0o600);
  return createSink(fd, () => closeSync(fd));
}

/** What is to be written when the process exits. */
const open = new Set<Sink>();
process.on("exit", () => {
  for (const sink of open) sink.flush();
});

function createSink(fd: number, release: () => void): Sink {
  let pending = "";
  let timer: NodeJS.Timeout | undefined;

  function write(line: string): void {
    // Once closed, the descriptor may be somebody else's.
    if (pending.length > LIMIT_CHARACTERS || !open.has(sink)) return;
    pending += line;
    if (pending.length >= FLUSH_CHARACTERS) flush();
    else timer ??= setTimeout(flush, FLUSH_AFTER_MS).unref();
  }

  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    if (pending === "") return;
    const bytes = Buffer.from(pending);
    pending = "";
    const written = writeBytes(fd, bytes);
    if (written === bytes.length) return;
    // The reader of a pipe is slow: the rest stays, and is tried again.
    pending = bytes.toString("utf8", written);
    timer = setTimeout(flush, FLUSH_AFTER_MS).unref();
  }

  function close(): void {
    if (!open.has(sink)) return;
    flush();
    open.delete(sink);
    pending = "";
    clearTimeout(timer);
    release();
  }

  const sink = { write, flush, close };
  open.add(sink);
  return sink;
}

/** How many bytes could be written. A log that nobody reads any more, or a full disk, must not end the gateway. */
function writeBytes(fd: number, bytes: Buffer): number {
  let written = 0;
  while (written < bytes.length) {
    try {
      written += writeSync(fd, bytes, written);
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === "EAGAIN" ? written : bytes.length;
    }
  }
  return written;
}
