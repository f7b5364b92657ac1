import type { Change, Input, Key, Write } from "../entities/index.ts";
import {
  invalidOptions,
  merge,
  notFound,
  prepare,
  type Reader,
  type Row,
  schemaViolation,
  transform,
  type Values,
  validate,
} from "../schema/index.ts";
import { deleteRow } from "./deletes.ts";
import { conditionOf, membersOfKey } from "./keys.ts";
import { selectRow, selectWhere } from "./reads.ts";
import { refuseAbsentParents, resolveReferences } from "./references.ts";
import { encode, roundTrip, type StoredRow } from "./rows.ts";
import { quote } from "./sql.ts";
import type { Table, Tables } from "./tables.ts";
import { writeTags } from "./tags.ts";
import type { WriteTransaction } from "./write-transaction.ts";

/** What a write made of the database: its answer, and the changes in their order. */
export interface Outcome {
  readonly answer: Row | boolean;
  readonly changes: readonly Change[];
}

/** What the writes of one transaction share. */
export interface WriteContext {
  readonly tables: Tables;
  readonly tx: WriteTransaction;
  /** Seconds since the epoch, with a fraction. */
  readonly now: number;
}

/** Perform a write. The order of work is that of SPEC-admin-api §3. */
export async function perform(context: WriteContext, write: Write): Promise<Outcome> {
  const table = context.tables.get(write.entity);
  if (!table) throw new TypeError(`there is no entity ${write.entity}`);
  if (write.verb === "delete") return deleteRow(context, table, write.key);
  const { ttl, input } = takeTtl(table, write.input);
  if (write.verb === "insert") return insert(context, table, input, ttl);
  if (write.verb === "update") return update(context, table, write.key, input, ttl);
  return upsert(context, table, write.key, input, ttl);
}

/** Longest life of a row: 100 million seconds. */
const maxTtl = 100_000_000;

function takeTtl(table: Table, { ttl, ...input }: Input): { readonly ttl?: number; readonly input: Input } {
  if (!table.entity.ttl) return { input: ttl === undefined ? input : { ...input, ttl } };
  if (ttl === undefined || ttl === null) return { input };
  if (Number.isInteger(ttl) && Number(ttl) >= 0 && Number(ttl) <= maxTtl) return { ttl: Number(ttl), input };
  throw invalidOptions({ ttl: `must be an integer between 0 and ${maxTtl}` });
}

/** Absent and 0: never. A time of creation in the past shortens the life. SPEC-entities §10 */
function expiryFrom(start: unknown, ttl: number | undefined): number | null {
  return ttl ? Number(start) + ttl : null;
}

async function insert(context: WriteContext, table: Table, input: Input, ttl: number | undefined): Promise<Outcome> {
  const prepared = prepare(table.entity, input, "insert", context.now);
  const row = await complete(context, table, prepared, input);
  return create(context, table, { row, expiry: expiryFrom(row["created_at"], ttl) });
}

async function update(
  context: WriteContext,
  table: Table,
  key: Key,
  input: Input,
  ttl: number | undefined,
): Promise<Outcome> {
  const { tx, now } = context;
  const [old] = await selectWhere(tx, table, [conditionOf(table, key)], now);
  if (!old) throw notFound(key);
  const changes = prepare(table.entity, withSubschema(table, input, old), "update", now);
  const stored = withoutTtl(table, old);
  const row = await complete(context, table, merge(table.entity, { ...changes, id: old.id }, stored), input, stored);
  const kept = ttl === undefined && table.entity.ttl ? await expiryOf(context, table, old.id) : null;
  const expiry = ttl === undefined ? kept : expiryFrom(now, ttl);
  return replace(context, table, { row, expiry }, old);
}

/** The row as it is kept: the seconds that remain are no member of it. */
function withoutTtl(table: Table, row: Row): Row {
  const { ttl: _, ...rest } = row;
  return table.entity.ttl ? rest : row;
}

/** A change that does not name the subschema is of the stored row's. */
function withSubschema(table: Table, input: Input, old: Row): Input {
  const name = table.entity.subschemas?.key;
  return name === undefined || Object.hasOwn(input, name) ? input : { ...input, [name]: old[name] };
}

async function upsert(
  context: WriteContext,
  table: Table,
  key: Key,
  input: Input,
  ttl: number | undefined,
): Promise<Outcome> {
  const { tx, now } = context;
  const old = await selectRow(tx, table, key, now);
  const prepared = { ...prepare(table.entity, input, "upsert", now), ...membersOfKey(key) };
  const row = await complete(context, table, old ? { ...prepared, id: old.id } : prepared, input);
  const stored = { row, expiry: expiryFrom(row["created_at"], ttl) };
  return old ? replace(context, table, stored, old) : create(context, table, stored);
}

/** References resolved, everything valid, transforms applied. */
async function complete(context: WriteContext, table: Table, row: Values, original: Input, stored?: Row): Promise<Row> {
  const { tables, tx, now } = context;
  const { entity } = table;
  const resolved = await resolveReferences(tx, tables, table, row, now);
  validate(entity, resolved, {
    entity: (name) => tables.get(name)?.entity,
    original,
    ...(stored && { updating: true, stored }),
  });
  refuseAbsentParents(tables, table, resolved);
  const complete = transform(entity.transforms ?? [], resolved, original) as Row;
  const faults = await entity.guard?.(complete, original, stored, createReader(context));
  if (faults) throw schemaViolation(faults);
  return complete;
}

/** What guards may read. */
export function createReader({ tables, tx, now }: WriteContext): Reader {
  const tableOf = (name: string): Table => {
    const table = tables.get(name);
    if (!table) throw new TypeError(`there is no entity ${name}`);
    return table;
  };
  return {
    select: (entity, id) => selectRow(tx, tableOf(entity), { id }, now),
    referring: (entity, field, id) => {
      const table = tableOf(entity);
      const column = table.byField.get(field)!;
      return selectWhere(tx, table, [{ sql: `${quote(column.name)} = ?`, values: [id] }], now);
    },
    all: (entity) => selectWhere(tx, tableOf(entity), [], now),
  };
}

async function create(context: WriteContext, table: Table, stored: StoredRow): Promise<Outcome> {
  const values = encode(table, stored);
  context.tx.add(table, stored.row, values);
  const row = roundTrip(table, values, context.now);
  await writeTags(context.tx, table, row, undefined);
  return { answer: row, changes: [{ entity: table.name, operation: "create", row }] };
}

async function replace(context: WriteContext, table: Table, stored: StoredRow, old: Row): Promise<Outcome> {
  const values = encode(table, stored);
  await context.tx.replace(table, stored.row, values, old.id);
  const row = roundTrip(table, values, context.now);
  await writeTags(context.tx, table, row, old);
  return { answer: row, changes: [{ entity: table.name, operation: "update", row, old }] };
}

async function expiryOf({ tx }: WriteContext, table: Table, id: string): Promise<number | null> {
  const [found] = await tx.execute(`SELECT "ttl" FROM ${quote(table.name)} WHERE "id" = ?`, [id]);
  const ttl = found?.["ttl"];
  return typeof ttl === "number" ? ttl : null;
}
