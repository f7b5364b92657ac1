import { type Entity, isUuid } from "../schema/index.ts";
import { CommandError } from "./command.ts";
import type { Plain } from "./kong-document.ts";
import {
  deckDefaults,
  finishRow,
  foreignField,
  foreignFields,
  isMapping,
  type KongFileOptions,
  type Mapping,
  referencesIn,
  split,
} from "./kong-file-rows.ts";
import { declarativeId, entityId } from "./kong-ids.ts";
import { importable, type KongRow, type KongSource, kongCollections, modernize } from "./kong-rows.ts";

/** One row as the file has it. */
interface Item {
  readonly entity: Entity;
  /** Without the members that belong to the file; references are still as written. */
  readonly row: Mapping;
  readonly id: string | undefined;
  /** The row that it is nested in. */
  readonly parent?: { readonly field: string; readonly id: string } | undefined;
  /** Where it stands: `services[0].routes[1]`. */
  readonly place: string;
}

const VERSIONS: Readonly<Record<string, readonly [number, number]>> = { "1.1": [1, 1], "2.1": [2, 1], "3.0": [3, 9] };

/** Members that say something about a file and not about the gateway. */
const ABOUT = new Set(
  "_format_version _transform _comment _ignore _info _workspace _konnect _plugin_configs workspaces parameters".split(
    " ",
  ),
);

/**
 * The rows of a declarative file, or of a dump of decK: nested rows on their own, with the ids that Kong gives them.
 * Throws CommandError when the document is no such file. SPEC-entities §11
 */
export function readKongFile(document: Plain, what: string, options: KongFileOptions): KongSource {
  const fail = (place: string, expected: string) => new CommandError(`${what}: ${place}: ${expected}`);
  if (!isMapping(document)) throw new CommandError(`${what} is no declarative configuration: expected a mapping`);
  const format = document["_format_version"];
  if (typeof format !== "string") throw fail("_format_version", "expected a string: write it with quotes");
  const release = Object.hasOwn(VERSIONS, format) ? VERSIONS[format] : undefined;
  if (!release) throw fail("_format_version", `expected one of: ${Object.keys(VERSIONS).join(", ")}`);
  const given = document["_transform"] ?? undefined;
  if (given !== undefined && typeof given !== "boolean") throw fail("_transform", "expected a boolean");
  const transform = options.transform ?? given;

  const complete = deckDefaults(document);
  const items: Item[] = [];
  const unknown: { kind: string; row: KongRow }[] = [];
  const ids = new Map<string, string>();
  const byKey = new Map<string, string>();

  const listOf = (value: Plain, place: string): readonly Plain[] => {
    if (value === null) return [];
    if (Array.isArray(value)) return value;
    throw fail(place, "expected a list");
  };

  const collect = (kind: string, value: Plain, place: string, parent?: { entity: Entity; id: string | undefined }) => {
    const entity = importable.find(({ name }) => name === kind);
    for (const [index, written] of listOf(value, place).entries()) {
      const here = `${place}[${index}]`;
      if (!entity) unknown.push({ kind, row: isMapping(written) ? written : {} });
      else if (isMapping(written)) collectRow(entity, written, here, parent);
      else throw fail(here, "expected a mapping");
    }
  };

  const collectRow = (
    entity: Entity,
    written: Mapping,
    place: string,
    parent?: { entity: Entity; id: string | undefined },
  ) => {
    const field = parent && foreignField(entity, parent.entity.name);
    if (parent && field === undefined) throw fail(place, `unknown field: ${entity.name} do not belong there`);
    const { own, children } = split(entity, complete(entity, written));
    const row = modernize(entity, own, release) as Mapping;
    const within = field !== undefined && parent?.id !== undefined ? { field, id: parent.id } : undefined;
    const id = idOf(entity, row, place, within);
    items.push({ entity, row, id, parent: within, place });
    for (const [kind, value] of children) collect(kind, value, `${place}.${kind}`, { entity, id });
  };

  const idOf = (entity: Entity, row: Mapping, place: string, parent: Item["parent"]): string | undefined => {
    const { id: explicit = null } = row;
    if (explicit !== null && !(typeof explicit === "string" && isUuid(explicit)))
      throw fail(`${place}.id`, "expected a UUID");
    const id =
      explicit?.toLowerCase() ??
      declarativeId(entity.name, row, referencesIn(entity, row, parent)) ??
      ownId(entity, row, parent);
    if (id === undefined) return undefined;
    const first = ids.get(`${entity.name} ${id}`);
    if (first !== undefined)
      throw fail(place, `uniqueness violation: this ${entity.name} entry is declared already, at ${first}`);
    ids.set(`${entity.name} ${id}`, place);
    byKey.set(`${entity.name} ${id}`, id);
    const key = entity.endpoint_key ? row[entity.endpoint_key] : undefined;
    if (typeof key === "string") byKey.set(`${entity.name} ${key}`, id);
    return id;
  };

  /** Kong draws these at random. Here the same file gives the same ids; what is known by a secret is found by it later. */
  const ownId = (entity: Entity, row: Mapping, parent: Item["parent"]): string | undefined => {
    const key = entity.endpoint_key;
    if (key !== undefined && entity.fields[key]?.encrypted) return undefined;
    const content = JSON.stringify([parent?.id, row]);
    for (let copy = 0; ; copy++) {
      const id = entityId(entity.name, `${entity.name}:sesame:${copy}:${content}`);
      if (!ids.has(`${entity.name} ${id}`)) return id;
    }
  };

  for (const [name, value] of Object.entries(document)) {
    if (ABOUT.has(name)) continue;
    if (importable.some((entity) => entity.name === name) || kongCollections.has(name)) collect(name, value, name);
    else unknown.push({ kind: name, row: {} });
  }

  /** A reference to a row of this file: its key or id as a text, or `{ id }`. */
  const resolve = ({ entity, place }: Item, field: string, value: Plain): Plain => {
    const { reference } = entity.fields[field] as { readonly reference: string };
    const text = isMapping(value) ? (value["id"] ?? value["name"] ?? value["username"]) : value;
    if (typeof text !== "string") throw fail(`${place}.${field}`, "expected a name or an id");
    if (!importable.some(({ name }) => name === reference)) return { id: text };
    const id = byKey.get(`${reference} ${text}`) ?? byKey.get(`${reference} ${text.toLowerCase()}`);
    if (id === undefined) throw fail(`${place}.${field}`, `invalid reference: no such entry in '${reference}'`);
    return { id };
  };

  const rows = new Map<Entity, KongRow[]>(importable.map((entity) => [entity, []]));
  for (const item of items) {
    const { entity, row, id, parent } = item;
    const resolved: Record<string, unknown> = { ...row, ...(id !== undefined && { id }) };
    for (const field of foreignFields(entity)) {
      const value = row[field] ?? null;
      if (field === parent?.field) resolved[field] = { id: parent.id };
      else if (value !== null) resolved[field] = resolve(item, field, value);
    }
    const finished = finishRow(entity, resolved, { ...options, transform });
    if (finished) rows.get(entity)!.push(finished);
  }
  return {
    async *rows(entity) {
      yield* rows.get(entity) ?? [];
    },
    async *unknown() {
      yield* unknown;
    },
  };
}
