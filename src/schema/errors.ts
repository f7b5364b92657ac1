import { dump } from "./dump.ts";

/** Faults by field; `@entity` lists those of the row as a whole. Lists are positional, null where an element is right. */
export interface ErrorTree {
  readonly [field: string]: ErrorNode;
}
export type ErrorNode = string | ErrorTree | readonly (ErrorNode | null)[];

/** Codes of Kong's data layer and the names under which clients see them. SPEC-admin-api §3 */
export const entityErrors = {
  INVALID_PRIMARY_KEY: { code: 1, name: "invalid primary key" },
  SCHEMA_VIOLATION: { code: 2, name: "schema violation" },
  PRIMARY_KEY_VIOLATION: { code: 3, name: "primary key violation" },
  FOREIGN_KEY_VIOLATION: { code: 4, name: "foreign key violation" },
  UNIQUE_VIOLATION: { code: 5, name: "unique constraint violation" },
  NOT_FOUND: { code: 6, name: "not found" },
  INVALID_OFFSET: { code: 7, name: "invalid offset" },
  DATABASE_ERROR: { code: 8, name: "database error" },
  INVALID_SIZE: { code: 9, name: "invalid size" },
  INVALID_UNIQUE: { code: 10, name: "invalid unique" },
  INVALID_OPTIONS: { code: 11, name: "invalid options" },
  OPERATION_UNSUPPORTED: { code: 12, name: "operation unsupported" },
  FOREIGN_KEYS_UNRESOLVED: { code: 13, name: "foreign keys unresolved" },
  DECLARATIVE_CONFIG: { code: 14, name: "invalid declarative configuration" },
  REFERENCED_BY_OTHERS: { code: 19, name: "referenced by others" },
} as const;

export type EntityErrorCode = (typeof entityErrors)[keyof typeof entityErrors]["code"];

/** An `EntityError` as data: what the Admin API answers, and what travels between processes. */
export interface EntityErrorBody {
  readonly code: EntityErrorCode;
  readonly name: string;
  readonly message: string;
  readonly fields?: { readonly [field: string]: unknown };
  readonly options?: { readonly [option: string]: unknown };
}

/** A request about entities that cannot be met, and why. Match `code`; `JSON.stringify` gives the body that clients see. */
export class EntityError extends Error {
  readonly code: EntityErrorCode;
  readonly fields: EntityErrorBody["fields"];
  readonly options: EntityErrorBody["options"];

  constructor(body: EntityErrorBody) {
    super(body.message);
    this.name = body.name;
    this.code = body.code;
    this.fields = body.fields;
    this.options = body.options;
  }

  toJSON(): EntityErrorBody {
    const { code, name, message, fields, options } = this;
    return { code, name, message, ...(fields && { fields }), ...(options && { options }) };
  }
}

type Named = { readonly [name: string]: unknown };

export function invalidPrimaryKey(fields: Named): EntityError {
  return new EntityError({
    ...entityErrors.INVALID_PRIMARY_KEY,
    message: `invalid primary key: '${dump(fields)}'`,
    fields,
  });
}

export function schemaViolation(fields: ErrorTree): EntityError {
  const faults = listFaults(fields, (value) => (typeof value === "string" ? value : dump(value, "  ")));
  const message = faults.length === 1 ? "schema violation" : `${faults.length} schema violations`;
  return new EntityError({ ...entityErrors.SCHEMA_VIOLATION, message: `${message} (${faults.join("; ")})`, fields });
}

export function primaryKeyViolation(fields: Named): EntityError {
  return new EntityError({
    ...entityErrors.PRIMARY_KEY_VIOLATION,
    message: `primary key violation on key '${dump(fields)}'`,
    fields,
  });
}

/** The foreign field `field` holds the key of a row that `parent` does not have. */
export function invalidReference(field: string, key: Named, parent: string): EntityError {
  return new EntityError({
    ...entityErrors.FOREIGN_KEY_VIOLATION,
    message: `the foreign key '${dump(key)}' does not reference an existing '${parent}' entity.`,
    fields: { [field]: key },
  });
}

/** The row of `parent` cannot go, as rows of `child` refer to it. */
export function stillReferenced(parent: string, child: string): EntityError {
  return new EntityError({
    ...entityErrors.FOREIGN_KEY_VIOLATION,
    message: `an existing '${child}' entity references this '${parent}' entity`,
    fields: { "@referenced_by": child },
  });
}

export function uniqueViolation(fields: Named): EntityError {
  return new EntityError({
    ...entityErrors.UNIQUE_VIOLATION,
    message: `UNIQUE violation detected on '${dump(fields)}'`,
    fields,
  });
}

/** No row has this key; an `id` is the primary key, anything else a unique field. */
export function notFound(key: Named): EntityError {
  const how = "id" in key ? "with primary key" : "with";
  return new EntityError({
    ...entityErrors.NOT_FOUND,
    message: `could not find the entity ${how} '${dump(key)}'`,
    fields: key,
  });
}

export function invalidOffset(offset: string, why: string): EntityError {
  return new EntityError({ ...entityErrors.INVALID_OFFSET, message: `'${offset}' is not a valid offset: ${why}` });
}

export function invalidSize(message: string): EntityError {
  return new EntityError({ ...entityErrors.INVALID_SIZE, message });
}

/** `fault` is what the field says about the value by which a row was looked up. */
export function invalidUnique(field: string, fault: string): EntityError {
  return new EntityError({ code: 10, name: `${entityErrors.INVALID_UNIQUE.name} ${field}`, message: fault });
}

export function invalidOptions(options: ErrorTree): EntityError {
  const faults = listFaults(options, String);
  const message = faults.length === 1 ? "invalid option" : `${faults.length} option violations`;
  return new EntityError({ ...entityErrors.INVALID_OPTIONS, message: `${message} (${faults.join("; ")})`, options });
}

export function operationUnsupported(message: string): EntityError {
  return new EntityError({ ...entityErrors.OPERATION_UNSUPPORTED, message });
}

/** A reference by a unique field that no row of `parent` has. */
export interface Unresolved {
  readonly field: string;
  readonly name: string;
  readonly value: unknown;
  readonly parent: string;
}

export function foreignKeysUnresolved(unresolved: readonly Unresolved[]): EntityError {
  const fields: Record<string, Record<string, string>> = {};
  for (const { field, name, value, parent } of unresolved) {
    const key = dump({ [name]: value });
    (fields[field] ??= {})[name] =
      `the foreign key cannot be resolved with '${key}' for an existing '${parent}' entity`;
  }
  const faults = listFaults(fields, String);
  const message = faults.length === 1 ? "foreign key unresolved" : `${faults.length} foreign keys unresolved`;
  const { code, name } = entityErrors.FOREIGN_KEYS_UNRESOLVED;
  return new EntityError({ code, name, message: `${message} (${faults.join("; ")})`, fields });
}

export function referencedByOthers(message: string): EntityError {
  return new EntityError({ ...entityErrors.REFERENCED_BY_OTHERS, message });
}

/** `@entity` first and bare, then `field: fault` and `field.member: fault`, by name; list positions count from 1. */
function listFaults(tree: ErrorTree, print: (value: ErrorNode) => string): string[] {
  const faults = Array.isArray(tree["@entity"]) ? tree["@entity"].map(String) : [];
  for (const field of Object.keys(tree).sort()) {
    const node = tree[field]!;
    if (field === "@entity") continue;
    if (typeof node === "string") faults.push(`${field}: ${node}`);
    else if (Array.isArray(node)) {
      node.forEach((item, index) => {
        if (item !== null && item !== undefined) faults.push(`${field}.${index + 1}: ${print(item)}`);
      });
    } else {
      const members = node as ErrorTree;
      for (const name of Object.keys(members).sort()) faults.push(`${field}.${name}: ${print(members[name]!)}`);
    }
  }
  return faults;
}
