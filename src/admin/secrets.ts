import type { Input } from "../entities/index.ts";
import {
  type Description,
  type Entity,
  type ErrorTree,
  type Field,
  fieldsOf,
  isRecord,
  type Row,
  schemaViolation,
} from "../schema/index.ts";

/** What stands in answers for a secret, as Kong prints it in `GET /`. */
export const MASK = "******";

/** Hides secrets in answers (setting `admin_redact_secrets`): fields that are `encrypted` or `referenceable`. */
export interface Secrets {
  /** The row with its secrets masked. */
  hide(entity: Entity, row: Row): Input;
  /** A schema with its secret defaults masked. */
  hideDefaults(description: Description): Description;
  /**
   * The input with the stored secret where it holds the mask, as clients send back what they got. Throws code 2 where
   * there is no stored one: a mask must never become somebody's secret.
   */
  keep(entity: Entity, input: Input, stored: Row | undefined): Input;
}

/** Shows everything, as Kong does and decK needs. */
export const shownSecrets: Secrets = {
  hide: (_entity, row) => row,
  hideDefaults: (description) => description,
  keep: (_entity, input) => input,
};

/** Likewise, with no `ttl` on a row that does not expire: so it is where there is no database. */
export const withoutTtl = (secrets: Secrets): Secrets => ({
  ...secrets,
  hide(entity, row) {
    const { ttl, ...shown } = secrets.hide(entity, row);
    return ttl === null || ttl === undefined ? shown : { ...shown, ttl };
  },
});

export const hiddenSecrets: Secrets = {
  hide: (entity, row) => change(fieldsOf(entity, row), row, undefined, (value) => (value === null ? null : MASK)),
  hideDefaults: (description) => JSON.parse(JSON.stringify(description, maskDefault)),
  keep: (entity, input, stored) =>
    change(fieldsOf(entity, { ...stored, ...input }), input, stored, (value, old, path) => {
      if (value !== MASK) return value;
      if (typeof old === "string") return old;
      throw schemaViolation(faultAt(path, "expected the secret itself and not its mask"));
    }),
};

type Change = (value: unknown, stored: unknown, path: readonly string[]) => unknown;

/** The values with every secret among them changed. */
function change(
  fields: Readonly<Record<string, Field>>,
  values: Input,
  stored: unknown,
  by: Change,
  path: readonly string[] = [],
): Input {
  const entries = Object.entries(values).map(([name, value]) => {
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    const old = isRecord(stored) ? stored[name] : undefined;
    return [name, field ? changeValue(field, value, old, by, [...path, name]) : value];
  });
  return Object.fromEntries(entries);
}

function changeValue(field: Field, value: unknown, stored: unknown, by: Change, path: readonly string[]): unknown {
  if (Array.isArray(value) && (field.type === "array" || field.type === "set")) {
    const element = within(field, field.elements);
    return value.map((item, i) => changeValue(element, item, Array.isArray(stored) ? stored[i] : undefined, by, path));
  }
  if (isRecord(value) && field.type === "record") return change(field.fields ?? {}, value, stored, by, path);
  if (isRecord(value) && field.type === "map") {
    const element = within(field, field.values);
    return change(Object.fromEntries(Object.keys(value).map((key) => [key, element])), value, stored, by, path);
  }
  return isSecret(field) ? by(value, stored, path) : value;
}

const isSecret = (field: Pick<Field, "encrypted" | "referenceable">): boolean =>
  Boolean(field.encrypted || field.referenceable);

/** The field of an element: secret when its container is. */
const within = (container: Field, element: Field): Field =>
  isSecret(container) ? ({ ...element, encrypted: true } as Field) : element;

const faultAt = (path: readonly string[], fault: string): ErrorTree =>
  path.reduceRight<unknown>((below, name) => ({ [name]: below }), fault) as ErrorTree;

/** For JSON.stringify: the default of a field that is a secret. */
function maskDefault(this: unknown, key: string, value: unknown): unknown {
  return key === "default" && value !== null && isSecret(this as Field) ? MASK : value;
}
