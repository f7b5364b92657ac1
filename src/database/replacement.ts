import type { Entity } from "../schema/index.ts";
import { encode, type StoredRow } from "./rows.ts";
import { type Database, type Executor, quote } from "./sql.ts";
import { createTables, inOrder, type Table } from "./tables.ts";
import { writeTags } from "./tags.ts";

/**
 * Have the database hold exactly these rows of these entities, in one transaction; rows of others stay, but for those that
 * cascade from what is gone. The rows are valid, and agree with each other. Nobody is told: `Stores.reset` is to follow.
 *
 *   1. Rows that nobody refers to go; in the others names and keys are cleared, so that two rows can swap theirs.
 *   2. All rows are written, parents first.
 *   3. What is not among them goes, children first.
 */
export async function replaceRows(
  database: Database,
  entities: readonly Entity[],
  rows: ReadonlyMap<Entity, readonly StoredRow[]>,
): Promise<void> {
  const replaced = new Map([...rows].map(([{ name }, of]) => [name, of]));
  const tables = inOrder(createTables(entities)).filter(({ name }) => replaced.has(name));
  await database.transaction(async (tx) => {
    for (const table of tables) await clear(tx, table);
    for (const table of tables) for (const row of replaced.get(table.name)!) await write(tx, table, row);
    for (const table of tables.toReversed()) await removeOthers(tx, table, replaced.get(table.name)!);
  });
}

async function clear(tx: Executor, table: Table): Promise<void> {
  if (table.hasTags) await tx.execute(`DELETE FROM "tags" WHERE "entity_name" = ?`, [table.name]);
  const unique = table.columns.filter(({ definition }) => definition.unique).map(({ name }) => `${quote(name)} = NULL`);
  if (table.referrers.length === 0) await tx.execute(`DELETE FROM ${quote(table.name)}`);
  else if (unique.length > 0) await tx.execute(`UPDATE ${quote(table.name)} SET ${unique.join(", ")}`);
}

async function write(tx: Executor, table: Table, stored: StoredRow): Promise<void> {
  const values = encode(table, stored);
  const set = table.stored.map(({ name }) => `${quote(name)} = excluded.${quote(name)}`);
  const sql =
    `INSERT INTO ${quote(table.name)} (${table.columnList}) VALUES (${values.map(() => "?").join(", ")})` +
    ` ON CONFLICT ("id") DO UPDATE SET ${set.join(", ")}`;
  await tx.execute(sql, values);
  await writeTags(tx, table, stored.row, undefined);
}

async function removeOthers(tx: Executor, table: Table, kept: readonly StoredRow[]): Promise<void> {
  const ids = new Set(kept.map(({ row }) => row.id.toLowerCase()));
  for (const { id } of await tx.execute(`SELECT "id" FROM ${quote(table.name)}`)) {
    if (!ids.has(String(id))) await tx.execute(`DELETE FROM ${quote(table.name)} WHERE "id" = ?`, [id!]);
  }
}
