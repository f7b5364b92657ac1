import { writeFileSync } from "node:fs";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { Awaitable } from "../schema/index.ts";
import { DatabaseError, databaseErrors } from "./errors.ts";
import { type Database, type Executor, quote, type SqlRow, type SqlValue, type Transaction } from "./sql.ts";

export interface SqliteOptions {
  /** Path of the file, made with mode 0600 if it is not there; `:memory:` for a database that ends with the process. */
  readonly file: string;
  /** For processes that only read a file which another one writes. */
  readonly readOnly?: boolean;
}

/**
 * Open an SQLite database. One process writes, any number read: the write-ahead log lets them go on beside each other.
 *
 * `synchronous` is NORMAL: a commit is safe from the death of the process at once, and from a power cut with the next
 * checkpoint; such a cut can cost the last commits but never the file. FULL would cost a sync of the disk per login.
 *
 * Throws ERR_DATABASE_OPEN or ERR_DATABASE_FORMAT.
 */
export function openSqlite({ file, readOnly = false }: SqliteOptions): Database {
  const inMemory = file === ":memory:";
  try {
    // The log and its index take over the mode of the file.
    if (!inMemory && !readOnly) create(file);
    const db = new DatabaseSync(file, { readOnly, enableForeignKeyConstraints: true, timeout: 5000 });
    if (!readOnly) {
      db.exec("PRAGMA journal_mode = WAL");
      // 16 MB of log: pages that many writes have changed go into the file once, and the disk is synced less often.
      db.exec("PRAGMA wal_autocheckpoint = 4000");
    }
    db.exec("PRAGMA synchronous = NORMAL");
    db.prepare("SELECT COUNT(*) FROM sqlite_schema").get();
    return new Sqlite(db, file, readOnly);
  } catch (error) {
    throw openError(file, error);
  }
}

/** A file that exists is not even opened: closing it again would take away the locks that this process has on it. */
function create(file: string): void {
  try {
    writeFileSync(file, "", { flag: "wx", mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

/** Result codes of SQLite, https://www.sqlite.org/rescode.html */
const SQLITE_TOOBIG = 18;
const SQLITE_CONSTRAINT = 19;
const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;

function resultCode(error: unknown): number | undefined {
  const code = (error as { errcode?: unknown }).errcode;
  return typeof code === "number" ? code & 0xff : undefined;
}

function openError(file: string, error: unknown): DatabaseError {
  const code = resultCode(error);
  if (code === SQLITE_NOTADB || code === SQLITE_CORRUPT) {
    return new DatabaseError(databaseErrors.FORMAT, `${file} is not an SQLite database, or it is damaged`, error);
  }
  const why = error instanceof Error ? error.message : String(error);
  return new DatabaseError(databaseErrors.OPEN, `cannot open the database ${file}: ${why}`, error);
}

/** Statements kept prepared; far more than the store uses. */
const maxStatements = 500;

class Sqlite implements Database {
  readonly description: string;
  readonly readOnly: boolean;
  readonly columnsOf = "SELECT name FROM pragma_table_info(?)";
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  readonly #inside: Transaction = {
    execute: (sql, values) => this.#run(sql, values),
    insert: ({ name, stored, columnList }, rows) => {
      const sql = `INSERT INTO ${quote(name)} (${columnList}) VALUES (${stored.map(() => "?").join(", ")})`;
      for (const row of rows) this.#run(sql, row);
    },
  };
  /** The end of the last transaction that was asked for. */
  #last: Promise<unknown> = Promise.resolve();
  /** The end of the transaction that is under way. */
  #open: Promise<unknown> | undefined;

  constructor(db: DatabaseSync, description: string, readOnly: boolean) {
    this.#db = db;
    this.description = description;
    this.readOnly = readOnly;
  }

  /** A read waits for an open transaction, as it would see what may yet be rolled back; else it answers at once. */
  execute(sql: string, values?: readonly SqlValue[]): Awaitable<readonly SqlRow[]> {
    return this.#open ? this.#open.then(() => this.execute(sql, values)) : this.#run(sql, values);
  }

  transaction<T>(work: (tx: Transaction) => Awaitable<T>): Promise<T> {
    const result = this.#last.then(() => {
      const running = this.#transact(work);
      const close = () => {
        this.#open = undefined;
      };
      this.#open = running.then(close, close);
      return running;
    });
    this.#last = result.then(noop, noop);
    return result;
  }

  migration<T>(work: (tx: Executor) => Awaitable<T>): Promise<T> {
    return this.transaction(work);
  }

  async #transact<T>(work: (tx: Transaction) => Awaitable<T>): Promise<T> {
    try {
      this.#run("BEGIN IMMEDIATE");
      const result = await work(this.#inside);
      this.#run("COMMIT");
      return result;
    } catch (error) {
      if (this.#db.isTransaction) this.#run("ROLLBACK");
      throw error;
    }
  }

  #run(sql: string, values: readonly SqlValue[] = []): readonly SqlRow[] {
    try {
      let statement = this.#statements.get(sql);
      if (!statement) {
        if (this.#statements.size >= maxStatements) this.#statements.clear();
        this.#statements.set(sql, (statement = this.#db.prepare(sql)));
      }
      return statement.all(...values) as unknown as readonly SqlRow[];
    } catch (error) {
      if (this.isViolation(error)) throw error;
      const why = error instanceof Error ? error.message : String(error);
      const code = resultCode(error) === SQLITE_TOOBIG ? databaseErrors.REFUSED : databaseErrors.FAILED;
      throw new DatabaseError(code, `the database ${this.description} failed: ${why}`, error);
    }
  }

  isViolation(error: unknown): boolean {
    return resultCode(error) === SQLITE_CONSTRAINT;
  }

  close(): void {
    this.#statements.clear();
    this.#db.close();
  }
}

function noop(): void {}
