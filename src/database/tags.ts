import type { Page, TagRow } from "../entities/index.ts";
import { type Awaitable, andThen, type Row } from "../schema/index.ts";
import { decodeOffset, encodeOffset, pageSize } from "./offsets.ts";
import { type Executor, quote, type SqlRow, type SqlValue } from "./sql.ts";
import type { Table, Tables } from "./tables.ts";

export interface TagsQuery {
  readonly tag?: string;
  readonly size?: number;
  readonly offset?: string;
}

/** Uses of tags by living rows, in the order of entity ids. */
export function selectTags(executor: Executor, tables: Tables, query: TagsQuery, now: number): Awaitable<Page<TagRow>> {
  const size = pageSize(query.size);
  const conditions: string[] = [];
  const values: SqlValue[] = [];
  if (query.tag !== undefined) {
    conditions.push(`"tag" = ?`);
    values.push(query.tag);
  }
  for (const { name, entity, hasTags } of tables.values()) {
    if (!entity.ttl || !hasTags) continue;
    conditions.push(`NOT ("entity_name" = ? AND "entity_id" IN (SELECT "id" FROM ${quote(name)} WHERE "ttl" <= ?))`);
    values.push(name, now);
  }
  if (query.offset !== undefined) {
    conditions.push(`("entity_id", "entity_name", "tag") > (?, ?, ?)`);
    values.push(...decodeOffset(query.offset, 3));
  }
  const where = conditions.length > 0 ? ` WHERE ${conditions.join(" AND ")}` : "";
  const order = ` ORDER BY "entity_id", "entity_name", "tag" LIMIT ${size + 1}`;
  const sql = `SELECT "tag", "entity_name", "entity_id" FROM "tags"${where}${order}`;
  return andThen(executor.execute(sql, values), (rows: readonly SqlRow[]) => {
    const data = rows.slice(0, size).map((row) => ({ ...row }) as unknown as TagRow);
    if (rows.length <= size) return { data };
    const { entity_id, entity_name, tag } = data.at(-1)!;
    return { data, offset: encodeOffset([entity_id, entity_name, tag]) };
  });
}

/** Note the tags of a row that was written, in the place of those it had. */
export async function writeTags(tx: Executor, table: Table, row: Row, old: Row | undefined): Promise<void> {
  if (!table.hasTags) return;
  const before = (old?.["tags"] ?? []) as readonly string[];
  const after = (row["tags"] ?? []) as readonly string[];
  if (before.length > 0) await deleteTags(tx, table, row.id);
  for (const tag of after) {
    await tx.execute(`INSERT INTO "tags" ("tag", "entity_name", "entity_id") VALUES (?, ?, ?)`, [
      tag,
      table.name,
      row.id,
    ]);
  }
}

export async function deleteTags(tx: Executor, table: Table, id: string): Promise<void> {
  if (table.hasTags)
    await tx.execute(`DELETE FROM "tags" WHERE "entity_name" = ? AND "entity_id" = ?`, [table.name, id]);
}
