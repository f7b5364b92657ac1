import { hash } from "node:crypto";
import { SessionError } from "../errors.ts";
import type { SessionIndex, SessionStorage, SessionWrite } from "../storage.ts";

export interface SqlClient {
  /** Execute one statement and answer its rows. Rejects for what the server refuses, and when no answer comes. */
  query(sql: string, values: readonly (string | number)[]): Promise<readonly Readonly<Record<string, unknown>>[]>;
}

export interface SqlStorageOptions {
  readonly client: SqlClient;
  /** `sessions` by default; a schema may stand before the name. */
  readonly table?: string | undefined;
  /** The table's name with `_meta` by default. */
  readonly table_meta?: string | undefined;
  /** Whether tables that are missing are created before the first use; else the operator does it. */
  readonly ensureTables?: boolean;
  /** How probable it is that a save or a removal deletes what has expired: 1 in 1000 by default. */
  readonly cleanUpProbability?: number;
}

/** How a database says it. The values of each statement are named beside it, in their order. */
export interface SqlDialect {
  /** A time in seconds since the epoch as a value for the column `exp`. */
  time(seconds: number): string | number;
  /** Throws when the columns cannot hold a text as it is. */
  check?(value: string, index?: SessionIndex): void;
  /** Whether a statement that failed so may succeed when it is repeated. */
  isRepeatable(error: unknown): boolean;
  readonly createTables: readonly string[];
  /** sid, name, data, exp */
  readonly upsert: string;
  /** sid, name, data, exp; nothing happens where the sid is taken */
  readonly note: string;
  /** aud, sub, sid */
  readonly join: string;
  /** sid */
  readonly leave: string;
  /** exp, sid, exp */
  readonly shorten: string;
  /** sid, name, time; answers data */
  readonly select: string;
  /** sid */
  readonly delete: string;
  /** aud, sub, name, time; answers aud, sub, sid, and exp as seconds since the epoch */
  readonly list: string;
  /** time */
  readonly cleanUp: string;
}

const TABLE = /^[A-Za-z_][\w$]*(?:\.[A-Za-z_][\w$]*)?$/;
const ATTEMPTS = 5;

/** The tables' names, unquoted as lua-resty-session writes them. Throws `ERR_SESSION_OPTION`. */
export function tableNames({ table, table_meta }: SqlStorageOptions): { table: string; meta: string } {
  const names = { table: table ?? "sessions", meta: table_meta ?? `${table ?? "sessions"}_meta` };
  for (const name of Object.values(names)) {
    if (TABLE.test(name)) continue;
    throw new SessionError(
      "ERR_SESSION_OPTION",
      `table and table_meta must be names, with a schema or without: ${name}`,
    );
  }
  return names;
}

/**
 * Sessions in a table of SQL, and their indexes in another (SPEC-session-v4 §9.5). The caller's clock ends records. Unlike in
 * lua-resty-session, every value is a parameter, a record is only found by its own cookie, and a replaced session leaves the
 * indexes at once. The note of a successor is a row like a record, under a name that no cookie has.
 */
export function sqlStorage(dialect: SqlDialect, options: SqlStorageOptions) {
  const { client, ensureTables = false, cleanUpProbability = 1 / 1000 } = options;
  let tables: Promise<void> | undefined;

  async function createTables(): Promise<void> {
    try {
      for (const statement of dialect.createTables) await client.query(statement, []);
    } catch (error) {
      tables = undefined;
      throw error;
    }
  }

  async function query(sql: string, ...values: (string | number)[]) {
    if (ensureTables) await (tables ??= createTables());
    // Others may hold what a statement needs, and need what it holds: one of them has to begin anew.
    for (let attempt = 1; ; attempt++) {
      try {
        return await client.query(sql, values);
      } catch (error) {
        if (attempt === ATTEMPTS || !dialect.isRepeatable(error)) throw error;
      }
    }
  }

  const cleanUp = async (now: number): Promise<void> => void (await query(dialect.cleanUp, dialect.time(now)));

  /** A visitor neither waits for a clean-up nor hears of its failure: it is only put off. */
  function cleanUpSometimes(now: number): void {
    if (Math.random() < cleanUpProbability) void cleanUp(now).catch(() => undefined);
  }

  async function get(name: string, key: string, now: number): Promise<string | undefined> {
    const [row] = await query(dialect.select, key, name, dialect.time(now));
    return typeof row?.data === "string" ? row.data : undefined;
  }

  return {
    get,
    async set(name: string, key: string, value: string, write: SessionWrite): Promise<void> {
      const { now, ttl, replaces, stale_ttl = 0, metadata = [] } = write;
      dialect.check?.(value);
      for (const index of metadata) dialect.check?.("", index);
      await query(dialect.upsert, key, name, value, dialect.time(now + ttl));
      for (const { audience, subject } of metadata) await query(dialect.join, audience, subject, key);
      if (replaces !== undefined) {
        if (metadata.length > 0) await query(dialect.leave, replaces);
        // The old record comes last: when something failed before, it is all the visitor has.
        const end = dialect.time(now + stale_ttl);
        await query(dialect.shorten, end, replaces, end);
      }
      cleanUpSometimes(now);
    },
    async delete(_name: string, key: string, now: number): Promise<void> {
      await query(dialect.delete, key);
      cleanUpSometimes(now);
    },
    async noteSuccessor(
      name: string,
      key: string,
      note: string,
      { now, ttl }: Pick<SessionWrite, "now" | "ttl">,
    ): Promise<string> {
      dialect.check?.(note);
      const [noteName, noteKey] = [`${name}:successor`, hash("sha256", `successor of ${key}`, "base64url")];
      await query(dialect.note, noteKey, noteName, note, dialect.time(now + ttl));
      return (await get(noteName, noteKey, now)) ?? note;
    },
    async list(name: string, { audience, subject }: SessionIndex, now: number): Promise<Map<string, number>> {
      const rows = await query(dialect.list, audience, subject, name, dialect.time(now));
      // A table that was created without care for it may take upper and lower case for the same.
      const own = rows.filter(({ aud, sub }) => aud === audience.toWellFormed() && sub === subject.toWellFormed());
      return new Map(own.map(({ sid, exp }) => [String(sid), Number(exp)]));
    },
    /** Delete what has expired. */
    cleanUp,
  } satisfies SessionStorage & { cleanUp: unknown };
}
