import type { SqlClient } from "../../../session/index.ts";
import { BATCH, decodeEntry, encodeEntry, type LogReader, LookBack, type RevocationLog } from "./log.ts";

export interface SqlLogOptions {
  readonly client: SqlClient;
  /** The table of the sessions; that of the log has its name with `_revoked`. */
  readonly table?: string | undefined;
  /** Whether the table is created if it is missing; else the operator does it. */
  readonly ensureTables?: boolean | undefined;
  readonly name: string;
}

interface SqlLogDialect {
  readonly createTable: string;
  /** name, entry, exp */
  readonly insert: string;
  /** name, id; answers id and entry, by id */
  readonly select: string;
  /** name, exp, id; answers id */
  readonly selectExpired: string;
  /** name */
  deleteSome(ids: string): string;
}

/** How probable it is that an append deletes some of what has expired. */
const CLEAN_UP = 1 / 100;
/** Seconds for which what has ended stays: others may see it by another clock. */
const SLACK = 3_600;
/** No database gives out more ids to all who write to this table. */
const MOST_IN_A_SECOND = 10_000;
/** One lock for all that create this table at the same time: `IF NOT EXISTS` alone does not keep them apart. */
const LOCK = 7_370_602;

/** How far the table was read, and until when the entry with the greatest id counts. */
interface Place {
  readonly back: LookBack;
  latestEnds: number;
}

/**
 * What is revoked, in a table of SQL beside that of the sessions:
 *
 *   <table>_revoked   (name, id) -> entry, exp
 *
 * Each append is a statement, and a transaction, of its own. When the greatest id is not there any more, the table is not what it was:
 * a clean-up takes only lesser ones, of what has ended.
 */
function sqlLog(dialect: SqlLogDialect, { client, ensureTables, name }: SqlLogOptions): RevocationLog {
  let created: Promise<unknown> | undefined;
  let place: Place | undefined;

  async function query(sql: string, ...values: (string | number)[]) {
    if (!ensureTables) return client.query(sql, values);
    try {
      await (created ??= client.query(dialect.createTable, []));
      return await client.query(sql, values);
    } catch (error) {
      created = undefined;
      throw error;
    }
  }

  async function cleanUp(now: number): Promise<void> {
    if (!place) return;
    // Only by their ids, so that no lock is in the way of what comes in.
    const expired = await query(dialect.selectExpired, name, now - SLACK, place.back.from);
    const ids = expired.map(({ id }) => Number(id)).filter(Number.isSafeInteger);
    if (ids.length > 0) await query(dialect.deleteSome(ids.join()), name);
  }

  /** Hand over the entries from this id on. The greatest id and its end, and whether an id that was seen is there. */
  async function readFrom(id: number, reader: LogReader, seen = 0) {
    const found = { id: 0, ends: 0, isThere: false };
    for (let next = id; ; next = found.id + 1) {
      const rows = await query(dialect.select, name, next);
      for (const row of rows) {
        const entry = decodeEntry(row.entry);
        if (entry) reader.found(entry);
        found.id = Number(row.id);
        found.ends = entry?.expires ?? 0;
        if (found.id === seen) found.isThere = true;
      }
      if (rows.length < BATCH) return found;
    }
  }

  return {
    async append(revocation, now) {
      await query(dialect.insert, name, encodeEntry(revocation), Math.ceil(revocation.expires));
      if (Math.random() < CLEAN_UP) void cleanUp(now).catch(() => undefined);
    },
    async read(reader, now) {
      const beganMs = performance.now();
      const known = place;
      if (known) {
        const { back } = known;
        const found = await readFrom(back.from, reader, back.latest);
        if (found.id >= back.latest && (found.isThere || known.latestEnds < now)) {
          if (found.id > back.latest) known.latestEnds = found.ends;
          back.advance(found.id, beganMs);
          return;
        }
      }
      reader.anew();
      place = undefined;
      const { id, ends } = await readFrom(0, reader);
      place = { back: new LookBack(id, MOST_IN_A_SECOND), latestEnds: ends };
    },
  };
}

const tableOf = (table = "sessions"): string => `${table}_revoked`;

/** In MySQL or MariaDB. */
export function mysqlLog(options: SqlLogOptions): RevocationLog {
  const log = tableOf(options.table);
  return sqlLog(
    {
      createTable: `CREATE TABLE IF NOT EXISTS ${log} (
        name VARCHAR(255), id BIGINT AUTO_INCREMENT, entry MEDIUMTEXT, exp BIGINT,
        PRIMARY KEY (name, id), INDEX (id), INDEX (name, exp)
      ) ENGINE = InnoDB CHARACTER SET ascii COLLATE ascii_bin`,
      insert: `INSERT INTO ${log} (name, entry, exp) VALUES (?, ?, ?)`,
      select: `SELECT id, entry FROM ${log} WHERE name = ? AND id >= ? ORDER BY id LIMIT ${BATCH}`,
      selectExpired: `SELECT id FROM ${log} WHERE name = ? AND exp < ? AND id < ? ORDER BY exp LIMIT ${BATCH}`,
      deleteSome: (ids) => `DELETE FROM ${log} WHERE name = ? AND id IN (${ids})`,
    },
    options,
  );
}

/** In PostgreSQL. To create the table, the client must take several statements at once. */
export function postgresLog(options: SqlLogOptions): RevocationLog {
  const log = tableOf(options.table);
  return sqlLog(
    {
      // An index of its own would be made under a lock that waits for all who write.
      createTable: `SELECT pg_advisory_xact_lock(${LOCK});
        CREATE TABLE IF NOT EXISTS ${log} (
          name TEXT, id BIGINT GENERATED ALWAYS AS IDENTITY, entry TEXT, exp BIGINT,
          PRIMARY KEY (name, id), UNIQUE (name, exp, id)
        );`,
      insert: `INSERT INTO ${log} (name, entry, exp) VALUES ($1, $2, $3)`,
      select: `SELECT id, entry FROM ${log} WHERE name = $1 AND id >= $2 ORDER BY id LIMIT ${BATCH}`,
      selectExpired: `SELECT id FROM ${log} WHERE name = $1 AND exp < $2 AND id < $3 ORDER BY exp LIMIT ${BATCH}`,
      deleteSome: (ids) => `DELETE FROM ${log} WHERE name = $1 AND id IN (${ids})`,
    },
    options,
  );
}
