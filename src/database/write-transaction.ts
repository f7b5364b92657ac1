import { type Awaitable, andThen, type Row } from "../schema/index.ts";
import { Conflict } from "./conflicts.ts";
import { type Database, type Executor, quote, type SqlRow, type SqlValue, type Transaction } from "./sql.ts";
import type { Table } from "./tables.ts";

/** Rows that are to be added to one table. */
interface Additions {
  readonly rows: Row[];
  readonly values: (readonly SqlValue[])[];
}

/**
 * The statements of one or several writes in one transaction. Rows to be added are held back until something else is asked of
 * the database, or until the end, so that the rows of one table go there together. A broken rule is a `Conflict`; of several
 * rows that were added together, it does not tell whose.
 */
export class WriteTransaction implements Executor {
  readonly #transaction: Transaction;
  readonly #database: Database;
  readonly #additions = new Map<Table, Additions>();

  constructor(transaction: Transaction, database: Database) {
    this.#transaction = transaction;
    this.#database = database;
  }

  execute(sql: string, values?: readonly SqlValue[]): Awaitable<readonly SqlRow[]> {
    if (this.#additions.size === 0) return this.#transaction.execute(sql, values);
    return andThen(this.flush(), () => this.#transaction.execute(sql, values));
  }

  /** Add a row with these values of its columns. */
  add(table: Table, row: Row, values: readonly SqlValue[]): void {
    let additions = this.#additions.get(table);
    if (!additions) this.#additions.set(table, (additions = { rows: [], values: [] }));
    additions.rows.push(row);
    additions.values.push(values);
  }

  /** Replace the row of this id. */
  async replace(table: Table, row: Row, values: readonly SqlValue[], id: string): Promise<void> {
    const assignments = table.stored.map(({ name }) => `${quote(name)} = ?`);
    const sql = `UPDATE ${quote(table.name)} SET ${assignments.join(", ")} WHERE "id" = ?`;
    await this.flush();
    try {
      await this.#transaction.execute(sql, [...values, id]);
    } catch (error) {
      throw this.#database.isViolation(error) ? new Conflict(table, row, false, error) : error;
    }
  }

  /** Send what was held back; to be called at the end. Tables are filled in the order in which they were first added to. */
  async flush(): Promise<void> {
    for (const [table, { rows, values }] of this.#additions) {
      this.#additions.delete(table);
      try {
        await this.#transaction.insert(table, values);
      } catch (error) {
        throw this.#database.isViolation(error) ? new Conflict(table, rows[0]!, true, error) : error;
      }
    }
  }
}
