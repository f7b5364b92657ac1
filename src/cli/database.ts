import { readFileSync } from "node:fs";
import { type Database, openPostgres, openSqlite, type PostgresOptions, type PostgresTls } from "../database/index.ts";
import type { Log } from "../gateway/index.ts";
import type { Settings } from "../settings.ts";
import { CommandError } from "./command.ts";
import { readAuthorities } from "./gateway-settings.ts";

interface OpenOptions {
  /** Path of the file for SQLite. */
  readonly file: string;
  /** For workers, whose writes the primary performs. */
  readonly readOnly?: boolean;
  /** Where the link to the other nodes is reported on. */
  readonly log?: Log;
}

/** Open the database of the settings, whose paths are absolute. Throws `DatabaseError` or CommandError. */
export async function openDatabase(
  settings: Settings,
  { file, readOnly = false, log }: OpenOptions,
): Promise<Database> {
  if (settings.database !== "postgres") return openSqlite({ file, readOnly });
  return openPostgres({
    ...postgresOptions(settings),
    readOnly,
    onLink(event, error) {
      if (event === "lost")
        log?.error("the link to the other nodes is lost; the database is asked each time", { error });
      else log?.notice("the link to the other nodes is there again");
    },
  });
}

function postgresOptions(settings: Settings): PostgresOptions {
  const { pg_pool_size: size, pg_max_concurrent_queries: queries } = settings;
  return {
    host: settings.pg_host,
    port: settings.pg_port,
    user: settings.pg_user,
    password: settings.pg_password,
    database: settings.pg_database,
    schema: settings.pg_schema,
    timeoutMs: settings.pg_timeout,
    maxConnections: queries === 0 ? size : Math.min(size, queries),
    idleTimeoutMs: settings.pg_keepalive_timeout,
    tls: settings.pg_ssl ? tlsOptions(settings) : undefined,
  };
}

function tlsOptions(settings: Settings): PostgresTls {
  const { pg_ssl_cert: certificate, pg_ssl_cert_key: key } = settings;
  return {
    required: settings.pg_ssl_required,
    verify: settings.pg_ssl_verify,
    authorities: settings.pg_ssl_verify ? readAuthorities(settings.lua_ssl_trusted_certificate) : undefined,
    version: settings.pg_ssl_version === "tlsv1_3" ? "TLSv1.3" : "TLSv1.2",
    certificate: certificate && read("pg_ssl_cert", certificate),
    key: key && read("pg_ssl_cert_key", key),
  };
}

function read(setting: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new CommandError(`${setting}: ${path} cannot be read (${(error as NodeJS.ErrnoException).code})`, {
      cause: error,
    });
  }
}
