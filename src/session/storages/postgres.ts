import { type SqlStorageOptions, sqlStorage, tableNames } from "./sql.ts";

/** One lock for all that create tables at the same time: `IF NOT EXISTS` alone does not keep them apart. */
const LOCK = 7_370_601;

/** What PostgreSQL answers to a deadlock and to a failed serialization. */
const REPEATABLE = new Set(["40P01", "40001"]);

/**
 * Sessions in PostgreSQL (SPEC-session-v4 §9.5). With lua-resty-session on the same table, its session time zone must be UTC.
 * To create tables, the client must take several statements at once.
 */
export function postgresStorage(options: SqlStorageOptions) {
  const { table, meta } = tableNames(options);
  const index = (of: string, column: string) => `${of.slice(of.indexOf(".") + 1)}_${column}`;
  return sqlStorage(
    {
      time: (seconds) => seconds,
      isRepeatable: (error) => REPEATABLE.has((error as { code?: string }).code ?? ""),
      createTables: [
        `SELECT pg_advisory_xact_lock(${LOCK});
         CREATE TABLE IF NOT EXISTS ${table} (
           sid TEXT PRIMARY KEY, name TEXT, data TEXT, exp TIMESTAMP WITH TIME ZONE
         );
         CREATE INDEX IF NOT EXISTS ${index(table, "exp_idx")} ON ${table} (exp);
         CREATE TABLE IF NOT EXISTS ${meta} (
           aud TEXT, sub TEXT, sid TEXT REFERENCES ${table} (sid) ON DELETE CASCADE ON UPDATE CASCADE,
           PRIMARY KEY (aud, sub, sid)
         );
         CREATE INDEX IF NOT EXISTS ${index(meta, "sid_idx")} ON ${meta} (sid);`,
      ],
      upsert: `INSERT INTO ${table} (sid, name, data, exp) VALUES ($1, $2, $3, to_timestamp($4))
        ON CONFLICT (sid) DO UPDATE SET data = EXCLUDED.data, exp = EXCLUDED.exp`,
      note: `INSERT INTO ${table} (sid, name, data, exp) VALUES ($1, $2, $3, to_timestamp($4)) ON CONFLICT DO NOTHING`,
      join: `INSERT INTO ${meta} (aud, sub, sid) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
      leave: `DELETE FROM ${meta} WHERE sid = $1`,
      shorten: `UPDATE ${table} SET exp = to_timestamp($1) WHERE sid = $2 AND exp > to_timestamp($3)`,
      select: `SELECT data FROM ${table} WHERE sid = $1 AND name = $2 AND exp >= to_timestamp($3)`,
      delete: `DELETE FROM ${table} WHERE sid = $1`,
      list: `SELECT m.aud, m.sub, m.sid, extract(epoch FROM s.exp)::bigint AS exp
        FROM ${meta} m JOIN ${table} s ON s.sid = m.sid
        WHERE m.aud = $1 AND m.sub = $2 AND s.name = $3 AND s.exp >= to_timestamp($4)`,
      cleanUp: `DELETE FROM ${table} WHERE exp < to_timestamp($1)`,
    },
    options,
  );
}
