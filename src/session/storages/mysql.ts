import { type SqlStorageOptions, sqlStorage, tableNames } from "./sql.ts";

/** Bytes of the largest MEDIUMTEXT, and characters of the names in the tables. */
const LARGEST_RECORD = 2 ** 24 - 1;
const LONGEST_NAME = 255;
const ASCII = /^[\0-\x7f]*$/;

/** What MySQL and MariaDB answer to a deadlock. */
const ER_LOCK_DEADLOCK = 1213;

/**
 * Sessions in MySQL or MariaDB (SPEC-session-v4 §9.5). Times are written as UTC: with lua-resty-session on the same table, its
 * session time zone must be UTC too.
 */
export function mysqlStorage(options: SqlStorageOptions) {
  const { table, meta } = tableNames(options);
  return sqlStorage(
    {
      time: (seconds) => new Date(seconds * 1000).toISOString().slice(0, 19).replace("T", " "),
      isRepeatable: (error) => (error as { errno?: number }).errno === ER_LOCK_DEADLOCK,
      // A server that is not strict would cut texts, and write what is not ASCII as question marks.
      check(value, index) {
        if (!ASCII.test(value) || value.length > LARGEST_RECORD) {
          throw new Error(`a record in MySQL must be ASCII of at most ${LARGEST_RECORD} characters`);
        }
        for (const name of index ? [index.audience, index.subject] : []) {
          if (ASCII.test(name) && name.length <= LONGEST_NAME) continue;
          throw new Error(`audience and subject in MySQL must be ASCII of at most ${LONGEST_NAME} characters`);
        }
      },
      createTables: [
        `CREATE TABLE IF NOT EXISTS ${table} (
           sid CHAR(43) PRIMARY KEY, name VARCHAR(255), data MEDIUMTEXT, exp DATETIME, INDEX (exp)
         ) ENGINE = InnoDB CHARACTER SET ascii COLLATE ascii_bin`,
        `CREATE TABLE IF NOT EXISTS ${meta} (
           aud VARCHAR(255), sub VARCHAR(255), sid CHAR(43), PRIMARY KEY (aud, sub, sid), INDEX (sid),
           FOREIGN KEY (sid) REFERENCES ${table} (sid) ON DELETE CASCADE ON UPDATE CASCADE
         ) ENGINE = InnoDB CHARACTER SET ascii COLLATE ascii_bin`,
      ],
      upsert: `INSERT INTO ${table} (sid, name, data, exp) VALUES (?, ?, ?, ?)
        ON DUPLICATE KEY UPDATE data = VALUES(data), exp = VALUES(exp)`,
      note: `INSERT INTO ${table} (sid, name, data, exp) VALUES (?, ?, ?, ?) ON DUPLICATE KEY UPDATE sid = sid`,
      join: `INSERT INTO ${meta} (aud, sub, sid) VALUES (?, ?, ?) ON DUPLICATE KEY UPDATE sid = VALUES(sid)`,
      leave: `DELETE FROM ${meta} WHERE sid = ?`,
      shorten: `UPDATE ${table} SET exp = ? WHERE sid = ? AND exp > ?`,
      select: `SELECT data FROM ${table} WHERE sid = ? AND name = ? AND exp >= ?`,
      delete: `DELETE FROM ${table} WHERE sid = ?`,
      list: `SELECT m.aud, m.sub, m.sid, TIMESTAMPDIFF(SECOND, '1970-01-01 00:00:00', s.exp) AS exp
        FROM ${meta} m JOIN ${table} s ON s.sid = m.sid
        WHERE m.aud = ? AND m.sub = ? AND s.name = ? AND s.exp >= ?`,
      cleanUp: `DELETE FROM ${table} WHERE exp < ?`,
    },
    options,
  );
}
