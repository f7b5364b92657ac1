import { setTimeout as pause } from "node:timers/promises";
import type { PoolClient } from "pg";
import type { PostgresOptions } from "./postgres-config.ts";
import { type Connections, openConnections } from "./postgres-connections.ts";
import type { Executor, SqlRow, SqlValue } from "./sql.ts";

/** How far a read waits for a standby that is behind; a change that has all read anew is to be everywhere within 100 ms. */
const PATIENCE_MS = 50;
const POLL_MS = 5;

/**
 * Where the primary is: everything that it shows is in its log before that. A commit that waits for the disk is shown after it
 * has been there; one that does not wait may be shown before.
 */
const POSITION = `SELECT CASE current_setting('synchronous_commit') WHEN 'off' THEN pg_current_wal_insert_lsn()
  ELSE pg_current_wal_flush_lsn() END::text AS lsn, system_identifier::text AS system FROM pg_control_system()`;
/** Whether a server is a standby of that primary, and has come so far. */
const STANDING = `SELECT pg_is_in_recovery() AND system_identifier::text = ? AS "isStandby",
  coalesce(pg_last_wal_replay_lsn() >= ?::pg_lsn, false) AS "isCurrent" FROM pg_control_system()`;

/**
 * Reads on a standby of the primary, and on the primary when that fails or is too far behind: a read shows everything that was
 * committed before it was asked for, as on the primary itself. Both answers come over one connection, as the name of the replica
 * may mean several servers.
 */
export class Replica implements Executor {
  readonly #primary: Executor;
  readonly #options: PostgresOptions;
  readonly #onReplica: PostgresOptions["onReplica"];
  #connections: Promise<Connections> | undefined;
  /** At first there is nobody yet whom a longer wait could harm. */
  #patienceMs: number;
  #isLost = false;

  constructor(primary: Executor, options: PostgresOptions, onReplica: PostgresOptions["onReplica"]) {
    this.#primary = primary;
    this.#options = options;
    this.#onReplica = onReplica;
    this.#patienceMs = options.timeoutMs;
  }

  async execute(sql: string, values?: readonly SqlValue[]): Promise<readonly SqlRow[]> {
    try {
      const rows = await this.#read(sql, values);
      if (this.#isLost) this.#onReplica?.("restored");
      this.#isLost = false;
      return rows;
    } catch (error) {
      if (!this.#isLost) this.#onReplica?.("lost", error);
      this.#isLost = true;
      return await this.#primary.execute(sql, values);
    } finally {
      this.#patienceMs = PATIENCE_MS;
    }
  }

  async close(): Promise<void> {
    await this.#connections?.then((connections) => connections.close()).catch(() => {});
  }

  /** Rejects when the standby cannot be sure of it in time; the read itself may take as long as a statement may. */
  async #read(sql: string, values?: readonly SqlValue[]): Promise<readonly SqlRow[]> {
    const [position] = await this.#primary.execute(POSITION);
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(new Error("it is too far behind, or does not answer")), this.#patienceMs);
    const isLate = new Promise<never>((_, reject) => {
      late.signal.addEventListener("abort", () => reject(late.signal.reason));
    });
    const reading = this.#open().then((connections) =>
      connections.use(async (client) => {
        await this.#catchUp(connections, client, [position!["system"]!, position!["lsn"]!], late.signal);
        clearTimeout(timer);
        return connections.run(client, sql, values);
      }),
    );
    try {
      return await Promise.race([reading, isLate]);
    } finally {
      clearTimeout(timer);
      reading.catch(() => {});
    }
  }

  async #catchUp(
    connections: Connections,
    client: PoolClient,
    position: readonly SqlValue[],
    late: AbortSignal,
  ): Promise<void> {
    for (;;) {
      const [standing] = await connections.run(client, STANDING, position);
      late.throwIfAborted();
      if (!isTrue(standing!["isStandby"])) throw new Error(`${connections.description} is no standby of the primary`);
      if (isTrue(standing!["isCurrent"])) return;
      await pause(POLL_MS, undefined, { signal: late });
    }
  }

  #open(): Promise<Connections> {
    this.#connections ??= openConnections(this.#options).catch((error: unknown) => {
      this.#connections = undefined;
      throw error;
    });
    return this.#connections;
  }
}

/** Booleans come as PostgreSQL writes them. */
function isTrue(value: SqlValue | undefined): boolean {
  return value === "t";
}
