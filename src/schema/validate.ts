import { runChecks } from "./checks.ts";
import { number } from "./dump.ts";
import type { Entity } from "./entity.ts";
import { type ErrorNode, type ErrorTree, schemaViolation } from "./errors.ts";
import type { Field, Fields, Match, Pattern } from "./field.ts";
import { prepare } from "./prepare.ts";
import { fieldsOf, isRecord, noFields, put, type Shape, subschemaOf, type Values } from "./shape.ts";
import { checkTransforms } from "./transform.ts";

/** What validation may need to know beside the row. */
export interface Scope {
  /** The entity that a foreign field refers to; absent: any object with a valid id will do. */
  readonly entity?: (name: string) => Entity | undefined;
  /** Undefined members are not missing, and some messages say so. */
  readonly updating?: boolean;
  /** What the client sent, before defaults; the row itself when absent. */
  readonly original?: Values;
  /** The row before an update. */
  readonly stored?: Values;
}

/** Throws code 2 with all faults of a prepared row; of a row whose subschema is unknown only that. */
export function validate(shape: Shape, row: Values, scope: Scope = {}): void {
  const faults = faultsOf(shape, row, scope);
  if (faults) throw schemaViolation(faults);
}

/** A prepared and valid row of what a client sent. `now` in seconds. */
export function parse(shape: Shape, input: Values, now: number, scope: Scope = {}): Values {
  const row = prepare(shape, input, "insert", now);
  validate(shape, row, { ...scope, original: input });
  return row;
}

/** All faults of a prepared row; undefined when it has none. */
export function faultsOf(shape: Shape, row: Values, scope: Scope): ErrorTree | undefined {
  const { subschemas } = shape;
  if (subschemas) {
    const value = row[subschemas.key];
    if (value === null || value === undefined) return { [subschemas.key]: "required field missing" };
    if (!subschemaOf(shape, row)) return { [subschemas.key]: subschemaFault(subschemas.unknown, value) };
  }
  const faults: Record<string, ErrorNode> = {};
  const fields = fieldsOf(shape, row);
  for (const [name, value] of Object.entries(row)) {
    if (value === undefined || isIgnored(shape, fields, name)) continue;
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    const fault = field ? validateField(field, value, scope) : "unknown field";
    if (fault !== undefined) put(faults, name, fault);
  }
  for (const [name, field] of Object.entries(shape.fields ?? noFields)) {
    if (field.required && (row[name] === null || (row[name] === undefined && !scope.updating))) {
      faults[name] = "required field missing";
    }
  }
  runChecks(shape, row, faults, scope);
  checkTransforms(shape.transforms ?? [], row, faults, scope);
  return Object.keys(faults).length > 0 ? faults : undefined;
}

function subschemaFault(unknown: (value: string) => string, value: unknown): string {
  const [name] = Array.isArray(value) ? value : [value];
  if (typeof name === "string") return unknown(name);
  return name === undefined ? unknown("nil") : "expected a string";
}

/** Members of a row that are no fields and yet no fault: its `ttl`, and a time of the last write where none is kept. */
function isIgnored(shape: Shape, fields: Fields, name: string): boolean {
  if (!shape.primary_key || Object.hasOwn(fields, name)) return false;
  return name === "updated_at" || (name === "ttl" && shape.ttl === true);
}

/** The first fault of one value, or the faults of its parts; undefined when there is none. */
export function validateField(field: Field, value: unknown, scope: Scope = {}): ErrorNode | undefined {
  if (value === null || value === undefined) return field.required ? "required field missing" : undefined;
  if (field.eq === null) return field.err ?? "value must be null";
  const fault = validateType(field, value, scope);
  if (fault !== undefined) return fault;
  if (field.referenceable && isReference(value)) return undefined;
  const broken = brokenRule(field, value);
  return broken === undefined ? undefined : (field.err ?? broken);
}

export function isReference(value: unknown): boolean {
  return typeof value === "string" && /^\{vault:\/\/.+\}$/.test(value);
}

function validateType(field: Field, value: unknown, scope: Scope): ErrorNode | undefined {
  switch (field.type) {
    case "array":
    case "set":
      return Array.isArray(value) ? validateElements(field.elements, value, scope) : `expected ${article(field.type)}`;
    case "map":
      return isRecord(value) ? validateMap(field, value, scope) : "expected a map";
    case "record":
      if (field.abstract) return "cannot be set without the schema that describes it";
      if (!isRecord(value)) return "expected a record";
      return faultsOf(field, prepare(field, value, "insert", 0), { ...(scope.entity && { entity: scope.entity }) });
    case "foreign":
      return validateForeign(field.reference, value, scope);
    case "integer":
      return Number.isSafeInteger(value) ? undefined : "expected an integer";
    case "number":
      return Number.isFinite(value) ? undefined : "expected a number";
    case "boolean":
      return typeof value === "boolean" ? undefined : "expected a boolean";
    case "string":
      if (typeof value !== "string") return "expected a string";
      // Neither can be kept in UTF-8 text columns.
      if (!value.isWellFormed()) return "invalid utf-8 character sequence detected";
      return value.includes("\0") ? "must not contain a null character" : undefined;
  }
}

function article(type: "array" | "set"): string {
  return type === "array" ? "an array" : "a set";
}

function validateElements(elements: Field, value: readonly unknown[], scope: Scope): ErrorNode | undefined {
  const faults: (ErrorNode | null)[] = [];
  value.forEach((item, index) => {
    const fault = validateField({ ...elements, required: true }, item, scope);
    if (fault === undefined) return;
    while (faults.length < index) faults.push(null);
    faults.push(fault);
  });
  return faults.length > 0 ? faults : undefined;
}

function validateMap(
  field: { readonly keys: Field; readonly values: Field },
  value: Values,
  scope: Scope,
): ErrorNode | undefined {
  for (const [key, item] of Object.entries(value)) {
    const fault =
      validateField({ ...field.keys, required: true }, key, scope) ??
      validateField({ ...field.values, required: true }, item, scope);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** A reference is right when it has a valid id; else the faults are those of a partial row of the entity referred to. */
function validateForeign(reference: string, value: unknown, scope: Scope): ErrorNode | undefined {
  const id = isRecord(value) ? value["id"] : undefined;
  if (typeof id === "string" && isUuid(id)) return undefined;
  const fault = { id: id === undefined || id === null ? "missing primary key" : "expected a valid UUID" };
  const entity = scope.entity?.(reference);
  if (!isRecord(value) || !entity) return fault;
  return faultsOf(entity, value, { entity: scope.entity!, updating: true }) ?? fault;
}

export function isUuid(text: string): boolean {
  return /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i.test(text);
}

/** All rules that a field may have; each is only used on values of a type that it fits. */
type Rules = Match & { readonly [K in keyof AllOf<Field>]?: AllOf<Field>[K] };
type AllOf<T> = { [K in T extends unknown ? keyof T : never]: T extends { readonly [P in K]?: infer V } ? V : never };

function brokenRule(field: Field, value: unknown): string | undefined {
  const rules = field as Rules;
  if (rules.ne !== undefined && value === rules.ne) return `value must not be ${String(value)}`;
  if (rules.not_one_of?.includes(value as never)) return `must not be one of: ${rules.not_one_of.join(", ")}`;
  const choices: readonly unknown[] | undefined = rules.one_of && [...rules.one_of, ...(rules.newer_one_of ?? [])];
  if (choices && !choices.includes(value)) return `expected one of: ${choices.join(", ")}`;
  if (typeof value === "number") return brokenNumberRule(rules, value) ?? rules.check?.(value);
  if (typeof value === "string") return brokenStringRule(rules, value) ?? rules.check?.(value);
  if (Array.isArray(value)) return brokenListRule(rules, value);
  if (isRecord(value)) return brokenLength(rules, Object.keys(value).length) ?? rules.check?.(value);
  return rules.check?.(value);
}

function brokenNumberRule(rules: Rules, value: number): string | undefined {
  if (rules.gt !== undefined && value <= rules.gt) return `value must be greater than ${number(rules.gt)}`;
  if (rules.timestamp && value <= 0) return "expected a valid timestamp";
  const [low, high] = rules.between ?? [-Infinity, Infinity];
  return value < low || value > high ? `value should be between ${low} and ${high}` : undefined;
}

function brokenStringRule(rules: Rules, value: string): string | undefined {
  if (rules.uuid && !isUuid(value)) return "expected a valid UUID";
  const length = brokenLength({ len_min: 1, ...rules }, Buffer.byteLength(value));
  if (length) return length;
  if (rules.starts_with !== undefined && !value.startsWith(rules.starts_with)) {
    return `should start with: ${rules.starts_with}`;
  }
  const fault = (pattern: Pattern) => pattern.err ?? `invalid value: ${value}`;
  const unwanted = rules.match_none?.find((pattern) => pattern.regexp.test(value));
  if (unwanted) return fault(unwanted);
  if (rules.match && !rules.match.regexp.test(value)) return fault(rules.match);
  const unmatched = rules.match_all?.find((pattern) => !pattern.regexp.test(value));
  if (unmatched) return fault(unmatched);
  if (rules.match_any && !rules.match_any.patterns.some((pattern) => pattern.regexp.test(value))) {
    return rules.match_any.err;
  }
  return undefined;
}

function brokenListRule(rules: Rules, value: readonly unknown[]): string | undefined {
  const length = brokenLength(rules, value.length);
  if (length) return length;
  if (rules.contains !== undefined && !value.includes(rules.contains)) return `expected to contain: ${rules.contains}`;
  const fault = rules.check?.(value);
  if (fault !== undefined) return fault;
  const sets = (rules.mutually_exclusive_subsets ?? []).filter((set) =>
    value.some((item) => set.includes(String(item))),
  );
  return sets.length > 1 ? `these sets are mutually exclusive: ${sets.map(quoted).join(", ")}` : undefined;
}

function quoted(names: readonly string[]): string {
  return `(${names.map((name) => `'${name}'`).join(", ")})`;
}

function brokenLength(rules: Pick<Rules, "len_eq" | "len_min" | "len_max">, length: number): string | undefined {
  if (rules.len_eq !== undefined && length !== rules.len_eq) return `length must be ${rules.len_eq}`;
  if (rules.len_min !== undefined && length < rules.len_min) return `length must be at least ${rules.len_min}`;
  return rules.len_max !== undefined && length > rules.len_max ? `length must be at most ${rules.len_max}` : undefined;
}
