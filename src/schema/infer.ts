import type { Entity } from "./entity.ts";
import type { Field } from "./field.ts";
import { fieldsOf, isRecord, put, type Shape, type Values } from "./shape.ts";

/**
 * Give the texts of a form or a query string the types that the schema wants; what does not fit stays as it is, so that
 * validation names it. The subschema is chosen by the arguments themselves, so an update adds the stored value of the
 * key first. SPEC-admin-api §1.4
 */
export function infer(
  shape: Shape,
  values: Values,
  entity?: (name: string) => Entity | undefined,
): Record<string, unknown> {
  const fields = { ...shape.shorthand_fields, ...fieldsOf(shape, values) } as Record<string, Field>;
  const row: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(values)) {
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    put(row, name, field ? inferValue(field, value, entity) : value);
  }
  const { ttl } = row;
  if (shape.ttl && typeof ttl === "string") row["ttl"] = ttl === "" ? null : (parseNumber(ttl) ?? ttl);
  return row;
}

function inferValue(field: Field, value: unknown, entity?: (name: string) => Entity | undefined): unknown {
  if (value === "") return null;
  if (value === null || value === undefined) return value;
  switch (field.type) {
    case "number":
    case "integer":
      return typeof value === "string" ? (parseNumber(value) ?? value) : value;
    case "boolean":
      return value === "true" ? true : value === "false" ? false : value;
    case "array":
    case "set":
      if (Array.isArray(value)) return value.map((item) => inferValue(field.elements, item, entity));
      return isRecord(value) && field.elements.type !== "record" ? value : [inferValue(field.elements, value, entity)];
    case "map":
      if (!isRecord(value)) return value;
      return Object.fromEntries(
        Object.entries(value).map(([key, item]) => [key, inferValue(field.values, item, entity)]),
      );
    case "record":
      return isRecord(value) && !field.abstract ? infer(field, value, entity) : value;
    case "foreign": {
      const target = entity?.(field.reference);
      return isRecord(value) && target ? infer(target, value, entity) : value;
    }
    case "string":
      return value;
  }
}

/** Decimal, exponent or hexadecimal, with blanks around it, as Lua reads numbers; undefined otherwise. */
function parseNumber(text: string): number | undefined {
  const trimmed = text.trim();
  const numeric = /^[+-]?(?:\d+\.?\d*(?:e[+-]?\d+)?|\.\d+(?:e[+-]?\d+)?|0x[0-9a-f]+)$/i.test(trimmed);
  if (!numeric) return undefined;
  const [, sign = "", digits] = /^([+-]?)(.*)$/.exec(trimmed)!;
  return sign === "-" ? -Number(digits) : Number(digits);
}
