import { randomBytes, randomUUID } from "node:crypto";
import { type ErrorNode, schemaViolation } from "./errors.ts";
import type { Field } from "./field.ts";
import { fieldsOf, isEmpty, isRecord, put, type Shape, type Values } from "./shape.ts";
import { validateField } from "./validate.ts";

/** `select` completes what was stored before a field existed; the others are the writes. */
export type Context = "insert" | "upsert" | "update" | "select";

/**
 * Expand shorthands and fill in what the server makes: defaults, ids, times, random strings. An update is left partial,
 * but for the time of the change. Undefined members are absent; nothing else is judged here, except that a shorthand of
 * a wrong type throws code 2. `now` in seconds, with a fraction.
 */
export function prepare(shape: Shape, data: Values, context: Context, now: number): Record<string, unknown> {
  const given = context === "select" ? data : expand(shape, data);
  const fields = fieldsOf(shape, given);
  const row: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(fields)) {
    let value = Object.hasOwn(given, name) ? given[name] : undefined;
    if (field.auto && context !== "select") value = automatic(field, value, context, now);
    value = adjust(field, value, context, now);
    const isUnset = value === undefined || (field.newer && value === null && context !== "update");
    if (!isUnset) row[name] = value;
  }
  // What is no field is a fault of a write; in a stored row it is a field of once.
  if (context !== "select") {
    for (const [name, value] of Object.entries(given)) if (!Object.hasOwn(fields, name)) put(row, name, value);
  }
  return row;
}

function expand(shape: Shape, data: Values): Record<string, unknown> {
  const row = { ...data };
  const faults: Record<string, ErrorNode> = {};
  for (const [name, shorthand] of Object.entries(shape.shorthand_fields ?? {})) {
    if (!Object.hasOwn(row, name)) continue;
    const { [name]: value } = row;
    const { type } = shorthand;
    const field = type === "array" ? { type, elements: shorthand.elements } : { type };
    const fault = validateField(field, value) ?? shorthand.check?.(value, data);
    if (fault !== undefined) faults[name] = fault;
    else {
      delete row[name];
      Object.assign(row, shorthand.expand(value, data));
    }
  }
  if (Object.keys(faults).length > 0) throw schemaViolation(faults);
  return row;
}

function automatic(field: Field, value: unknown, context: Context, now: number): unknown {
  const updated = "updated" in field && field.updated;
  if ((context === "update" || !isNothing(value)) && !updated) return value;
  if (field.type === "integer") return Math.floor(now);
  if (field.type === "number") return Math.round(now * 1000) / 1000;
  return field.type === "string" && field.uuid ? randomUUID() : randomText();
}

function isNothing(value: unknown): boolean {
  return value === undefined || value === null;
}

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/** 32 letters and digits, each of 62 with the same chance. */
function randomText(): string {
  let text = "";
  while (text.length < 32) {
    for (const byte of randomBytes(48)) if (byte < 248 && text.length < 32) text += letters[byte % 62];
  }
  return text;
}

function adjust(field: Field, value: unknown, context: Context, now: number): unknown {
  if (context === "select" && value === null && field.required) return missing(field, now);
  if (field.type === "record") {
    if (field.abstract || value === null) return value;
    if (value === undefined) return context === "update" ? undefined : missing(field, now);
    const record = Array.isArray(value) && isEmpty(value) ? {} : value;
    return isRecord(record) ? prepare(field, record, context, now) : value;
  }
  if (value === undefined) return context === "update" ? undefined : missing(field, now);
  if (field.type === "map") {
    // An empty list and an empty object are one value in Lua.
    if (Array.isArray(value) && value.length === 0) return {};
    if (!isRecord(value)) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, adjust(field.values, item, context, now)]),
    );
  }
  if (field.type === "array" || field.type === "set") {
    if (isRecord(value) && isEmpty(value)) return [];
    if (!Array.isArray(value)) return value;
    const items = value.map((item) => adjust(field.elements, item, context, now));
    return field.type === "set" ? [...new Set(items)] : items;
  }
  return value;
}

function missing(field: Field, now: number): unknown {
  if (field.newer) return undefined;
  if (field.default !== undefined) return structuredClone(field.default);
  if (!field.required) return null;
  if (field.type === "record" && !field.abstract) return prepare(field, {}, "insert", now);
  return undefined;
}

/** Merge a prepared update into the stored row: records deep, every other member replaced. */
export function merge(shape: Shape, changes: Values, stored: Values): Record<string, unknown> {
  const row: Record<string, unknown> = { ...stored };
  const fields = fieldsOf(shape, stored);
  for (const [name, value] of Object.entries(changes)) {
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    const old = stored[name];
    const deep = field?.type === "record" && !field.abstract && isRecord(value) && isRecord(old);
    if (field?.newer && value === null) delete row[name];
    else put(row, name, deep ? merge(field, value, old) : value);
  }
  return row;
}
