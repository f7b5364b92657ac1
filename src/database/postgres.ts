import type { PoolClient } from "pg";
import type { Awaitable } from "../schema/index.ts";
import type { Link } from "./link.ts";
import { type PostgresOptions, quoteIdentifier } from "./postgres-config.ts";
import { type Connections, openConnections } from "./postgres-connections.ts";
import { failure, isClash, isViolation } from "./postgres-errors.ts";
import { PostgresLink } from "./postgres-link.ts";
import { Replica } from "./postgres-replica.ts";
import { type Database, type Executor, quote, type SqlRow, type SqlValue, type Transaction } from "./sql.ts";
import { numberPlaces } from "./statements.ts";

/**
 * Open a PostgreSQL database. Any number of nodes may write; what each commits reaches the others over its link. Throws
 * ERR_DATABASE_OPEN when it cannot be reached or is not in UTF-8; its replica may be out of reach.
 */
export async function openPostgres(options: PostgresOptions): Promise<Database> {
  const connections = await openConnections(options);
  // What the node itself has to know is not refused for the many visitors who wait.
  const own: Executor = {
    execute: (sql, values) => connections.use((client) => connections.run(client, sql, values), true),
  };
  const { connect } = connections;
  const { readOnly, replica, onLink, onReplica } = options;
  const link = readOnly ? undefined : new PostgresLink({ connect, database: own, onLink });
  const scans = replica ? new Replica(own, replica, onReplica) : own;
  return new Postgres(connections, options, scans, link);
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
  readonly scans: Executor | Replica;
  readonly #connections: Connections;
  readonly #schema: string | undefined;
  readonly #timeoutMs: number;

  constructor(connections: Connections, options: PostgresOptions, scans: Executor | Replica, link: Link | undefined) {
    const { schema, timeoutMs, readOnly = false } = options;
    this.#connections = connections;
    this.#schema = schema;
    this.#timeoutMs = timeoutMs;
    this.description = connections.description;
    this.readOnly = readOnly;
    this.scans = scans;
    if (link) this.link = link;
  }

  execute(sql: string, values?: readonly SqlValue[]): Promise<readonly SqlRow[]> {
    return this.#connections.use((client) => this.#connections.run(client, sql, values));
  }

  /**
   * PostgreSQL undoes a serializable transaction whose reads another one has outdated. Such a one is run again when it has
   * its turn among those that were undone too, so that it only has to hold its own against newcomers; after the time that a
   * statement may take it is given up.
   */
  transaction<T>(work: (tx: Transaction) => Awaitable<T>): Promise<T> {
    return this.#connections.use(async (client) => {
      const tx: Transaction = {
        execute: (sql, values) => this.#connections.run(client, sql, values),
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
    await this.#connections.run(client, "SELECT pg_advisory_lock(?, ?)", QUEUE_LOCK);
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
      await this.#connections
        .run(client, "SELECT pg_advisory_unlock(?, ?)", QUEUE_LOCK)
        .catch(() => this.#connections.discard(client));
    }
  }

  migration<T>(work: (tx: Executor) => Awaitable<T>): Promise<T> {
    const timeoutMs = MIGRATION_TIMEOUT_MS;
    return this.#connections.use((client) => {
      const tx: Executor = {
        execute: (sql, values) => this.#connections.query(client, { text: numberPlaces(sql) }, values, timeoutMs),
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
    await this.#connections.query(client, { text: begin });
    try {
      const result = await work();
      await this.#connections.query(client, { text: "COMMIT" });
      return result;
    } catch (error) {
      await this.#connections.query(client, { text: "ROLLBACK" }).catch(() => this.#connections.discard(client));
      throw error;
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
    await this.#connections.run(client, sql, values);
  }

  isViolation(error: unknown): boolean {
    return isViolation(error);
  }

  async close(): Promise<void> {
    await this.link?.close();
    if ("close" in this.scans) await this.scans.close();
    await this.#connections.close();
  }
}

type InsertInto = Parameters<Transaction["insert"]>[0];

/** Asked for only where it is missing, as it takes a right that not every user has. */
async function makeSchema(tx: Executor, schema: string): Promise<void> {
  const [found] = await tx.execute("SELECT 1 AS found FROM pg_namespace WHERE nspname = ?", [schema]);
  if (!found) await tx.execute(`CREATE SCHEMA ${quoteIdentifier(schema)}`);
}
