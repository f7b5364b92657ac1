import { type Entity, type Field, type Fields, fieldsOf, isRecord, subschemaOf } from "../schema/index.ts";
import { importable, type KongRow, type LeaveOut } from "./kong-rows.ts";

/** What the Admin API of a gateway with `admin_redact_secrets` shows in place of a secret. */
const MASK = "******";

/**
 * The row as Sesame can take it: without members that it does not know. Those that are set are reported; undefined, and
 * reported, when without them the row would mean more than it did.
 */
export function fitRow(entity: Entity, row: KongRow, leaveOut: LeaveOut): KongRow | undefined {
  const refuse = (why: string) => void leaveOut(entity, row, why);
  if (entity.name === "plugins" && !subschemaOf(entity, row))
    return refuse(`Sesame has no plugin ${shown(row["name"])}`);
  const fields = fieldsOf(entity, row);
  if (secretsOf(fields, row).includes(MASK)) return refuse("its secret is masked by the gateway it is read from");
  const unknown: string[] = [];
  const fitted = fit(fields, entity.shorthand_fields, row, "", unknown);
  for (const [name, field] of Object.entries(fields)) {
    if (field.type !== "foreign" || !isSet(fitted[name])) continue;
    if (importable.some((other) => other.name === field.reference)) continue;
    unknown.push(name);
    fitted[name] = null;
  }
  // A member of a route or a plugin that is not of its settings says which requests it is for.
  const wider =
    entity.name === "routes" || entity.name === "plugins" ? unknown.find((name) => !name.includes(".")) : undefined;
  if (wider !== undefined) return refuse(`Sesame has no ${wider} in ${entity.name}`);
  for (const name of unknown) leaveOut(entity, row, `without ${name}, which Sesame has not`);
  return fitted;
}

const isSet = (value: unknown): boolean => value !== null && value !== undefined;

const shown = (name: unknown): string => (typeof name === "string" ? name : "without a name");

function fit(
  fields: Fields | Readonly<Record<string, Field>>,
  shorthands: object = {},
  row: KongRow,
  path: string,
  unknown: string[],
): Record<string, unknown> {
  const fitted: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(row)) {
    const field = Object.hasOwn(fields, name) ? (fields as Readonly<Record<string, Field>>)[name] : undefined;
    if (field?.type === "record" && field.fields && isRecord(value)) {
      fitted[name] = fit(field.fields, field.shorthand_fields, value, `${path}${name}.`, unknown);
    } else if (field || Object.hasOwn(shorthands, name) || (path === "" && OF_ALL.has(name))) fitted[name] = value;
    else if (isSet(value)) unknown.push(path + name);
  }
  return fitted;
}

/** Members that rows may have without a field. */
const OF_ALL = new Set(["ttl", "updated_at"]);

/** Every text in the row that is a secret. */
export function secretsOf(fields: Readonly<Record<string, Field>>, row: KongRow): string[] {
  return Object.entries(row).flatMap(([name, value]) => {
    if (name === "password_hash") return textsIn(value);
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (field?.encrypted || field?.referenceable) return textsIn(value);
    return field?.type === "record" && isRecord(value) ? secretsOf(field.fields ?? {}, value) : [];
  });
}

function textsIn(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsIn) : [];
}
