import type { ConnectionOptions } from "node:tls";
import type { ClientConfig } from "pg";

export interface PostgresOptions {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** A function is called for each connection. */
  readonly password?: string | (() => Promise<string>) | undefined;
  readonly database: string;
  /** The schema of all tables, made by the first migration; the user's default when absent. */
  readonly schema?: string | undefined;
  /** For connecting and for each statement. */
  readonly timeoutMs: number;
  /** Connections of this process; a statement waits for one until the timeout. */
  readonly maxConnections: number;
  /** How many may wait for a connection; absent: any number. */
  readonly maxWaiting?: number | undefined;
  /** How many statements or transactions are under way, and how long the others wait for their turn; absent: no limit. */
  readonly turns?: { readonly count: number; readonly timeoutMs: number } | undefined;
  /** After which an unused connection is closed; 0: never. */
  readonly idleTimeoutMs: number;
  /** Absent: without TLS. */
  readonly tls?: PostgresTls | undefined;
  /** A standby of this server, for reads of whole tables. */
  readonly replica?: Omit<PostgresOptions, "replica"> | undefined;
  /** For processes that have their writes performed by another one; they have no link either. */
  readonly readOnly?: boolean;
  /** Hears in words when the link to the other nodes is lost and when it is back. */
  readonly onLink?: (event: "lost" | "restored", error?: unknown) => void;
  /** Hears in words when the replica cannot be read from, so that the server itself is, and when it can again. */
  readonly onReplica?: (event: "lost" | "restored", error?: unknown) => void;
}

export interface PostgresTls {
  /** Whether a server without TLS is refused. */
  readonly required: boolean;
  /** Whether the certificate must be valid, by these authorities or those of Node.js. */
  readonly verify: boolean;
  readonly authorities?: string | undefined;
  /** The least version. */
  readonly version: "TLSv1.2" | "TLSv1.3";
  /** Of this client, as PEM. */
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
}

/** What every connection is opened with. */
export function clientConfig(options: PostgresOptions): ClientConfig {
  const { timeoutMs, password = "" } = options;
  return {
    host: options.host,
    port: options.port,
    user: options.user,
    // A function, so that neither PGPASSWORD nor ~/.pgpass takes the place of an absent one.
    password: typeof password === "function" ? password : () => password,
    database: options.database,
    application_name: "sesame",
    connectionTimeoutMillis: timeoutMs,
    query_timeout: timeoutMs,
    statement_timeout: timeoutMs,
    // A node that is stopped within a transaction does not keep the others waiting for its locks for ever.
    idle_in_transaction_session_timeout: timeoutMs,
    keepAlive: true,
    options: sessionOptions(options),
    ssl: options.tls ? tlsOptions(options.tls) : false,
    types: { getTypeParser: parserOf as NonNullable<ClientConfig["types"]>["getTypeParser"] },
  };
}

function sessionOptions({ schema, readOnly }: PostgresOptions): string {
  const settings = ["TimeZone=UTC"];
  if (schema !== undefined) settings.push(`search_path=${quoteIdentifier(schema)}`);
  if (readOnly) settings.push("default_transaction_read_only=on");
  // A blank ends a setting unless a backslash stands before it.
  return settings.map((setting) => `-c ${setting.replace(/[\\\s]/g, "\\$&")}`).join(" ");
}

/** A name of any characters in SQL. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function tlsOptions(tls: PostgresTls): ConnectionOptions {
  return {
    rejectUnauthorized: tls.verify,
    minVersion: tls.version,
    ...(tls.authorities !== undefined && { ca: tls.authorities }),
    ...(tls.certificate !== undefined && { cert: tls.certificate, key: tls.key }),
  };
}

/** The numbers of the types in PostgreSQL's catalogue (pg_type.dat) that are no text to us: 16, 32 and 64 bits, floats. */
const NUMBERS = new Set([20, 21, 23, 700, 701]);

/** Integers are exact up to 2^53, and those of the schemas end there. */
function parserOf(type: number): (text: string) => unknown {
  return NUMBERS.has(type) ? Number : String;
}
