import type { ErrorNode } from "./errors.ts";
import type { Check, Field, Match } from "./field.ts";
import { fieldsOf, isEmpty, isRecord, put, type Shape, subschemaOf, type Values, valueAt } from "./shape.ts";
import { isReference, type Scope, validateField } from "./validate.ts";

export type Faults = Record<string, ErrorNode>;

/** Run the rules about several members, of the shape and of the row's subschema; their findings join `faults`. */
export function runChecks(shape: Shape, row: Values, faults: Faults, scope: Scope): void {
  const checks = [...(shape.entity_checks ?? []), ...(subschemaOf(shape, row)?.checks ?? [])];
  for (const check of checks) new Run(shape, row, faults, scope).run(check);
}

/** What a check needs to run: which members it sees, which of them must be there, and whether faulty ones stop it. */
interface Terms {
  readonly names: readonly string[];
  readonly required?: readonly string[];
  readonly withMissing?: boolean;
  readonly withInvalid?: boolean;
}

class Run {
  readonly #shape: Shape;
  readonly #row: Values;
  readonly #faults: Faults;
  readonly #scope: Scope;

  constructor(shape: Shape, row: Values, faults: Faults, scope: Scope) {
    this.#shape = shape;
    this.#row = row;
    this.#faults = faults;
    this.#scope = scope;
  }

  run(check: Check): void {
    if ("at_least_one_of" in check) {
      const names = check.at_least_one_of;
      if (!this.#runs({ names, withMissing: true, withInvalid: true })) return;
      if (this.#filled(names).length === 0) this.#add(this.#atLeastOne(names));
    } else if ("only_one_of" in check) {
      const names = check.only_one_of;
      if (!this.#runs({ names, required: names, withInvalid: true })) return;
      if (this.#filled(names).length !== 1) {
        this.#add(`exactly one of these fields must be non-empty: ${quoted(names)}`);
      }
    } else if ("distinct" in check) {
      const names = check.distinct;
      if (!this.#runs({ names, required: names, withInvalid: true })) return;
      const values = this.#filled(names).map((name) => valueAt(this.#row, name));
      if (new Set(values).size < values.length) {
        this.#add(`values of these fields must be distinct: ${quoted(names)}`);
      }
    } else if ("mutually_required" in check) {
      const names = check.mutually_required;
      const filled = this.#runs({ names, withMissing: true }) ? this.#filled(names).length : 0;
      if (filled > 0 && filled < names.length) this.#add(`all or none of these fields must be set: ${quoted(names)}`);
    } else if ("mutually_exclusive" in check) {
      const names = check.mutually_exclusive;
      if (!this.#runs({ names, withMissing: true })) return;
      if (this.#filled(names).length > 1) this.#add(`only one or none of these fields must be set: ${quoted(names)}`);
    } else if ("conditional" in check) this.#conditional(check.conditional);
    else if ("conditional_at_least_one_of" in check) this.#conditionalOneOf(check.conditional_at_least_one_of);
    else this.#custom(check.custom_entity_check);
  }

  #conditional(check: Extract<Check, { conditional: unknown }>["conditional"]): void {
    const { if_field, then_field, then_match } = check;
    if (!this.#runs({ names: [if_field, then_field], required: [if_field], withInvalid: true })) return;
    if (this.#match(if_field, check.if_match) !== undefined) return;
    const fault =
      then_match.required && isNothing(valueAt(this.#row, then_field))
        ? "required field missing"
        : this.#match(then_field, then_match);
    if (fault === undefined) return;
    setAt(this.#faults, then_field, fault);
    this.#add(check.then_err ?? `failed conditional validation given value of field '${if_field}'`);
  }

  #conditionalOneOf(
    check: Extract<Check, { conditional_at_least_one_of: unknown }>["conditional_at_least_one_of"],
  ): void {
    const { then_at_least_one_of: then, else_then_at_least_one_of: other = [] } = check;
    if (!this.#runs({ names: [check.if_field, ...then, ...other], withMissing: true, withInvalid: true })) return;
    if (valueAt(this.#row, check.if_field) === undefined) return;
    const met = this.#match(check.if_field, check.if_match) === undefined;
    if (!met && (!check.else_match || this.#match(check.if_field, check.else_match) !== undefined)) return;
    const names = met ? then : other;
    const text = met ? check.then_err : check.else_then_err;
    if (this.#filled(names).length === 0) this.#add(text?.replace("%s", quoted(names)) ?? this.#atLeastOne(names));
  }

  #custom(check: Extract<Check, { custom_entity_check: unknown }>["custom_entity_check"]): void {
    const names = check.field_sources;
    if (!this.#runs({ names, ...(!check.run_with_missing_fields && { required: names }) })) return;
    const found = check.fn(this.#row);
    if (typeof found === "string") this.#add(found);
    else for (const [name, fault] of Object.entries(found ?? {})) put(this.#faults, name, fault);
  }

  #runs({ names, required = [], withMissing, withInvalid }: Terms): boolean {
    const values = names.map((name) => valueAt(this.#row, name));
    if (names.some((name, index) => isReference(values[index]) && this.#field(name)?.referenceable)) return false;
    if (!withInvalid && names.some((name) => Object.hasOwn(this.#faults, name))) return false;
    if (values.every((value) => value === undefined) && !(withMissing && !this.#scope.updating)) return false;
    const missing = required.filter((name) => valueAt(this.#row, name) === undefined);
    for (const name of missing) {
      setAt(this.#faults, name, `field required for entity check${this.#scope.updating ? " when updating" : ""}`);
    }
    return missing.length === 0;
  }

  /** The fault of a member by its field's own rules with those of `match` in their place. */
  #match(name: string, match: Match): ErrorNode | undefined {
    const field = { ...(this.#field(name) ?? { type: "string" }), ...match } as Field;
    return validateField(field, valueAt(this.#row, name), this.#scope);
  }

  #field(name: string): Field | undefined {
    let fields = fieldsOf(this.#shape, this.#row);
    const parts = name.split(".");
    const last = parts.pop()!;
    for (const part of parts) {
      const field = fields[part];
      if (field?.type !== "record" || !field.fields) return undefined;
      fields = field.fields;
    }
    return fields[last];
  }

  #filled(names: readonly string[]): string[] {
    return names.filter((name) => !isEmpty(valueAt(this.#row, name)));
  }

  #atLeastOne(names: readonly string[]): string {
    const text = `at least one of these fields must be non-empty: ${quoted(names)}`;
    return this.#scope.updating ? `when updating, ${text}` : text;
  }

  #add(text: string): void {
    addFault(this.#faults, text);
  }
}

/** A fault of the row as a whole. */
export function addFault(faults: Faults, text: string): void {
  faults["@entity"] = [...((faults["@entity"] as readonly string[] | undefined) ?? []), text];
}

export function quoted(names: readonly string[]): string {
  return names.map((name) => `'${name}'`).join(", ");
}

function isNothing(value: unknown): boolean {
  return value === undefined || value === null;
}

function setAt(faults: Faults, name: string, fault: ErrorNode): void {
  const parts = name.split(".");
  const last = parts.pop()!;
  let target: Record<string, unknown> = faults;
  for (const part of parts) {
    if (!isRecord(target[part])) target[part] = {};
    target = target[part] as Record<string, unknown>;
  }
  target[last] = fault;
}
