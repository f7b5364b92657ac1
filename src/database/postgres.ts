import type { Pool, PoolClient } from "pg";
import type { Awaitable } from "../schema/index.ts";
import { DatabaseError, databaseErrors } from "./errors.ts";
import type { Link } from "./link.ts";
import { clientConfig, type PostgresOptions, quoteIdentifier } from "./postgres-config.ts";
import { failure, isClash, isViolation, leavesConnection, wrap } from "./postgres-errors.ts";
import { PostgresLink } from "./postgres-link.ts";
import { type Database, type Executor, quote, type SqlRow, type SqlValue, type Transaction } from "./sql.ts";
import { numberPlaces, type Statement, Statements } from "./statements.ts";

/**
 * Open a PostgreSQL database. Any number of nodes may write; what each commits reaches the others over its link. Throws
 * ERR_DATABASE_OPEN when it cannot be reached or is not in UTF-8.
 */
export async function openPostgres(options: PostgresOptions): Promise<Database> {
  const description = `${options.database} at ${options.host}:${options.port}`;
  try {
    return await open(options, description);
  } catch (error) {
    if (options.tls && !options.tls.required && isWithoutTls(error))
      return openPostgres({ ...options, tls: undefined });
    throw error instanceof DatabaseError
      ? error
      : wrap(databaseErrors.OPEN, `cannot open the PostgreSQL database ${description}`, error);
  }
}

/** The driver's words for a server that answers a request for TLS with no. */
function isWithoutTls(error: unknown): boolean {
  return error instanceof Error && error.message === "The server does not support SSL connections";
}

async function open(options: PostgresOptions, description: string): Promise<Database> {
  const { Client, Pool } = (await import("pg")).default;
  const config = clientConfig(options);
  const pool = new Pool({ ...config, max: options.maxConnections, idleTimeoutMillis: options.idleTimeoutMs });
  // A connection that fails while nobody uses it has left the pool already.
  pool.on("error", () => {});
  try {
    const { rows } = await pool.query("SHOW server_encoding");
    const encoding = rows[0]?.server_encoding;
    if (encoding !== "UTF8") {
      throw new DatabaseError(databaseErrors.OPEN, `the database ${description} is in ${encoding}: make one in UTF8`);
    }
  } catch (error) {
    await pool.end();
    throw error;
  }
  const connect = () => new Client(config);
  const link = options.readOnly ? undefined : new PostgresLink({ connect, onLink: options.onLink });
  return new Postgres(pool, description, options, link);
}

const SERIALIZABLE = "BEGIN ISOLATION LEVEL SERIALIZABLE";
const READ_COMMITTED = "BEGIN ISOLATION LEVEL READ COMMITTED";
/** Changing large tables takes its time. */
const MIGRATION_TIMEOUT_MS = 600_000;
/** Advisory locks have two numbers; the first marks them as Sesame's ("SESA"). */
const MIGRATION_LOCK = [0x53455341, 1] as const;
const QUEUE_LOCK = [0x53455341, 2] as const;

class Postgres implements Database {
  readonly description: string;
  readonly readOnly: boolean;
  readonly columnsOf: string =
    "SELECT column_name AS name FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = ?";
  readonly link?: Link;
  readonly #pool: Pool;
  readonly #schema: string | undefined;
  readonly #timeoutMs: number;
  readonly #statements = new Statements();
  /** Connections in use that must not be used again. */
  readonly #broken = new WeakSet<PoolClient>();

  constructor(pool: Pool, description: string, options: PostgresOptions, link: Link | undefined) {
    const { schema, timeoutMs, readOnly = false } = options;
    this.#pool = pool;
    this.#schema = schema;
    this.#timeoutMs = timeoutMs;
    this.description = description;
    this.readOnly = readOnly;
    if (link) this.link = link;
  }

  execute(sql: string, values?: readonly SqlValue[]): Promise<readonly SqlRow[]> {
    return this.#withClient((client) => this.#run(client, sql, values));
  }

  /**
   * PostgreSQL undoes a serializable transaction whose reads another one has outdated. Such a one is run again when it has
   * its turn among those that were undone too, so that it only has to hold its own against newcomers; after the time that a
   * statement may take it is given up.
   */
  transaction<T>(work: (tx: Transaction) => Awaitable<T>): Promise<T> {
    return this.#withClient(async (client) => {
      const tx: Transaction = {
        execute: (sql, values) => this.#run(client, sql, values),
        insert: (table, rows) => this.#insert(client, table, rows),
      };
      const attempt = () => this.#transact(client, SERIALIZABLE, () => work(tx));
      try {
        return await attempt();
      } catch (error) {
        if (!isClash(error)) throw error;
        return await this.#inTurn(client, attempt);
      }
    });
  }

  async #inTurn<T>(client: PoolClient, attempt: () => Promise<T>): Promise<T> {
    await this.#run(client, "SELECT pg_advisory_lock(?, ?)", QUEUE_LOCK);
    const endMs = performance.now() + this.#timeoutMs;
    try {
      for (;;) {
        try {
          return await attempt();
        } catch (error) {
          if (!isClash(error)) throw error;
          if (performance.now() > endMs) throw failure(this.description, error);
        }
      }
    } finally {
      // With the connection its locks are given back too.
      await this.#run(client, "SELECT pg_advisory_unlock(?, ?)", QUEUE_LOCK).catch(() => this.#broken.add(client));
    }
  }

  migration<T>(work: (tx: Executor) => Awaitable<T>): Promise<T> {
    const timeoutMs = MIGRATION_TIMEOUT_MS;
    return this.#withClient((client) => {
      const tx: Executor = {
        execute: (sql, values) => this.#query(client, { text: numberPlaces(sql) }, values, timeoutMs),
      };
      // Not serializable, so that what is read after the wait for the lock is what its last holder left.
      return this.#transact(client, READ_COMMITTED, async () => {
        await tx.execute(`SET LOCAL statement_timeout = ${timeoutMs}`);
        await tx.execute("SELECT pg_advisory_xact_lock(?, ?)", MIGRATION_LOCK);
        if (this.#schema !== undefined) await makeSchema(tx, this.#schema);
        return work(tx);
      });
    });
  }

  async #transact<T>(client: PoolClient, begin: string, work: () => Awaitable<T>): Promise<T> {
    await this.#query(client, { text: begin });
    try {
      const result = await work();
      await this.#query(client, { text: "COMMIT" });
      return result;
    } catch (error) {
      await this.#query(client, { text: "ROLLBACK" }).catch(() => this.#broken.add(client));
      throw error;
    }
  }

  async #withClient<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
    let client: PoolClient;
    try {
      client = await this.#pool.connect();
    } catch (error) {
      throw failure(this.description, error);
    }
    const onError = () => void this.#broken.add(client);
    client.on("error", onError);
    try {
      return await work(client);
    } finally {
      client.off("error", onError);
      client.release(this.#broken.has(client));
    }
  }

  /** One statement for any number of rows, so that it is prepared once: each column is sent as an array. */
  async #insert(
    client: PoolClient,
    { name, stored, columnList }: InsertInto,
    rows: readonly (readonly SqlValue[])[],
  ): Promise<void> {
    const arrays = stored.map(({ type }) => `?::${type}[]`).join(", ");
    const sql = `INSERT INTO ${quote(name)} (${columnList}) SELECT * FROM unnest(${arrays})`;
    const values = stored.map((_, index) => rows.map((row) => row[index]!));
    await this.#query(client, this.#statements.of(sql), values);
  }

  #run(client: PoolClient, sql: string, values?: readonly SqlValue[]): Promise<readonly SqlRow[]> {
    return this.#query(client, this.#statements.of(sql), values);
  }

  async #query(
    client: PoolClient,
    statement: Statement,
    values: readonly (SqlValue | readonly SqlValue[])[] = [],
    timeoutMs?: number,
  ): Promise<readonly SqlRow[]> {
    try {
      const timeout = timeoutMs === undefined ? {} : { query_timeout: timeoutMs };
      return (await client.query<SqlRow>({ ...statement, ...timeout, values: [...values] })).rows;
    } catch (error) {
      if (!leavesConnection(error)) this.#broken.add(client);
      throw isViolation(error) || isClash(error) ? error : failure(this.description, error);
    }
  }

  isViolation(error: unknown): boolean {
    return isViolation(error);
  }

  async close(): Promise<void> {
    await this.link?.close();
    await this.#pool.end();
  }
}

type InsertInto = Parameters<Transaction["insert"]>[0];

/** Asked for only where it is missing, as it takes a right that not every user has. */
async function makeSchema(tx: Executor, schema: string): Promise<void> {
  const [found] = await tx.execute("SELECT 1 AS found FROM pg_namespace WHERE nspname = ?", [schema]);
  if (!found) await tx.execute(`CREATE SCHEMA ${quoteIdentifier(schema)}`);
}
