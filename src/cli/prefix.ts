import { randomUUID } from "node:crypto";
import { chmodSync, closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { CommandError } from "./command.ts";

/** The folder of everything one gateway keeps; nobody but its owner may look inside. */
export interface Prefix {
  /** Absolute. */
  readonly folder: string;
  readonly database: string;
  readonly certificate: string;
  readonly certificateKey: string;
  /** The id of this node, made at its first start. */
  readonly nodeId: string;
  /** Let another gateway have the folder. */
  release(): void;
}

/**
 * Make the folder if need be and take it for this process. Throws CommandError when it cannot be written or another gateway
 * runs in it.
 */
export function takePrefix(path: string): Prefix {
  const folder = resolve(path);
  try {
    mkdirSync(join(folder, "ssl"), { recursive: true, mode: 0o700 });
    mkdirSync(join(folder, "logs"), { recursive: true, mode: 0o700 });
    chmodSync(folder, 0o700);
  } catch (error) {
    throw unusable(folder, error);
  }
  const release = lock(folder);
  return {
    folder,
    database: join(folder, "sesame.db"),
    certificate: join(folder, "ssl", "sesame-default.crt"),
    certificateKey: join(folder, "ssl", "sesame-default.key"),
    nodeId: readNodeId(folder),
    release,
  };
}

/**
 * Two gateways in one folder would not hear of each other's changes. The lock is a transaction that stays open, so that the
 * system takes it back from a process that died, however it died.
 */
function lock(folder: string): () => void {
  const file = join(folder, "gateway.lock");
  const pidFile = join(folder, "gateway.pid");
  try {
    closeSync(openSync(file, "a", 0o600));
    const database = new DatabaseSync(file);
    try {
      database.exec("BEGIN EXCLUSIVE");
    } catch (error) {
      database.close();
      throw error;
    }
    writeFileSync(pidFile, `${process.pid}\n`, { mode: 0o600 });
    return () => database.close();
  } catch (error) {
    if (!/locked|busy/i.test((error as Error).message)) throw unusable(folder, error);
    throw new CommandError(`another gateway (process ${readText(pidFile) ?? "unknown"}) runs in the prefix ${folder}`);
  }
}

function readNodeId(folder: string): string {
  const file = join(folder, "node_id");
  const known = readText(file);
  if (known !== undefined && /^[0-9a-f-]{36}$/.test(known)) return known;
  const id = randomUUID();
  writeFileSync(file, `${id}\n`, { mode: 0o600 });
  return id;
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8").trim();
  } catch {
    return undefined;
  }
}

function unusable(folder: string, error: unknown): CommandError {
  const reason = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
  return new CommandError(`the prefix ${folder} cannot be written (${reason})`, { cause: error });
}
