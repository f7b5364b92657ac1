import { invalidReference, primaryKeyViolation, type Row, uniqueViolation } from "../schema/index.ts";
import { type Condition, tupleCondition } from "./keys.ts";
import { encodeValue, membersOf } from "./rows.ts";
import { type Executor, quote, type SqlRow } from "./sql.ts";
import type { Table, Tables } from "./tables.ts";

/** A statement of a write broke a unique index or a foreign key; what it was is looked up after the rollback. */
export class Conflict extends Error {
  readonly table: Table;
  readonly row: Row;
  /** The row is new, so its id may be the fault. */
  readonly isNew: boolean;

  constructor(table: Table, row: Row, isNew: boolean, cause: unknown) {
    super("a constraint of the database was broken", { cause });
    this.table = table;
    this.row = row;
    this.isNew = isNew;
  }
}

/**
 * What stood in the way of a row: the `EntityError` with code 3, 5 or 4, in this order; or `expired`, the id of an
 * expired row that only has to be removed; or undefined when it is gone by now.
 */
export async function explain(
  executor: Executor,
  tables: Tables,
  { table, row, isNew }: Conflict,
  now: number,
): Promise<{ readonly error: Error } | { readonly expired: string } | undefined> {
  for (const { condition, error } of uniqueRules(table, row, isNew)) {
    const [other] = await find(executor, table, condition);
    if (!other || (!isNew && other["id"] === row.id)) continue;
    const ttl = other["ttl"];
    return typeof ttl === "number" && ttl <= now ? { expired: String(other["id"]) } : { error: error() };
  }
  for (const column of table.columns) {
    const parent = column.definition.type === "foreign" ? tables.get(column.definition.reference) : undefined;
    const id = parent && encodeValue(column, row[column.field]);
    if (!parent || id === null || id === undefined) continue;
    const [found] = await find(executor, parent, { sql: `"id" = ?`, values: [id] });
    if (!found) return { error: invalidReference(column.field, { id: String(id) }, parent.name) };
  }
  return undefined;
}

interface Rule {
  readonly condition: Condition;
  readonly error: () => Error;
}

function uniqueRules(table: Table, row: Row, isNew: boolean): Rule[] {
  const rules: Rule[] = isNew
    ? [
        {
          condition: { sql: `"id" = ?`, values: [row.id.toLowerCase()] },
          error: () => primaryKeyViolation({ id: row.id }),
        },
      ]
    : [];
  for (const column of table.columns) {
    const value = encodeValue(column, row[column.field]);
    if (!column.definition.unique || value === null) continue;
    rules.push({
      condition: { sql: `${quote(column.name)} = ?`, values: [value] },
      error: () => uniqueViolation({ [column.field]: row[column.field] }),
    });
  }
  for (const tuple of table.entity.unique ?? []) {
    rules.push({
      condition: tupleCondition(table, tuple, row),
      error: () => uniqueViolation(membersOf(row, tuple)),
    });
  }
  return rules;
}

async function find(executor: Executor, table: Table, { sql, values }: Condition): Promise<readonly SqlRow[]> {
  const columns = table.entity.ttl ? `"id", "ttl"` : `"id"`;
  return executor.execute(`SELECT ${columns} FROM ${quote(table.name)} WHERE ${sql}`, values);
}
