import type { Awaitable } from "../schema/index.ts";
import type { Link } from "./link.ts";
import type { Table } from "./tables.ts";

export type SqlValue = string | number | null;
export type SqlRow = { readonly [column: string]: SqlValue };

/** Runs one statement; `?` stands for the values in turn. SQL is kept to what SQLite and PostgreSQL share. */
export interface Executor {
  execute(sql: string, values?: readonly SqlValue[]): Awaitable<readonly SqlRow[]>;
}

/** Runs statements within one transaction. */
export interface Transaction extends Executor {
  /** Add rows to a table, each with a value for each of its columns, in as few statements as the database can. */
  insert(table: Pick<Table, "name" | "stored" | "columnList">, rows: readonly (readonly SqlValue[])[]): Awaitable<void>;
}

/** A connection that speaks SQL. Statements that fail throw `DatabaseError`, or what `brokenRule` knows. */
export interface Database extends Executor {
  /** For messages: the file, or host and name. */
  readonly description: string;
  readonly readOnly: boolean;
  /**
   * Run the work as one transaction: committed when it returns, rolled back when it throws. The work uses the executor
   * that it is given and no other. Transactions are isolated as if they ran one after the other; a work that clashed with
   * another is undone and run again.
   */
  transaction<T>(work: (tx: Transaction) => Awaitable<T>): Promise<T>;
  /** A transaction that changes tables: of all processes only one at a time is in such a one, however long it takes. */
  migration<T>(work: (tx: Executor) => Awaitable<T>): Promise<T>;
  /** Whether the error says that a statement broke a unique index or a foreign key. */
  isViolation(error: unknown): boolean;
  /** The statement that lists the columns of a table, named by its one value, as `name`. */
  readonly columnsOf: string;
  /** How the nodes on this database hear of each other's writes; absent where one process makes them all. */
  readonly link?: Link;
  /** Reads whole tables, perhaps elsewhere, with all that was committed before it is asked; absent: as everything is read. */
  readonly scans?: Executor;
  close(): Awaitable<void>;
}

/** A name in SQL. Names come from schemas, never from outside. */
export function quote(name: string): string {
  return `"${name}"`;
}
