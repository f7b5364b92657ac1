import type { Entity, Subschema } from "./entity.ts";
import type { Check, Fields, Shorthands } from "./field.ts";

/** What entities and record fields have in common: members with rules. */
export interface Shape {
  readonly fields?: Fields;
  readonly shorthand_fields?: Shorthands;
  readonly entity_checks?: readonly Check[];
  readonly subschemas?: Entity["subschemas"];
  readonly transforms?: Entity["transforms"];
  readonly ttl?: true;
  /** Entities have one, records do not. */
  readonly primary_key?: Entity["primary_key"];
}

export type Values = { readonly [name: string]: unknown };

export const noFields: Fields = {};

/** The subschema that the row chooses; a list chooses by its first element that has one. */
export function subschemaOf(shape: Shape, row: Values): Subschema | undefined {
  if (!shape.subschemas) return undefined;
  const value = row[shape.subschemas.key];
  if (typeof value === "string") return shape.subschemas.of.get(value);
  if (!Array.isArray(value)) return undefined;
  for (const item of value) {
    const subschema = shape.subschemas.of.get(item);
    if (subschema) return subschema;
  }
  return undefined;
}

const refined = new WeakMap<Subschema, Fields>();

/** The fields of a row, those of its subschema in the place of the general ones. */
export function fieldsOf(shape: Shape, row: Values): Fields {
  const subschema = subschemaOf(shape, row);
  if (!subschema) return shape.fields ?? noFields;
  let fields = refined.get(subschema);
  if (!fields) refined.set(subschema, (fields = { ...shape.fields, ...subschema.fields }));
  return fields;
}

/** An object that is no list. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether rows of the entity are what an operator configures, and not made by requests. */
export const isConfiguration = ({ internal, db_export }: Entity): boolean => !internal && db_export !== false;

/** Null, absent, an empty string, or without members. */
export function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === "") return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}

/** The value at a dotted name; undefined when a part of the way is missing. */
export function valueAt(row: unknown, name: string): unknown {
  let value = row;
  for (const part of name.split(".")) {
    if (!isRecord(value) || !Object.hasOwn(value, part)) return undefined;
    value = value[part];
  }
  return value;
}

/** Set an own member, whatever its name. */
export function put(target: object, name: string, value: unknown): void {
  if (name in Object.prototype) {
    Object.defineProperty(target, name, { value, enumerable: true, configurable: true, writable: true });
  } else (target as Record<string, unknown>)[name] = value;
}
