import type { SessionStorage } from "../../../src/session/index.ts";
import { liveEntry, readEntries, removedEntry } from "../../../src/session/storages/index-entries.ts";
import type { NameAffixes } from "../../../src/session/storages/names.ts";

/** One file as the vectors dump it. */
export interface DumpedFile {
  readonly file: string;
  readonly mtime: number;
  readonly content: string;
}

/** A folder in memory: what is written gets the time of the machine, which is not the clock the sessions are given. */
export class Folder {
  readonly #files = new Map<string, { content: string; mtime: number }>();
  readonly #wall: number;

  constructor(wall: number) {
    this.#wall = wall;
  }

  write(file: string, content: string): void {
    this.#files.set(file, { content, mtime: this.#wall });
  }
  append(file: string, text: string): void {
    this.write(file, (this.#files.get(file)?.content ?? "") + text);
  }
  read(file: string): string | undefined {
    return this.#files.get(file)?.content;
  }
  remove(file: string): void {
    this.#files.delete(file);
  }
  mtime(file: string): number | undefined {
    return this.#files.get(file)?.mtime;
  }
  utimes(file: string, mtime: number): void {
    const found = this.#files.get(file);
    if (found) found.mtime = mtime;
  }

  load(dump: readonly DumpedFile[]): void {
    this.#files.clear();
    for (const { file, mtime, content } of dump) this.#files.set(file, { content, mtime });
  }
  dump(): DumpedFile[] {
    return [...this.#files].map(([file, { mtime, content }]) => ({ file, mtime, content }));
  }
}

/** Sessions in files (SPEC-session-v4 §9.2). */
export function fileStorage(folder: Folder, { prefix, suffix }: NameAffixes): SessionStorage {
  const path = (name: string, key: string) =>
    `${prefix ? `${prefix}_` : ""}${name}_${key}${suffix ? `.${suffix}` : ""}`;

  return {
    get(name, key, now) {
      const file = path(name, key);
      const mtime = folder.mtime(file);
      return mtime === undefined || mtime < now ? undefined : folder.read(file);
    },
    set(name, key, value, { now, ttl, replaces, stale_ttl = 0, metadata = [] }) {
      folder.write(path(name, key), value);
      folder.utimes(path(name, key), now + ttl);
      const old = replaces === undefined ? undefined : path(name, replaces);
      if (old !== undefined && (folder.mtime(old) ?? 0) - now > stale_ttl) folder.utimes(old, now + stale_ttl);
      for (const { audience, subject } of metadata) {
        const file = path(name, `${audience}:${subject}`);
        folder.append(file, liveEntry(key, now + ttl));
        folder.utimes(file, Math.max(folder.mtime(file)!, now + ttl));
        if (replaces !== undefined) folder.append(file, removedEntry(replaces));
      }
    },
    delete(name, key, _now, metadata = []) {
      folder.remove(path(name, key));
      for (const { audience, subject } of metadata)
        folder.append(path(name, `${audience}:${subject}`), removedEntry(key));
    },
    list: (name, { audience, subject }, now) =>
      readEntries(folder.read(path(name, `${audience}:${subject}`)) ?? "", now),
  };
}
