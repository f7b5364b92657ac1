import { type Entity, type ErrorNode, isUuid } from "../schema/index.ts";
import type { Plain } from "./kong-document.ts";
import { declarativeId, entityId } from "./kong-ids.ts";
import { kongCollections, modernize } from "./kong-rows.ts";

export type Mapping = { readonly [name: string]: Plain };

/** Where something stands in a file: `["services", 0, "routes", 1]`. */
export type Place = readonly (string | number)[];

/** One row as the file has it. */
export interface Item {
  readonly entity: Entity;
  /** Without the members that belong to the file and the rows nested in it; references are still as written. */
  readonly row: Mapping;
  readonly id: string | undefined;
  /** The row that it is nested in. */
  readonly parent?: { readonly field: string; readonly id: string } | undefined;
  readonly place: Place;
}

export interface WalkOptions {
  /** Every entity that a file may have. */
  readonly entities: readonly Entity[];
  /** Members of the document that are not looked at. */
  readonly about: ReadonlySet<string>;
  /** Hears of a fault; the walk goes on when it returns. */
  fault(place: Place, fault: ErrorNode, item?: Item): void;
  /** Hears of rows of a kind that is none of the entities. */
  unknown(place: Place, kind: string, rows: Plain): void;
  /** What the document says of all rows, put into each. */
  complete?(entity: Entity, row: Mapping): Mapping;
  /** Whether rows that are known by a secret get an id from their position among those of their parent; else they get none. */
  readonly numbersSecrets?: boolean;
}

export interface Walked {
  /** What the file says itself; undefined when nothing. */
  readonly transform: boolean | undefined;
  readonly items: readonly Item[];
  /** The members of a row with its id, and its references as `{ id }`. */
  resolve(item: Item): Record<string, unknown>;
}

/** The releases of Kong that a file of each version may come from. */
const VERSIONS: Readonly<Record<string, readonly [number, number]>> = { "1.1": [1, 1], "2.1": [2, 1], "3.0": [3, 9] };

/** Members that rows may have and that mean nothing: `ws_id` stands in exports of a Kong's database. */
const DROPPED = new Set(["_comment", "_ignore", "ws_id"]);

/**
 * The rows of a declarative file one by one, nested ones too, with the ids that Kong gives them. Texts of faults are Kong's.
 * SPEC-entities §11
 */
export function walkDeclarative(document: Mapping, options: WalkOptions): Walked {
  const { entities, fault } = options;
  const version = document["_format_version"] ?? null;
  const release = typeof version === "string" && Object.hasOwn(VERSIONS, version) ? VERSIONS[version] : undefined;
  if (version === null) fault(["_format_version"], "required field missing");
  else if (typeof version !== "string") fault(["_format_version"], "expected a string");
  else if (!release) fault(["_format_version"], `expected one of: ${Object.keys(VERSIONS).join(", ")}`);
  const transform = document["_transform"] ?? undefined;
  if (transform !== undefined && typeof transform !== "boolean") fault(["_transform"], "expected a boolean");

  const isCollection = (name: string) => kongCollections.has(name) || entities.some((entity) => entity.name === name);
  const items: Item[] = [];
  const ids = new Set<string>();
  const byKey = new Map<string, string>();
  const counts = new Map<string, number>();

  function collect(
    kind: string,
    value: Plain,
    place: Place,
    parent?: { entity: Entity; id: string | undefined },
  ): void {
    const entity = entities.find(({ name }) => name === kind);
    const field = entity && parent && foreignField(entity, parent.entity.name);
    if (!entity) options.unknown(place, kind, value);
    else if (parent && field === undefined) fault(place, "unknown field");
    else if (Array.isArray(value)) {
      for (const [index, written] of (value as readonly Plain[]).entries()) {
        const here = [...place, index];
        if (!isMapping(written)) fault(here, "expected a record");
        else collectRow(entity, written, here, field === undefined ? undefined : { field, id: parent?.id });
      }
    } else if (value !== null) fault(place, "expected an array");
  }

  function collectRow(
    entity: Entity,
    written: Mapping,
    place: Place,
    above: { field: string; id: string | undefined } | undefined,
  ): void {
    const { own, children } = split(entity, options.complete?.(entity, written) ?? written, isCollection);
    const row = modernize(entity, own, release ?? [3, 9]) as Mapping;
    const parent = above?.id === undefined ? undefined : { field: above.field, id: above.id };
    const id = idOf(entity, row, parent);
    const item: Item = { entity, row, id, parent, place };
    if (id === undefined && (row["id"] ?? null) !== null) fault(place, { id: "expected a valid UUID" }, item);
    const double = note(entity, row, id);
    if (double === undefined) items.push(item);
    else fault(place, double, item);
    for (const [kind, value] of children) collect(kind, value, [...place, kind], { entity, id });
  }

  /** Undefined when the one that is written is none, and where there is to be none. */
  function idOf(entity: Entity, row: Mapping, parent: Item["parent"]): string | undefined {
    const { id: explicit = null } = row;
    if (explicit !== null) return typeof explicit === "string" && isUuid(explicit) ? explicit.toLowerCase() : undefined;
    const references = referencesIn(entity, row, parent);
    return declarativeId(entity.name, row, references) ?? ownId(entity, row, parent, references);
  }

  /**
   * Kong draws these at random. Here the same file gives the same ids: made of what is unique in a row, else of all that it
   * says, and of its position among those that say the same. A secret is in none of them: of rows that are known by one only
   * their parents count.
   */
  function ownId(entity: Entity, row: Mapping, parent: Item["parent"], references: Mapping): string | undefined {
    if (isKnownBySecret(entity) && !options.numbersSecrets) return undefined;
    const unique = Object.keys(entity.fields).find(
      (name) => entity.fields[name]?.unique && (row[name] ?? null) !== null,
    );
    const whole = unique === undefined ? [parent?.id, row] : { [unique]: row[unique] };
    const content = isKnownBySecret(entity) ? references : whole;
    const said = `${entity.name}:sesame:${JSON.stringify(content)}`;
    const position = counts.get(said) ?? 0;
    counts.set(said, position + 1);
    return entityId(entity.name, `${said}:${position}`);
  }

  /** Remember what a row may be referred to by; answers the fault when that is taken. */
  function note(entity: Entity, row: Mapping, id: string | undefined): string | undefined {
    const { name, endpoint_key: keyName } = entity;
    const key = keyName && row[keyName];
    if (typeof key === "string" && byKey.has(`${name} ${key}`)) {
      return alreadyDeclared(entity, `${keyName} set to '${isKnownBySecret(entity) ? "******" : key}'`);
    }
    if (id === undefined) return undefined;
    if (ids.has(`${name} ${id}`)) return alreadyDeclared(entity, `primary key set to '${id}'`);
    ids.add(`${name} ${id}`);
    if (typeof key === "string") byKey.set(`${name} ${key}`, id);
    return undefined;
  }

  for (const [name, value] of Object.entries(document)) {
    if (!options.about.has(name)) collect(name, value, [name]);
  }

  return {
    transform: transform as boolean | undefined,
    items,
    resolve(item) {
      const { entity, row, id, parent, place } = item;
      const resolved: Record<string, unknown> = { ...row, ...(id !== undefined && { id }) };
      for (const field of foreignFields(entity)) {
        const value = row[field] ?? null;
        if (field === parent?.field) resolved[field] = { id: parent.id };
        else if (value !== null) {
          const target = targetOf(entity, field, value, ids, byKey, entities);
          resolved[field] = target ?? NOWHERE;
          if (!target) fault(place, { [field]: invalidReference(entity, field, value) }, item);
        }
      }
      return resolved;
    },
  };
}

/** Stands for a reference that is wrong, so that only this is said of it. */
const NOWHERE = { id: "00000000-0000-0000-0000-000000000000" };

/** What a reference to a row of this file means: its key or id as a text, or `{ id }`; undefined when nothing. */
function targetOf(
  entity: Entity,
  field: string,
  value: Plain,
  ids: ReadonlySet<string>,
  byKey: ReadonlyMap<string, string>,
  entities: readonly Entity[],
): { readonly id: string } | undefined {
  const reference = referenceOf(entity, field);
  const text = isMapping(value) ? (value["id"] ?? value["name"] ?? value["username"]) : value;
  if (typeof text !== "string") return undefined;
  if (!entities.some(({ name }) => name === reference)) return { id: text };
  const lower = text.toLowerCase();
  const id = byKey.get(`${reference} ${text}`) ?? (ids.has(`${reference} ${lower}`) ? lower : undefined);
  return id === undefined ? undefined : { id };
}

export function invalidReference(entity: Entity, field: string, value: unknown): string {
  const shown = typeof value === "string" ? value : JSON.stringify(value);
  return `invalid reference '${field}: ${shown}' (no such entry in '${referenceOf(entity, field)}')`;
}

export const alreadyDeclared = (entity: Entity, by: string): string =>
  `uniqueness violation: '${entity.name}' entity with ${by} already declared`;

/** Whether its rows are known by a secret, which their ids must not be made from. */
export const isKnownBySecret = ({ endpoint_key, fields }: Entity): boolean =>
  Boolean(endpoint_key && fields[endpoint_key]?.encrypted);

export const isMapping = (value: Plain | undefined): value is Mapping =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export const foreignFields = (entity: Entity): string[] =>
  Object.entries(entity.fields).flatMap(([name, { type }]) => (type === "foreign" ? [name] : []));

export const referenceOf = (entity: Entity, field: string): string | undefined =>
  (entity.fields[field] as { readonly reference?: string }).reference;

/** The field by which rows of `entity` refer to those of `parent`. */
const foreignField = (entity: Entity, parent: string): string | undefined =>
  foreignFields(entity).find((name) => referenceOf(entity, name) === parent);

/** What stands for each reference in the key that an id is made from. */
function referencesIn(entity: Entity, row: Mapping, parent: Item["parent"]): Readonly<Record<string, string>> {
  const references: Record<string, string> = {};
  for (const field of foreignFields(entity)) {
    const written = row[field];
    const value = isMapping(written) ? written["id"] : written;
    if (typeof value === "string") references[field] = value;
  }
  return parent ? { ...references, [parent.field]: parent.id } : references;
}

/** The members of the row itself, and the lists of rows nested in it. */
function split(
  entity: Entity,
  written: Mapping,
  isCollection: (name: string) => boolean,
): { own: Mapping; children: [kind: string, rows: Plain][] } {
  const isChild = (name: string) => !Object.hasOwn(entity.fields, name) && isCollection(name);
  const entries = Object.entries(written).filter(([name]) => !DROPPED.has(name));
  return {
    own: Object.fromEntries(entries.filter(([name]) => !isChild(name))),
    children: entries.filter(([name]) => isChild(name)),
  };
}
