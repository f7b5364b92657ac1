import type { StoredRow } from "../database/index.ts";
import {
  type Entity,
  EntityError,
  type ErrorTree,
  faultsOf,
  prepare,
  type Reader,
  type Row,
  transform,
  type Values,
} from "../schema/index.ts";
import type { Fault } from "./declarative-faults.ts";
import {
  alreadyDeclared,
  foreignFields,
  type Item,
  invalidReference,
  isKnownBySecret,
  isMapping,
  referenceOf,
  walkDeclarative,
} from "./declarative-walk.ts";
import type { Plain } from "./kong-document.ts";
import { hasSecret } from "./kong-file-rows.ts";
import { asStored, kongCollections } from "./kong-rows.ts";

/** The rows of a declarative configuration, complete, as they are to be stored. */
export type DeclaredRows = ReadonlyMap<Entity, readonly StoredRow[]>;

export interface ReadOptions {
  /** Every entity that a file may have. */
  readonly entities: readonly Entity[];
  /** Seconds since the epoch. */
  readonly now: number;
  /** The row that is in effect with this id: what did not change keeps its times. */
  readonly current?: (entity: Entity, id: string) => Row | undefined;
}

export type Reading =
  | {
      readonly rows: DeclaredRows;
      /** Session plugins that get a secret for this start only. */
      readonly withoutSecret: readonly Row[];
    }
  | { readonly faults: readonly Fault[] };

/** Members of the document that say nothing about the gateway; the last two stand in exports of a Kong's database. */
const ABOUT = new Set(["_format_version", "_transform", "_comment", "_ignore", "workspaces", "parameters"]);

const TURN = 500;

/** What a declarative file says, or all that is wrong with it. SPEC-entities §11 */
export async function readDeclarative(document: Plain, options: ReadOptions): Promise<Reading> {
  const faults: Fault[] = [];
  if (!isMapping(document)) {
    return { faults: [{ place: ["error"], fault: "failed parsing declarative configuration: expected an object" }] };
  }
  const fault = (place: Fault["place"], fault: Fault["fault"], item?: Item) => void faults.push({ place, fault, item });
  const walked = walkDeclarative(document, {
    entities: options.entities,
    about: ABOUT,
    fault,
    unknown(place, kind, rows) {
      if (!kongCollections.has(kind)) fault(place, "unknown field");
      else if (rows !== null && !(Array.isArray(rows) && rows.length === 0)) fault(place, `Sesame has no ${kind}`);
    },
    numbersSecrets: true,
  });

  const read: Complete[] = [];
  for (const [index, item] of walked.items.entries()) {
    // Requests have their turn meanwhile.
    if (index % TURN === TURN - 1) await new Promise(setImmediate);
    const resolved = walked.resolve(item);
    for (const field of foreignFields(item.entity)) {
      const isAbsent = options.entities.every(({ name }) => name !== referenceOf(item.entity, field));
      const value = item.row[field] ?? null;
      if (isAbsent && value !== null) fault(item.place, { [field]: invalidReference(item.entity, field, value) }, item);
    }
    const found = complete(item, walked.transform === false ? asStored(item.entity, resolved) : resolved, options);
    if ("faults" in found) fault(item.place, found.faults, item);
    else read.push(found);
  }
  for (const { item, message } of doubles(read)) fault(item.place, message, item);
  const rows = new Map<Entity, Complete[]>(options.entities.map((entity) => [entity, []]));
  for (const found of read) rows.get(found.item.entity)!.push(found);
  if (faults.length === 0) {
    const reader = createReader(rows);
    for (const { item, row, written } of read) {
      const found = await item.entity.guard?.(row, written, undefined, reader);
      if (found) fault(item.place, found, item);
    }
  }
  if (faults.length > 0) return { faults };
  const plugins = read.filter(({ item, row }) => item.entity.name === "plugins" && row["name"] === "session");
  return { rows, withoutSecret: plugins.filter(({ item }) => !hasSecret(item.row["config"])).map(({ row }) => row) };
}

interface Complete extends StoredRow {
  readonly item: Item;
  readonly written: Values;
}

/** The row with its defaults, checked on its own. */
function complete(item: Item, input: Values, options: ReadOptions): Complete | { readonly faults: ErrorTree } {
  const { entity } = item;
  const { ttl, ...written } = entity.ttl ? input : { ...input, ttl: null };
  const entityOf = (name: string) => options.entities.find((other) => other.name === name);
  try {
    const prepared = prepare(entity, entity.ttl ? written : input, "insert", options.now);
    const found = faultsOf(entity, prepared, { entity: entityOf, original: input });
    // In a file it is the moment of expiry. SPEC-entities §11.5
    const isTime = ttl === null || ttl === undefined || (Number.isSafeInteger(ttl) && Number(ttl) >= 0);
    if (found || !isTime) return { faults: { ...found, ...(!isTime && { ttl: "expected an integer" }) } };
    const row = transform(entity.transforms ?? [], prepared, input) as Row;
    const times = keptTimes(row, input, options.current?.(entity, row.id));
    return { item, written: input, row: { ...row, ...times }, expiry: ttl ? Number(ttl) : null };
  } catch (error) {
    if (error instanceof EntityError && error.fields) return { faults: error.fields as ErrorTree };
    throw error;
  }
}

/** A row that is in effect already was made then, and changed then unless it changes now. */
function keptTimes(row: Row, written: Values, current: Row | undefined): Partial<Row> {
  if (!current) return {};
  const created_at = (written["created_at"] ?? null) === null ? current["created_at"] : row["created_at"];
  const { ttl: _, ...before } = current;
  const unchanged = { ...row, created_at, ...("updated_at" in row && { updated_at: current["updated_at"] }) };
  return JSON.stringify(sorted(unchanged)) === JSON.stringify(sorted(before)) ? unchanged : { ...row, created_at };
}

const sorted = (row: Values) => Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1));

/** Rows that have what must be unique in common with one before. */
function* doubles(rows: readonly Complete[]): Generator<{ item: Item; message: string }> {
  const known = new Set<string>();
  for (const { item, row } of rows) {
    const { entity } = item;
    const single = Object.entries(entity.fields).flatMap(([name, { unique }]) => (unique ? [[name]] : []));
    for (const tuple of [...single, ...(entity.unique ?? [])]) {
      const values = tuple.map((name) => row[name] ?? null);
      if (tuple.length === 1 && values[0] === null) continue;
      const key = JSON.stringify([entity.name, tuple, values]);
      if (known.has(key)) {
        const shown = isKnownBySecret(entity) ? "******" : values.map(shownValue).join(", ");
        yield { item, message: alreadyDeclared(entity, `${tuple.join(", ")} set to '${shown}'`) };
      }
      known.add(key);
    }
  }
}

const shownValue = (value: unknown): string =>
  typeof value === "object" && value !== null && "id" in value ? String(value.id) : String(value);

/** What guards may read of the rows beside their own. */
function createReader(rows: ReadonlyMap<Entity, readonly Complete[]>): Reader {
  const byName = new Map([...rows].map(([{ name }, found]) => [name, found.map(({ row }) => row)]));
  const byId = new Map([...byName].flatMap(([name, found]) => found.map((row) => [`${name} ${row.id}`, row])));
  const of = (entity: string) => byName.get(entity) ?? [];
  return {
    select: (entity, id) => byId.get(`${entity} ${id}`),
    referring: (entity, field, id) => of(entity).filter((row) => (row[field] as Row | null)?.id === id),
    all: of,
  };
}
