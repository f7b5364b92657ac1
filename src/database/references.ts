import {
  foreignKeysUnresolved,
  invalidReference,
  isRecord,
  isUuid,
  type Unresolved,
  type Values,
  validateField,
} from "../schema/index.ts";
import { selectRow } from "./reads.ts";
import type { Executor } from "./sql.ts";
import type { Table, Tables } from "./tables.ts";

/**
 * Replace references by a unique field, such as `{ name: "x" }`, by the id of the row they mean, and cut every reference
 * down to its id. Throws code 13. What is no reference at all is left to validation.
 */
export async function resolveReferences(
  executor: Executor,
  tables: Tables,
  table: Table,
  row: Values,
  now: number,
): Promise<Record<string, unknown>> {
  const resolved: Record<string, unknown> = { ...row };
  const failed: Unresolved[] = [];
  for (const { field, definition } of table.columns) {
    const value = row[field];
    if (definition.type !== "foreign" || !isRecord(value)) continue;
    const { id } = value;
    const parent = tables.get(definition.reference);
    if (typeof id === "string" && isUuid(id)) resolved[field] = { id: id.toLowerCase() };
    else if (parent) {
      const found = await findParent(executor, parent, field, value, now);
      if (found.id !== undefined) resolved[field] = { id: found.id };
      failed.push(...found.failed);
    }
  }
  if (failed.length > 0) throw foreignKeysUnresolved(failed);
  return resolved;
}

/** Throws code 4 for a reference to an entity that is not kept: no foreign key of the database would notice. */
export function refuseAbsentParents(tables: Tables, table: Table, row: Values): void {
  for (const { field, definition } of table.columns) {
    const value = row[field];
    if (definition.type !== "foreign" || !isRecord(value) || tables.has(definition.reference)) continue;
    throw invalidReference(field, value, definition.reference);
  }
}

async function findParent(
  executor: Executor,
  parent: Table,
  field: string,
  reference: Values,
  now: number,
): Promise<{ readonly id?: string; readonly failed: readonly Unresolved[] }> {
  const failed: Unresolved[] = [];
  for (const column of parent.columns) {
    const { field: name, definition } = column;
    if (!definition.unique && parent.entity.endpoint_key !== name) continue;
    const value = reference[name];
    if (value === undefined || value === null || validateField(definition, value) !== undefined) continue;
    const found = await selectRow(executor, parent, { [name]: value }, now);
    if (found) return { id: found.id, failed };
    failed.push({ field, name, value, parent: parent.name });
  }
  return { failed };
}
