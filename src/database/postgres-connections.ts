import type { Client, Pool, PoolClient } from "pg";
import { DatabaseError, databaseErrors } from "./errors.ts";
import { clientConfig, type PostgresOptions } from "./postgres-config.ts";
import { failure, isClash, isViolation, leavesConnection, wrap } from "./postgres-errors.ts";
import type { SqlRow, SqlValue } from "./sql.ts";
import { type Statement, Statements } from "./statements.ts";
import { Turns } from "./turns.ts";

/** Open connections to a server. Throws ERR_DATABASE_OPEN when it cannot be reached or the database is not in UTF-8. */
export async function openConnections(options: PostgresOptions): Promise<Connections> {
  const description = `${options.database} at ${options.host}:${options.port}`;
  try {
    return await open(options, description);
  } catch (error) {
    if (options.tls && !options.tls.required && isWithoutTls(error))
      return openConnections({ ...options, tls: undefined });
    throw error instanceof DatabaseError
      ? error
      : wrap(databaseErrors.OPEN, `cannot open the PostgreSQL database ${description}`, error);
  }
}

/** The driver's words for a server that answers a request for TLS with no. */
function isWithoutTls(error: unknown): boolean {
  return error instanceof Error && error.message === "The server does not support SSL connections";
}

async function open(options: PostgresOptions, description: string): Promise<Connections> {
  const { Client, Pool } = (await import("pg")).default;
  const config = clientConfig(options);
  /** The driver leaves a connection open for which there was no password, and the server waits for that. */
  class EndingClient extends Client {
    override connect(): Promise<Client>;
    override connect(callback: (error: Error) => void): void;
    override connect(callback?: (error: Error) => void): Promise<Client> | undefined {
      if (!callback) return super.connect();
      super.connect((error: Error) => {
        if (error) this.end().catch(() => {});
        callback(error);
      });
    }
  }
  const pool = new Pool({
    ...config,
    Client: EndingClient,
    max: options.maxConnections,
    idleTimeoutMillis: options.idleTimeoutMs,
  });
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
  return new Connections(pool, description, options, () => new Client(config));
}

type Values = readonly (SqlValue | readonly SqlValue[])[];

/** The connections of this process to one server, and who may use them when. */
export class Connections {
  readonly description: string;
  /** Makes an unopened connection that is none of these. */
  readonly connect: () => Client;
  readonly #pool: Pool;
  readonly #options: PostgresOptions;
  readonly #turns: Turns | undefined;
  readonly #statements = new Statements();
  /** Connections in use that must not be used again. */
  readonly #broken = new WeakSet<PoolClient>();

  constructor(pool: Pool, description: string, options: PostgresOptions, connect: () => Client) {
    this.#pool = pool;
    this.#options = options;
    this.#turns = options.turns && new Turns(options.turns);
    this.description = description;
    this.connect = connect;
  }

  /**
   * Do this work with a connection when its turn comes. Throws ERR_DATABASE_FAILED when it does not, there is none, or as many
   * wait for one as may; work that `mustWait` waits all the same.
   */
  async use<T>(work: (client: PoolClient) => Promise<T>, mustWait = false): Promise<T> {
    const turns = this.#turns;
    if (!turns) return this.#withClient(work, mustWait);
    if (!(await turns.take())) {
      const { count, timeoutMs } = this.#options.turns!;
      throw this.#failure(
        `none of the ${count} turns of pg_max_concurrent_queries came within pg_semaphore_timeout (${timeoutMs} ms)`,
      );
    }
    try {
      return await this.#withClient(work, mustWait);
    } finally {
      turns.give();
    }
  }

  async #withClient<T>(work: (client: PoolClient) => Promise<T>, mustWait: boolean): Promise<T> {
    if (!mustWait && this.#isOverrun()) {
      const { maxConnections, maxWaiting } = this.#options;
      throw this.#failure(
        `all ${maxConnections} connections of pg_pool_size are in use, and the ${maxWaiting} of pg_backlog wait for one`,
      );
    }
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

  /** Whether one more would wait who may not. Who is about to get a connection that is free counts among the waiting, too. */
  #isOverrun(): boolean {
    const { maxConnections, maxWaiting } = this.#options;
    if (maxWaiting === undefined) return false;
    const { waitingCount, idleCount, totalCount } = this.#pool;
    return waitingCount >= maxWaiting + idleCount + maxConnections - totalCount;
  }

  #failure(reason: string): DatabaseError {
    return failure(this.description, new Error(reason));
  }

  /** Run a statement, with `?` in the places of the values, that is kept prepared. */
  run(client: PoolClient, sql: string, values?: Values): Promise<readonly SqlRow[]> {
    return this.query(client, this.#statements.of(sql), values);
  }

  async query(
    client: PoolClient,
    statement: Statement,
    values: Values = [],
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

  /** Not to use a connection again when its work is done. */
  discard(client: PoolClient): void {
    this.#broken.add(client);
  }

  close(): Promise<void> {
    return this.#pool.end();
  }
}
