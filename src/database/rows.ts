import { prepare, type Row, type Values } from "../schema/index.ts";
import type { SqlRow, SqlValue } from "./sql.ts";
import type { Column, Table } from "./tables.ts";

/** A row ready to be stored: values by column, and when it expires, in seconds since the epoch. */
export interface StoredRow {
  readonly row: Row;
  /** Null: never; absent on entities that do not expire. */
  readonly expiry?: number | null;
}

/** The values of all columns. */
export function encode(table: Table, { row, expiry = null }: StoredRow): SqlValue[] {
  const values = table.columns.map((column) => encodeValue(column, row[column.field]));
  return table.entity.ttl ? [...values, expiry] : values;
}

/** One value as its column keeps it; UUIDs are kept in lower case, so that they are found in any. */
export function encodeValue({ kind, definition }: Column, value: unknown): SqlValue {
  if (value === null || value === undefined) return null;
  switch (kind) {
    case "json":
      return JSON.stringify(value);
    case "boolean":
      return value ? 1 : 0;
    case "reference":
      return (value as { readonly id: string }).id.toLowerCase();
    case "text":
      return definition.type === "string" && definition.uuid ? (value as string).toLowerCase() : (value as string);
    default:
      return value as number;
  }
}

function decodeValue(kind: Column["kind"], value: SqlValue): unknown {
  if (value === null) return null;
  if (kind === "json") return JSON.parse(value as string);
  if (kind === "boolean") return value === 1;
  return kind === "reference" ? { id: value } : value;
}

/** Whether stored rows may lack what the schema has by now. */
const completions = new WeakMap<Table, boolean>();

function needsCompletion(table: Table): boolean {
  let needed = completions.get(table);
  if (needed === undefined) {
    needed = table.columns.some(
      ({ definition }) =>
        definition.type === "record" || (definition.required === true && definition.default !== undefined),
    );
    completions.set(table, needed);
  }
  return needed;
}

/** The row as clients see it; `ttl` are the whole seconds that remain a moment after `now`: 59 of 60 (SPEC-entities §1). */
export function decode(table: Table, stored: SqlRow, now: number): Row {
  const row: Record<string, unknown> = {};
  for (const { name, field, kind, definition } of table.columns) {
    const value = decodeValue(kind, stored[name]!);
    if (value !== null || !definition.newer) row[field] = value;
  }
  const complete = needsCompletion(table) ? prepare(table.entity, row, "select", now) : row;
  if (table.entity.ttl) complete["ttl"] = remaining(stored["ttl"], now);
  return complete as Row;
}

function remaining(expiry: SqlValue | undefined, now: number): number | null {
  return expiry === null || expiry === undefined ? null : Math.max(0, Math.ceil(Number(expiry) - now) - 1);
}

/** What a reader will get of a row that is about to be stored with these values. */
export function roundTrip(table: Table, values: readonly SqlValue[], now: number): Row {
  const stored: Record<string, SqlValue> = {};
  for (const [index, { name }] of table.stored.entries()) stored[name] = values[index]!;
  return decode(table, stored, now);
}

/** The values of a tuple or a unique field as clients know them, for messages. */
export function membersOf(row: Values, fields: readonly string[]): Values {
  return Object.fromEntries(fields.map((field) => [field, row[field] ?? null]));
}
