import type { SessionIndex, SessionStorage, SessionWrite } from "../storage.ts";
import { type SqlClient, type SqlStorageOptions, tableNames } from "./sql.ts";

export interface CassandraStorageOptions extends Omit<SqlStorageOptions, "client" | "cleanUpProbability"> {
  /** Takes CQL. Its reads must see what its writes have written: the two consistencies overlap. */
  readonly client: SqlClient;
}

/** Five years: no session is meant to be longer, and many servers know no time beyond January 2038. */
const LONGEST_TTL = 157_680_000;

/**
 * Sessions in a table of Cassandra, and their indexes in another, one partition for each:
 *
 *   sessions       (name, sid) -> data, exp
 *   sessions_meta  (name, aud, sub) -> sid -> exp
 *
 * The caller's clock ends records, and the server's removes them a moment later. Whose rows these are is nobody else's matter:
 * lua-resty-session does not know Cassandra.
 */
export function cassandraStorage({ client, ensureTables = false, ...options }: CassandraStorageOptions) {
  const { table, meta } = tableNames({ client, ...options });
  let tables: Promise<void> | undefined;

  const createTables = [
    `CREATE TABLE IF NOT EXISTS ${table} (name text, sid text, data text, exp bigint, PRIMARY KEY ((name, sid)))`,
    `CREATE TABLE IF NOT EXISTS ${meta} (
       name text, aud text, sub text, sid text, exp bigint, PRIMARY KEY ((name, aud, sub), sid)
     )`,
  ];
  const cql = {
    insert: `INSERT INTO ${table} (name, sid, data, exp) VALUES (?, ?, ?, ?) USING TTL ?`,
    note: `INSERT INTO ${table} (name, sid, data, exp) VALUES (?, ?, ?, ?) IF NOT EXISTS USING TTL ?`,
    select: `SELECT data, exp FROM ${table} WHERE name = ? AND sid = ?`,
    // It makes no record of one that was deleted meanwhile: that needs data, too.
    shorten: `UPDATE ${table} USING TTL ? SET exp = ? WHERE name = ? AND sid = ?`,
    delete: `DELETE FROM ${table} WHERE name = ? AND sid = ?`,
    join: `INSERT INTO ${meta} (name, aud, sub, sid, exp) VALUES (?, ?, ?, ?, ?) USING TTL ?`,
    leave: `DELETE FROM ${meta} WHERE name = ? AND aud = ? AND sub = ? AND sid = ?`,
    list: `SELECT sid, exp FROM ${meta} WHERE name = ? AND aud = ? AND sub = ?`,
  };

  async function create(): Promise<void> {
    try {
      for (const statement of createTables) await client.query(statement, []);
    } catch (error) {
      tables = undefined;
      throw error;
    }
  }

  async function query(statement: string, ...values: (string | number)[]) {
    if (ensureTables) await (tables ??= create());
    return client.query(statement, values);
  }

  /** The record, if it lives. */
  async function find(name: string, key: string, now: number) {
    const [row] = await query(cql.select, name, key);
    if (typeof row?.data !== "string" || row.exp == null) return undefined;
    const expires = Number(row.exp);
    return expires >= now ? { data: row.data, expires } : undefined;
  }

  async function outdate(name: string, key: string, { now, stale_ttl = 0 }: SessionWrite): Promise<void> {
    const old = await find(name, key, now);
    if (old && old.expires > now + stale_ttl) await query(cql.shorten, life(stale_ttl), now + stale_ttl, name, key);
  }

  const leave = (name: string, key: string, indexes: readonly SessionIndex[]) =>
    Promise.all(indexes.map(({ audience, subject }) => query(cql.leave, name, audience, subject, key)));

  return {
    async get(name: string, key: string, now: number): Promise<string | undefined> {
      return (await find(name, key, now))?.data;
    },
    async set(name: string, key: string, value: string, write: SessionWrite): Promise<void> {
      const { now, ttl, replaces, metadata = [] } = write;
      const expires = now + ttl;
      await query(cql.insert, name, key, value, expires, life(ttl));
      await Promise.all(
        metadata.map(({ audience, subject }) => query(cql.join, name, audience, subject, key, expires, life(ttl))),
      );
      if (replaces === undefined) return;
      await leave(name, replaces, metadata);
      // The old record comes last: when something failed before, it is all the visitor has.
      await outdate(name, replaces, write);
    },
    async delete(name: string, key: string, _now: number, metadata: readonly SessionIndex[] = []): Promise<void> {
      await Promise.all([query(cql.delete, name, key), leave(name, key, metadata)]);
    },
    async noteSuccessor(
      name: string,
      key: string,
      note: string,
      { now, ttl }: Pick<SessionWrite, "now" | "ttl">,
    ): Promise<string> {
      const [kept] = await query(cql.note, `${name}:successor`, key, note, now + ttl, life(ttl));
      // What was there already is answered; of what is new nothing.
      return typeof kept?.data === "string" && Number(kept.exp) >= now ? kept.data : note;
    },
    async list(name: string, { audience, subject }: SessionIndex, now: number): Promise<Map<string, number>> {
      const rows = await query(cql.list, name, audience, subject);
      const entries = rows.map(({ sid, exp }) => [String(sid), Number(exp)] as const);
      return new Map(entries.filter(([, expires]) => expires >= now));
    },
  } satisfies SessionStorage;
}

/** A record is there up to and including its last second; 0 would mean for ever. */
const life = (seconds: number): number => Math.min(Math.ceil(seconds) + 1, LONGEST_TTL);
