import { randomUUID } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Settings } from "../settings.ts";
import { CommandError } from "./command.ts";

/** The folder of everything one gateway keeps; nobody but its owner may look inside. */
export interface Prefix {
  /** Absolute. */
  readonly folder: string;
  readonly database: string;
  /** Of a gateway with `database=off`: its sessions, and a copy of its configuration. */
  readonly sessions: string;
  readonly certificate: string;
  readonly certificateKey: string;
  /** The id of this node, made at its first start. */
  readonly nodeId: string;
  /** Let another gateway have the folder. */
  release(): void;
}

const LOCK = "gateway.lock";

/**
 * Make the folder if need be and take it for this process. Throws CommandError when it cannot be written or another gateway
 * runs in it.
 */
export function takePrefix(path: string): Prefix {
  const folder = resolve(path);
  let release: (() => void) | undefined;
  try {
    makeFolder(folder);
    hide(folder);
    release = lock(folder);
    for (const name of ["ssl", "logs"]) makeFolder(join(folder, name));
    return {
      folder,
      database: join(folder, "sesame.db"),
      sessions: join(folder, "sessions.db"),
      certificate: join(folder, "ssl", "sesame-default.crt"),
      certificateKey: join(folder, "ssl", "sesame-default.key"),
      nodeId: readNodeId(folder),
      release,
    };
  } catch (error) {
    release?.();
    if (error instanceof CommandError) throw error;
    const reason = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
    throw new CommandError(`the prefix ${folder} cannot be written (${reason})`, { cause: error });
  }
}

/** The settings with relative paths of files as they are meant: below the prefix. */
export function locateFiles(settings: Settings, { folder }: Pick<Prefix, "folder">): Settings {
  const { ssl_cert, ssl_cert_key, pg_ssl_cert, pg_ssl_cert_key } = settings;
  const locate = (path: string) => (path === "off" || path === "system" ? path : resolve(folder, path));
  return {
    ...settings,
    ssl_cert: ssl_cert && locate(ssl_cert),
    ssl_cert_key: ssl_cert_key && locate(ssl_cert_key),
    pg_ssl_cert: pg_ssl_cert && locate(pg_ssl_cert),
    pg_ssl_cert_key: pg_ssl_cert_key && locate(pg_ssl_cert_key),
    lua_ssl_trusted_certificate: settings.lua_ssl_trusted_certificate.map(locate),
    proxy_error_log: locate(settings.proxy_error_log),
    proxy_access_log: locate(settings.proxy_access_log),
    admin_access_log: locate(settings.admin_access_log),
  };
}

/** A folder that is shared with other things, as `/tmp`, stays as it is; the files in it are hidden all the same. */
function hide(folder: string): void {
  const names = readdirSync(folder);
  if (names.length === 0 || names.includes(LOCK)) chmodSync(folder, 0o700);
}

/**
 * Two gateways in one folder would not hear of each other's changes. The lock is a transaction that stays open, so that the
 * system takes it back from a process that died, however it died.
 */
function lock(folder: string): () => void {
  const pidFile = join(folder, "gateway.pid");
  create(join(folder, LOCK));
  const database = new DatabaseSync(join(folder, LOCK));
  try {
    database.exec("BEGIN EXCLUSIVE");
    writeFileSync(pidFile, `${process.pid}\n`, { mode: 0o600 });
  } catch (error) {
    database.close();
    if (!/locked|busy/i.test((error as Error).message)) throw error;
    throw new CommandError(`another gateway (process ${readText(pidFile) ?? "unknown"}) runs in the prefix ${folder}`);
  }
  return () => database.close();
}

/** A file that exists is not even opened: closing it again would take away the locks that this process has on it. */
function create(file: string): void {
  try {
    writeFileSync(file, "", { flag: "wx", mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

function readNodeId(folder: string): string {
  const file = join(folder, "node_id");
  const known = readText(file);
  if (known !== undefined && /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(known)) return known;
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

/**
 * Make a folder and those above it that are missing. Node's own recursive way never returns where the folder above exists but
 * takes none, as /proc does.
 */
function makeFolder(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
  if (!existsSync(dirname(path))) makeFolder(dirname(path));
  mkdirSync(path, { mode: 0o700 });
}
