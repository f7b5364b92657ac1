import type { Key, Page, PageQuery } from "../entities/index.ts";
import { type Awaitable, andThen, type Row } from "../schema/index.ts";
import { type Condition, conditionOf } from "./keys.ts";
import { decodeOffset, encodeOffset, pageSize } from "./offsets.ts";
import { decode } from "./rows.ts";
import { type Executor, quote, type SqlRow } from "./sql.ts";
import type { Table } from "./tables.ts";

/** Seconds since the epoch, with a fraction. */
export type Clock = () => number;

/** The row of a key, if there is one that has not expired. */
export function selectRow(executor: Executor, table: Table, key: Key, now: number): Awaitable<Row | undefined> {
  return andThen(selectWhere(executor, table, [conditionOf(table, key)], now), (rows) => rows[0]);
}

export function selectWhere(
  executor: Executor,
  table: Table,
  conditions: readonly Condition[],
  now: number,
  rest = "",
): Awaitable<Row[]> {
  const all = table.entity.ttl ? [...conditions, unexpired(now)] : conditions;
  const where = all.length > 0 ? ` WHERE ${all.map(({ sql }) => sql).join(" AND ")}` : "";
  const sql = `SELECT ${table.columnList} FROM ${quote(table.name)}${where}${rest}`;
  const values = all.flatMap((condition) => condition.values);
  return andThen(executor.execute(sql, values), (rows: readonly SqlRow[]) =>
    rows.map((row) => decode(table, row, now)),
  );
}

function unexpired(now: number): Condition {
  return { sql: `("ttl" IS NULL OR "ttl" > ?)`, values: [now] };
}

export function selectPage(executor: Executor, table: Table, query: PageQuery, now: number): Awaitable<Page<Row>> {
  const size = pageSize(query.size);
  const conditions: Condition[] = [];
  if (query.foreign) {
    const column = table.byField.get(query.foreign.field);
    if (column?.kind !== "reference")
      throw new TypeError(`${query.foreign.field} is no foreign field of ${table.name}`);
    conditions.push({ sql: `${quote(column.name)} = ?`, values: [query.foreign.id.toLowerCase()] });
  }
  for (const [field, value] of Object.entries(query.where ?? {})) {
    const column = table.byField.get(field);
    if (!column) throw new TypeError(`${field} is no field of ${table.name}`);
    conditions.push({ sql: `${quote(column.name)} = ?`, values: [value] });
  }
  if (query.tags && table.hasTags) conditions.push(tagged(table, query.tags.names, query.tags.match));
  if (query.offset !== undefined) conditions.push({ sql: `"id" > ?`, values: decodeOffset(query.offset, 1) });
  return andThen(selectWhere(executor, table, conditions, now, ` ORDER BY "id" LIMIT ${size + 1}`), (rows) => {
    const data = rows.slice(0, size);
    return rows.length > size ? { data, offset: encodeOffset([data.at(-1)!.id]) } : { data };
  });
}

function tagged(table: Table, names: readonly string[], match: "all" | "any"): Condition {
  const having = (condition: string) =>
    `"id" IN (SELECT "entity_id" FROM "tags" WHERE "entity_name" = ? AND "tag" ${condition})`;
  if (match === "any")
    return { sql: having(`IN (${names.map(() => "?").join(", ")})`), values: [table.name, ...names] };
  return { sql: names.map(() => having("= ?")).join(" AND "), values: names.flatMap((name) => [table.name, name]) };
}
