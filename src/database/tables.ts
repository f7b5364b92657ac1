import type { Entity, Field, ForeignField } from "../schema/index.ts";
import { quote } from "./sql.ts";

/** How a field is kept: lists, maps and records as JSON text, references as the id, booleans as 0 and 1. */
export type ColumnKind = "text" | "integer" | "number" | "boolean" | "json" | "reference";

export interface Column {
  readonly name: string;
  readonly field: string;
  readonly kind: ColumnKind;
  readonly definition: Field;
}

/** Rows of `table` may refer to another table by `column`. */
export interface Referrer {
  readonly table: Table;
  readonly column: Column;
}

/** A column as the database has it. */
export interface StoredColumn {
  readonly name: string;
  readonly type: (typeof types)[ColumnKind];
}

export interface Table {
  readonly name: string;
  readonly entity: Entity;
  readonly columns: readonly Column[];
  /** All columns in the order of `encode`: those of the fields, then the end of a row's life, where rows have one. */
  readonly stored: readonly StoredColumn[];
  /** Their names in SQL. */
  readonly columnList: string;
  /** Columns by field. */
  readonly byField: ReadonlyMap<string, Column>;
  readonly hasTags: boolean;
  /** Who refers to this table. */
  readonly referrers: readonly Referrer[];
}

export type Tables = ReadonlyMap<string, Table>;

/** The tables of the entities, by entity name. */
export function createTables(entities: readonly Entity[]): Tables {
  const tables = new Map(entities.map((entity) => [entity.name, { ...tableOf(entity), referrers: [] as Referrer[] }]));
  for (const table of tables.values()) {
    for (const column of table.columns) {
      if (column.definition.type === "foreign")
        tables.get(column.definition.reference)?.referrers.push({ table, column });
    }
  }
  return tables;
}

function tableOf(entity: Entity): Omit<Table, "referrers"> {
  const columns = Object.entries(entity.fields).map(([field, definition]): Column => {
    const kind = kindOf(definition);
    return { name: kind === "reference" ? `${field}_id` : field, field, kind, definition };
  });
  const byField = new Map(columns.map((column) => [column.field, column]));
  const stored: StoredColumn[] = columns.map(({ name, kind }) => ({ name, type: types[kind] }));
  if (entity.ttl) stored.push({ name: "ttl", type: types.number });
  return {
    name: entity.name,
    entity,
    columns,
    stored,
    columnList: stored.map(({ name }) => quote(name)).join(", "),
    byField,
    hasTags: byField.get("tags")?.definition.type === "set",
  };
}

function kindOf(field: Field): ColumnKind {
  switch (field.type) {
    case "string":
      return "text";
    case "foreign":
      return "reference";
    case "integer":
    case "number":
    case "boolean":
      return field.type;
    default:
      return "json";
  }
}

/** Names that both databases read alike: SQLite goes by the letters INT, TEXT and DOUB in them. */
const types = {
  text: "TEXT",
  json: "TEXT",
  reference: "TEXT",
  integer: "BIGINT",
  boolean: "SMALLINT",
  number: "DOUBLE PRECISION",
} as const satisfies Record<ColumnKind, string>;

/** The statements that make a table and its indexes; harmless where they exist. */
export function createStatements(table: Table, tables: Tables): string[] {
  const columns = table.columns.map((column) => columnDefinition(column, tables));
  if (table.entity.ttl) columns.push(`"ttl" ${types.number}`);
  return [`CREATE TABLE IF NOT EXISTS ${quote(table.name)} (${columns.join(", ")})`];
}

/** The statements that add the columns which the table does not have yet. */
export function extendStatements(table: Table, tables: Tables, present: ReadonlySet<string>): string[] {
  return table.columns
    .filter(({ name }) => !present.has(name))
    .map((column) => `ALTER TABLE ${quote(table.name)} ADD COLUMN ${columnDefinition(column, tables)}`);
}

/**
 * Null is allowed everywhere but in the key: validation decides what is required, and a field that was added later is
 * filled when it is read.
 */
function columnDefinition({ name, kind, definition }: Column, tables: Tables): string {
  const column = `${quote(name)} ${types[kind]}`;
  if (name === "id") return `${column} PRIMARY KEY NOT NULL`;
  if (definition.type !== "foreign" || !tables.has(definition.reference)) return column;
  return `${column} REFERENCES ${quote(definition.reference)} ("id")${onDelete(definition)}`;
}

function onDelete(field: ForeignField): string {
  return field.on_delete === "cascade" ? " ON DELETE CASCADE" : "";
}

export function indexStatements(table: Table): string[] {
  const { name, columns, entity } = table;
  const create = (unique: boolean, members: readonly Column[]): string => {
    // Null is a value in a tuple, so it takes part in uniqueness as the empty string, which no field can hold.
    const parts = members.map((column) =>
      members.length > 1 && !column.definition.required ? `COALESCE(${quote(column.name)}, '')` : quote(column.name),
    );
    const label = `${name}_${members.map((column) => column.name).join("_")}_${unique ? "key" : "idx"}`;
    return `CREATE ${unique ? "UNIQUE " : ""}INDEX IF NOT EXISTS ${quote(label)} ON ${quote(name)} (${parts.join(", ")})`;
  };
  const single = columns.flatMap((column) => {
    if (column.definition.unique) return [create(true, [column])];
    return column.kind === "reference" || column.definition.indexed ? [create(false, [column])] : [];
  });
  const tuples = (entity.unique ?? []).map((tuple) =>
    create(
      true,
      tuple.map((field) => table.byField.get(field)!),
    ),
  );
  const expiry = entity.ttl ? [`CREATE INDEX IF NOT EXISTS ${quote(`${name}_ttl_idx`)} ON ${quote(name)} ("ttl")`] : [];
  return [...single, ...tuples, ...expiry];
}

/** The tables so that each comes after those that it refers to. */
export function inOrder(tables: Tables): Table[] {
  const ordered = new Set<Table>();
  const visit = (table: Table, path: readonly Table[]) => {
    if (ordered.has(table) || path.includes(table)) return;
    for (const { definition } of table.columns) {
      const target = definition.type === "foreign" ? tables.get(definition.reference) : undefined;
      if (target) visit(target, [...path, table]);
    }
    ordered.add(table);
  };
  for (const table of tables.values()) visit(table, []);
  return [...ordered];
}
