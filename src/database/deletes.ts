import type { Change, Key } from "../entities/index.ts";
import { andThen, type Row, referencedByOthers, stillReferenced } from "../schema/index.ts";
import { conditionOf } from "./keys.ts";
import { selectRow } from "./reads.ts";
import { decode } from "./rows.ts";
import { quote } from "./sql.ts";
import type { Table } from "./tables.ts";
import { deleteTags } from "./tags.ts";
import { createReader, type Outcome, type WriteContext } from "./writes.ts";

/** Delete the row of a key and what cascades from it, each child before its parent. Throws code 4 where it may not go. */
export async function deleteRow(context: WriteContext, table: Table, key: Key): Promise<Outcome> {
  conditionOf(table, key);
  const row = await selectRow(context.tx, table, key, context.now);
  if (!row) return { answer: false, changes: [] };
  const reason = await table.entity.deleteGuard?.(row, createReader(context));
  if (reason !== undefined) throw referencedByOthers(reason);
  const changes: Change[] = [];
  await deleteTree(context, table, row, changes);
  return { answer: true, changes };
}

async function deleteTree(context: WriteContext, table: Table, row: Row, changes: Change[]): Promise<void> {
  for (const { table: child, column } of table.referrers) {
    const children = await referring(context, child, column.name, row.id);
    if (children.length === 0) continue;
    if (column.definition.type !== "foreign" || column.definition.on_delete !== "cascade") {
      throw stillReferenced(table.name, child.name);
    }
    for (const dependent of children) await deleteTree(context, child, dependent, changes);
  }
  await context.tx.execute(`DELETE FROM ${quote(table.name)} WHERE "id" = ?`, [row.id]);
  await deleteTags(context.tx, table, row.id);
  changes.push({ entity: table.name, operation: "delete", row });
}

/** Expired rows too, as they hold on to their parent. */
function referring({ tx, now }: WriteContext, table: Table, column: string, id: string) {
  const sql = `SELECT ${table.columnList} FROM ${quote(table.name)} WHERE ${quote(column)} = ? ORDER BY "id"`;
  return andThen(tx.execute(sql, [id]), (rows) => rows.map((stored) => decode(table, stored, now)));
}
