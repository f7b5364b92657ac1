import type { Entity, Subschema } from "./entity.ts";
import type { Check, Field, Fields, Match, Pattern, Shorthands } from "./field.ts";

/** A schema as clients see it in `/schemas`: fields as an ordered list of objects with one member each. */
export interface Description {
  readonly fields: readonly Descriptor[];
  readonly entity_checks: readonly Descriptor[];
  readonly shorthand_fields?: readonly Descriptor[];
}
type Descriptor = { readonly [name: string]: unknown };

/** What describes an entity. SPEC-admin-api §4, "Schemas" */
export function describe(entity: Pick<Entity, "fields" | "entity_checks">): Description {
  return { fields: describeFields(entity.fields), entity_checks: (entity.entity_checks ?? []).map(describeCheck) };
}

/** What describes a subschema, such as a plugin by its name. */
export function describeSubschema(subschema: Subschema): Description {
  return describe({ fields: subschema.fields, entity_checks: subschema.checks ?? [] });
}

function describeFields(fields: Fields): Descriptor[] {
  return Object.entries(fields)
    .filter(([, field]) => !field.newer)
    .map(([name, field]) => ({ [name]: describeField(field) }));
}

/** Members that go out as they are. */
const plain = [
  "type",
  "required",
  "default",
  "one_of",
  "not_one_of",
  "between",
  "gt",
  "len_min",
  "len_max",
  "starts_with",
  "uuid",
  "unique",
  "auto",
  "timestamp",
  "reference",
  "on_delete",
  "eq",
  "abstract",
  "referenceable",
  "encrypted",
  "mutually_exclusive_subsets",
  "description",
] as const;

function describeField(field: Field): Descriptor {
  const members = field as unknown as Record<string, unknown>;
  const descriptor: Record<string, unknown> = {};
  for (const name of plain)
    if (members[name] !== undefined && members[name] !== "unpublished") descriptor[name] = members[name];
  if (field.type === "string") {
    if (field.match) descriptor["match"] = field.match.pattern;
    if (field.match_none) descriptor["match_none"] = field.match_none.map(describePattern);
    if (field.match_all) descriptor["match_all"] = field.match_all.map(describePattern);
    if (field.match_any) {
      const { patterns, err } = field.match_any;
      descriptor["match_any"] = { patterns: patterns.map(({ pattern }) => pattern), err };
    }
  } else if (field.type === "array" || field.type === "set") {
    descriptor["elements"] = describeField(field.elements);
  } else if (field.type === "map") {
    descriptor["keys"] = describeField(field.keys);
    descriptor["values"] = describeField(field.values);
  } else if (field.type === "record") {
    if (field.fields) descriptor["fields"] = describeFields(field.fields);
    if (field.shorthand_fields) descriptor["shorthand_fields"] = describeShorthands(field.shorthand_fields);
    if (field.entity_checks) descriptor["entity_checks"] = field.entity_checks.map(describeCheck);
  }
  return descriptor;
}

function describePattern({ pattern, err }: Pattern): Descriptor {
  return err === undefined ? { pattern } : { pattern, err };
}

function describeShorthands(shorthands: Shorthands): Descriptor[] {
  return Object.entries(shorthands).map(([name, { type, description }]) => ({ [name]: { type, description } }));
}

function describeCheck(check: Check): Descriptor {
  if ("custom_entity_check" in check) {
    const { fn: _, ...rest } = check.custom_entity_check;
    return { custom_entity_check: rest };
  }
  if ("conditional" in check) {
    const { if_match, then_match, ...rest } = check.conditional;
    return { conditional: { ...rest, if_match: describeMatch(if_match), then_match: describeMatch(then_match) } };
  }
  return check;
}

function describeMatch(match: Match): Descriptor {
  return { ...match, ...(match.match && { match: match.match.pattern }) };
}
