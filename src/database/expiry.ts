import { type Database, quote } from "./sql.ts";
import type { Table } from "./tables.ts";
import { deleteTags } from "./tags.ts";
import type { WriteContext } from "./writes.ts";

/** Expired rows that one sweep removes beyond twice the number of those that were added. */
const MORE = 18;
/** Rows of one statement. */
const TOGETHER = 20;
/** Seconds between sweeps of one table, while they find no more than they can remove. */
const PAUSE = 1;

/** Removes expired rows after others were added, more than those. Nobody is told, as they did not exist any more. */
export class Sweeper {
  readonly #database: Database;
  /** When tables were last swept empty. */
  readonly #clean = new Map<Table, number>();
  /** Tables that are being swept; writers beside each other would only be in each other's way. */
  readonly #busy = new Set<Table>();

  constructor(database: Database) {
    this.#database = database;
  }

  /**
   * Remove the rows of this table that expired first, after so many were added. What fails is left to a later sweep: the write
   * is committed.
   */
  async sweep(table: Table, added: number, now: number): Promise<void> {
    // A clock that is set does not stop the sweeps.
    if (!table.entity.ttl || this.#busy.has(table) || Math.abs(now - (this.#clean.get(table) ?? 0)) < PAUSE) return;
    this.#busy.add(table);
    try {
      const most = 2 * added + MORE;
      const sql = `SELECT "id" FROM ${quote(table.name)} WHERE "ttl" <= ? ORDER BY "ttl" LIMIT ?`;
      const expired = await this.#database.execute(sql, [now, most]);
      if (expired.length < most) this.#clean.set(table, now);
      // Everybody takes rows in the same order, so that nobody waits in a circle.
      if (expired.length > 0) await this.#remove(table, expired.map(({ id }) => String(id)).sort(), now);
    } catch {
      return;
    } finally {
      this.#busy.delete(table);
    }
  }

  async #remove(table: Table, ids: readonly string[], now: number): Promise<void> {
    await this.#database.transaction(async (tx) => {
      for (let from = 0; from < ids.length; from += TOGETHER) {
        const some = ids.slice(from, from + TOGETHER);
        const places = some.map(() => "?").join(", ");
        // A row may have got a new life since it was found.
        const sql = `DELETE FROM ${quote(table.name)} WHERE "id" IN (${places}) AND "ttl" <= ? RETURNING "id"`;
        const removed = await tx.execute(sql, [...some, now]);
        for (const { id } of removed) await deleteTags(tx, table, String(id));
      }
    });
  }
}

/** Remove one expired row that is in the way of a new one. */
export async function removeExpired({ tx, now }: WriteContext, table: Table, id: string): Promise<void> {
  await tx.execute(`DELETE FROM ${quote(table.name)} WHERE "id" = ? AND "ttl" <= ?`, [id, now]);
  await deleteTags(tx, table, id);
}
