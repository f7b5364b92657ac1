import { type Database, quote } from "./sql.ts";
import type { Table } from "./tables.ts";
import { deleteTags } from "./tags.ts";
import type { WriteContext } from "./writes.ts";

/** Expired rows that one sweep removes: twice what a write adds and more, and no pause that anyone would notice. */
const batch = 20;

/** Removes expired rows, some after each write that added one. Nobody is told, as they did not exist any more. */
export class Sweeper {
  readonly #database: Database;
  /** Tables that are being swept; writers beside each other would only be in each other's way. */
  readonly #busy = new Set<Table>();

  constructor(database: Database) {
    this.#database = database;
  }

  /** Remove the rows of this table that expired first. What fails is left to a later sweep: the write is committed. */
  async sweep(table: Table, now: number): Promise<void> {
    if (!table.entity.ttl || this.#busy.has(table)) return;
    this.#busy.add(table);
    try {
      const sql = `SELECT "id" FROM ${quote(table.name)} WHERE "ttl" <= ? ORDER BY "ttl" LIMIT ${batch}`;
      const expired = await this.#database.execute(sql, [now]);
      // Everybody takes rows in the same order, so that nobody waits in a circle.
      if (expired.length > 0) await this.#remove(table, expired.map(({ id }) => String(id)).sort(), now);
    } catch {
      return;
    } finally {
      this.#busy.delete(table);
    }
  }

  async #remove(table: Table, ids: readonly string[], now: number): Promise<void> {
    const places = ids.map(() => "?").join(", ");
    await this.#database.transaction(async (tx) => {
      // A row may have got a new life since it was found.
      const sql = `DELETE FROM ${quote(table.name)} WHERE "id" IN (${places}) AND "ttl" <= ? RETURNING "id"`;
      const removed = await tx.execute(sql, [...ids, now]);
      for (const { id } of removed) await deleteTags(tx, table, String(id));
    });
  }
}

/** Remove one expired row that is in the way of a new one. */
export async function removeExpired({ tx, now }: WriteContext, table: Table, id: string): Promise<void> {
  await tx.execute(`DELETE FROM ${quote(table.name)} WHERE "id" = ? AND "ttl" <= ?`, [id, now]);
  await deleteTags(tx, table, id);
}
