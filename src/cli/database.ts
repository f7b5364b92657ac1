import { readFileSync } from "node:fs";
import {
  createIamTokens,
  type Database,
  openPostgres,
  openSqlite,
  type PostgresOptions,
  type PostgresTls,
} from "../database/index.ts";
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
  const { pg_ro_host } = settings;
  return openPostgres({
    ...postgresOptions(settings, "pg"),
    ...(pg_ro_host !== undefined && { replica: postgresOptions(settings, "pg_ro") }),
    readOnly,
    onLink(event, error) {
      if (event === "lost")
        log?.error("the link to the other nodes is lost; the database is asked each time", { error });
      else log?.notice("the link to the other nodes is there again");
    },
    onReplica(event, error) {
      if (event === "lost") log?.warn("the standby pg_ro_host cannot be read; the primary is", { error });
      else log?.notice("the standby pg_ro_host is read again");
    },
  });
}

type Prefixed<P extends string> = { [N in keyof Settings]: N extends `${P}${infer R}` ? R : never }[keyof Settings];
/** What can be set for the primary and the standby. */
type Shared = Extract<Prefixed<"pg_">, Prefixed<"pg_ro_">>;

/** How to connect to the primary, or to the standby, whose settings fall back to those of the primary. */
function postgresOptions(settings: Settings, server: "pg" | "pg_ro"): PostgresOptions {
  const of = <N extends Shared>(name: N) =>
    (settings[`${server}_${name}`] ?? settings[`pg_${name}`]) as Settings[`pg_${N}`];
  const [host, port, user, isByIam] = [of("host"), of("port"), of("user"), of("iam_auth")];
  const iam = {
    role: of("iam_auth_assume_role_arn"),
    sessionName: of("iam_auth_role_session_name"),
    stsEndpoint: of("iam_auth_sts_endpoint_url"),
    timeoutMs: of("timeout"),
  };
  const count = of("max_concurrent_queries");
  return {
    host,
    port,
    user,
    password: isByIam ? createIamTokens({ host, port, user, ...iam }) : of("password"),
    database: of("database"),
    schema: of("schema"),
    timeoutMs: of("timeout"),
    maxConnections: of("pool_size"),
    maxWaiting: of("backlog"),
    turns: count > 0 ? { count, timeoutMs: of("semaphore_timeout") } : undefined,
    idleTimeoutMs: of("keepalive_timeout"),
    // A token is as good as a password for whoever reads it on its way.
    tls:
      of("ssl") || isByIam
        ? { ...tlsOptions(settings, of("ssl_verify"), of("ssl_version")), required: of("ssl_required") || isByIam }
        : undefined,
  };
}

function tlsOptions(settings: Settings, verify: boolean, version: string): Omit<PostgresTls, "required"> {
  const { pg_ssl_cert: certificate, pg_ssl_cert_key: key } = settings;
  return {
    verify,
    authorities: verify ? readAuthorities(settings.lua_ssl_trusted_certificate) : undefined,
    version: version === "tlsv1_3" ? "TLSv1.3" : "TLSv1.2",
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
