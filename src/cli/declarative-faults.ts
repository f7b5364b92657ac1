import { type ErrorNode, type ErrorTree, fieldsOf } from "../schema/index.ts";
import type { Item, Place } from "./declarative-walk.ts";
import { secretsOf } from "./kong-fit.ts";
import { printable } from "./kong-report.ts";
import { labelOf } from "./kong-rows.ts";

/** What is wrong with a declarative file: a text, or texts by field, and where. */
export interface Fault {
  readonly place: Place;
  readonly fault: ErrorNode;
  /** The row that it is about; absent when it is about the file. */
  readonly item?: Item | undefined;
}

/** One text of a fault. */
interface Finding {
  /** `config.key_names.1`, positions from 1; undefined when it is about the row as a whole. */
  readonly field: string | undefined;
  readonly message: string;
}

function findingsOf(node: ErrorNode, path: readonly string[] = []): Finding[] {
  if (typeof node === "string") return [{ field: path.join(".") || undefined, message: node }];
  if (Array.isArray(node)) {
    return (node as readonly (ErrorNode | null)[]).flatMap((item, index) =>
      item === null ? [] : findingsOf(item, [...path, String(index + 1)]),
    );
  }
  return Object.entries(node as ErrorTree).flatMap(([name, fault]) =>
    name === "@entity" ? findingsOfAll(fault, path) : findingsOf(fault, [...path, name]),
  );
}

const findingsOfAll = (texts: ErrorNode, path: readonly string[]): Finding[] =>
  (Array.isArray(texts) ? texts : [texts]).map((text) => ({
    field: path.join(".") || undefined,
    message: String(text),
  }));

/** A line for each fault: file, row, field, and what is wrong, without a secret of the row. */
export function linesOf(what: string, faults: readonly Fault[]): string[] {
  return faults.flatMap(({ place, fault, item }) =>
    findingsOf(fault).map(({ field, message }) => {
      const label = item && labelOf(item.row);
      const hint = place[0] === "_format_version" && message === "expected a string" ? ' such as "3.0", in quotes' : "";
      const where = `${placeOf(place)}${label === undefined || label === "(unnamed)" ? "" : ` (${printable(label)})`}`;
      return `${what}: ${where}: ${field === undefined ? "" : `${field}: `}${printable(withoutSecrets(message, item), 500)}${hint}`;
    }),
  );
}

/** `services[0].routes[1]`, positions from 0. */
const placeOf = (place: Place): string =>
  place.map((part, index) => (typeof part === "number" ? `[${part}]` : index === 0 ? part : `.${part}`)).join("");

/** A shorter one is part of any text. */
const SHORTEST_SECRET = 4;

function withoutSecrets(message: string, item: Item | undefined): string {
  if (!item) return message;
  const secrets = secretsOf(fieldsOf(item.entity, item.row), item.row).filter(
    ({ length }) => length >= SHORTEST_SECRET,
  );
  return secrets.reduce((text, secret) => text.replaceAll(secret, "******"), message);
}

/** The faults in the form of the file, as the member `fields` of an error with code 14. SPEC-admin-api §4 */
export function treeOf(faults: readonly Fault[]): ErrorTree {
  const root = newNode();
  for (const { place, fault } of faults) put(root, place, fault);
  return root as ErrorTree;
}

// biome-ignore lint/suspicious/noExplicitAny: a list or a record, as the place says
type Node = any;

/** A name such as `__proto__` is one like any other. */
const newNode = (): Node => Object.create(null);

function put(root: Node, place: Place, fault: ErrorNode): void {
  let node = root;
  for (const [index, part] of place.entries()) {
    const next = place[index + 1];
    if (typeof part === "number") while (node.length < part) node.push(null);
    if (next === undefined) node[part] = joined(node[part] ?? undefined, fault);
    else {
      if (typeof node[part] === "string") node[part] = joined(node[part], newNode());
      node = node[part] ??= typeof next === "number" ? [] : newNode();
    }
  }
}

/** Of a row that is refused as a whole there may be more to say. */
function joined(there: ErrorNode | undefined, fault: ErrorNode): ErrorNode {
  if (there === undefined) return fault;
  const tree = (node: ErrorNode) => (typeof node === "string" ? { "@entity": [node] } : node);
  return { ...(tree(fault) as ErrorTree), ...(tree(there) as ErrorTree) };
}

/** The faults of one row, as they stand in `flattened_errors`. */
export interface FlattenedError {
  readonly entity_type: string;
  readonly entity_id?: string;
  readonly entity_name?: string;
  readonly entity_tags?: readonly unknown[];
  readonly entity: Item["row"];
  readonly errors: readonly (
    | { readonly type: "field"; readonly field: string; readonly message: string }
    | { readonly type: "entity"; readonly message: string }
  )[];
}

/** The faults row by row, and what is about no row. SPEC-admin-api §4 */
export function flatten(faults: readonly Fault[]): { flattened: readonly FlattenedError[]; rest: readonly Fault[] } {
  const ofRows = faults.filter(({ item }) => item);
  // Nested rows come before those that they are nested in.
  const byPlace = Map.groupBy(
    ofRows.toSorted((a, b) => b.place.length - a.place.length),
    ({ place }) => placeOf(place),
  );
  const flattened = [...byPlace.values()].map((group): FlattenedError => {
    const { entity, row } = group[0]!.item!;
    const { id, name, tags } = row;
    return {
      entity_type: entity.name.replace(/s$/, ""),
      ...(typeof id === "string" && { entity_id: id }),
      ...(typeof name === "string" && { entity_name: name }),
      ...(Array.isArray(tags) && { entity_tags: tags }),
      entity: row,
      errors: group
        .flatMap(({ fault }) => findingsOf(fault))
        .map(({ field, message }) =>
          field === undefined ? { type: "entity", message } : { type: "field", field, message },
        ),
    };
  });
  return { flattened, rest: faults.filter(({ item }) => !item) };
}
