import { quote } from "./sql.ts";
import type { Table } from "./tables.ts";
import { deleteTags } from "./tags.ts";
import type { WriteContext } from "./writes.ts";

/** Expired rows that one write removes: twice what it adds and more, and no pause that anyone would notice. */
const batch = 20;

/** Remove some expired rows, the oldest first. Nobody is told, as they did not exist any more. */
export async function sweep({ tx, now }: WriteContext, table: Table): Promise<void> {
  if (!table.entity.ttl) return;
  const sql = `SELECT "id" FROM ${quote(table.name)} WHERE "ttl" <= ? ORDER BY "ttl" LIMIT ${batch}`;
  const expired = await tx.execute(sql, [now]);
  if (expired.length === 0) return;
  const ids = expired.map(({ id }) => String(id));
  await tx.execute(`DELETE FROM ${quote(table.name)} WHERE "id" IN (${ids.map(() => "?").join(", ")})`, ids);
  for (const id of ids) await deleteTags(tx, table, id);
}

/** Remove one expired row that is in the way of a new one. */
export async function removeExpired({ tx, now }: WriteContext, table: Table, id: string): Promise<void> {
  await tx.execute(`DELETE FROM ${quote(table.name)} WHERE "id" = ? AND "ttl" <= ?`, [id, now]);
  await deleteTags(tx, table, id);
}
