import type { Key } from "../entities/index.ts";
import { type Entity, invalidPrimaryKey, invalidUnique, isUuid, type Values, validateField } from "../schema/index.ts";
import { encodeValue } from "./rows.ts";
import { quote, type SqlValue } from "./sql.ts";
import type { Table } from "./tables.ts";

/** A condition on one table, with its values. */
export interface Condition {
  readonly sql: string;
  readonly values: readonly SqlValue[];
}

/**
 * The condition that finds the row of a key. Throws code 1 for an id that is none, code 10 for a value that the unique
 * field cannot have, and a TypeError when nothing makes the key unique.
 */
export function conditionOf(table: Table, key: Key): Condition {
  const fields = Object.keys(key);
  if (fields.includes("id")) {
    const { id } = key;
    if (typeof id === "string" && isUuid(id)) return { sql: `"id" = ?`, values: [id.toLowerCase()] };
    throw invalidPrimaryKey({ id: "expected a valid UUID" });
  }
  const tuple = uniqueTuple(table.entity, fields);
  if (tuple) return tupleCondition(table, tuple, key);
  const column = fields.length === 1 ? table.byField.get(fields[0]!) : undefined;
  if (!column || !(column.definition.unique || table.entity.endpoint_key === column.field)) {
    throw new TypeError(`${fields.join(", ")} is no key of ${table.name}`);
  }
  const value = key[column.field];
  const fault = validateField({ ...column.definition, required: true }, value);
  if (fault !== undefined) throw invalidUnique(column.field, String(fault));
  return { sql: `${quote(column.name)} = ?`, values: [encodeValue(column, value)] };
}

function uniqueTuple(entity: Entity, fields: readonly string[]): readonly string[] | undefined {
  if (fields.length < 2) return undefined;
  return entity.unique?.find((tuple) => fields.every((field) => tuple.includes(field)));
}

/** Rows whose members of the tuple are those of `values`, null being a value. */
export function tupleCondition(table: Table, tuple: readonly string[], values: Values): Condition {
  const parts = tuple.map((field) => {
    const column = table.byField.get(field)!;
    const value = values[field];
    const fault = validateField({ ...column.definition, required: false }, value);
    if (typeof fault === "string") throw invalidUnique(field, fault);
    if (fault !== undefined) throw invalidPrimaryKey({ [field]: fault });
    const encoded = encodeValue(column, value);
    // As the index has it, so that the index is used.
    return column.definition.required
      ? { sql: `${quote(column.name)} = ?`, value: encoded }
      : { sql: `COALESCE(${quote(column.name)}, '') = ?`, value: encoded ?? "" };
  });
  return { sql: parts.map(({ sql }) => sql).join(" AND "), values: parts.map(({ value }) => value) };
}

/** The members that a key gives to the row which is made for it. */
export function membersOfKey(key: Key): Values {
  return typeof key["id"] === "string" ? { id: key["id"].toLowerCase() } : key;
}
