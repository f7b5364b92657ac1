import { isUtf8 } from "node:buffer";
import type { Input } from "../entities/index.ts";
import { Refusal } from "./errors.ts";

/** Names and values in the order sent. A value is text, `true` for a name without `=`, or what a JSON part held. */
export type Arguments = (readonly [name: string, value: unknown])[];

/** The most arguments in one query or form. Source: SPEC-admin-api §1.2. */
export const MAX_ARGUMENTS = 1000;

const MAX_STEPS = 32;

/**
 * Decode `a=1&b=2`, given as bytes in a latin1 string. A malformed `%` escape stays as it is and an argument without a
 * name is dropped, as in nginx. Throws a `Refusal` when there are too many, or text is not UTF-8.
 */
export function parseArguments(text: string): Arguments {
  const args: Arguments = [];
  for (const piece of pieces(text)) {
    const at = piece.indexOf("=");
    const name = decode(at < 0 ? piece : piece.slice(0, at));
    if (name === "") continue;
    if (args.length === MAX_ARGUMENTS) throw new Refusal("many_arguments");
    args.push([name, at < 0 ? true : decode(piece.slice(at + 1))]);
  }
  return args;
}

/** What stands between the `&`, without the empty ones. One at a time: a body of ten million `&` makes no list. */
function* pieces(text: string): Generator<string> {
  for (let start = 0; start < text.length; ) {
    const next = text.indexOf("&", start);
    const end = next < 0 ? text.length : next;
    if (end > start) yield text.slice(start, end);
    start = end + 1;
  }
}

const decode = (text: string): string => decodePercent(text.replaceAll("+", " "));

/** Undo percent escapes in a latin1 string of UTF-8 bytes. */
export function decodePercent(text: string): string {
  const bytes = Buffer.from(
    text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    "latin1",
  );
  if (!isUtf8(bytes)) throw new Refusal("not_utf8");
  return bytes.toString("utf8");
}

/** A member's name, a position in a list (from 1), or null: the end of a list. */
type Step = string | number | null;

interface Node {
  readonly scalars: unknown[];
  readonly items: Map<number, Node>;
  readonly members: Map<string, Node>;
  isList: boolean;
}

/**
 * Nest arguments by the dots and brackets in their names (SPEC-admin-api §1.3):
 *
 *   a=1 -> {a: 1}    a.b=1, a[b]=1 -> {a: {b: 1}}    a[]=x&a[]=y, a=x&a=y, a[1]=x&a[2]=y -> {a: [x, y]}
 *   a[b.c]=1 -> {a: {"b.c": 1}}    a[1].b=x -> {a: [{b: x}]}
 *
 * Positions order a list and leave no holes. Scalars and an object under one name are a list, the object last.
 */
export function nest(args: Arguments): Input {
  const root = newNode();
  for (const [name, value] of args) {
    let node = root;
    for (const step of steps(name)) {
      if (typeof step === "string") node = childOf(node.members, step);
      else {
        node.isList = true;
        if (step !== null) node = childOf(node.items, step);
      }
    }
    node.scalars.push(value);
  }
  return membersOf(root);
}

const newNode = (): Node => ({ scalars: [], items: new Map(), members: new Map(), isList: false });

function childOf<K>(children: Map<K, Node>, key: K): Node {
  const child = children.get(key) ?? newNode();
  children.set(key, child);
  return child;
}

function contentOf(node: Node): unknown {
  const items = [...node.items].sort(([a], [b]) => a - b).map(([, item]) => contentOf(item));
  const list = [...items, ...node.scalars];
  if (node.members.size === 0) return node.isList || list.length > 1 ? list : list[0];
  return list.length > 0 ? [...list, membersOf(node)] : membersOf(node);
}

/** `fromEntries` defines members, so that a name such as `__proto__` sets no prototype. */
const membersOf = (node: Node): Input =>
  Object.fromEntries([...node.members].map(([k, child]) => [k, contentOf(child)]));

/**
 * The steps of a name; the name itself where it makes no sense: an empty part, a bracket that is not closed or followed
 * by neither dot nor bracket. `[]` before further steps is the first item.
 */
function steps(raw: string): Step[] {
  const name = raw.replaceAll(/%5b/gi, "[").replaceAll(/%5d/gi, "]");
  const path: Step[] = [];
  for (let at = 0; ; at++) {
    const start = at;
    while (at < name.length && name[at] !== "." && name[at] !== "[") at++;
    if (at === start) return [raw];
    path.push(name.slice(start, at));
    while (name[at] === "[") {
      const close = name.indexOf("]", at);
      if (close < 0) return [raw];
      path.push(stepOf(name.slice(at + 1, close)));
      at = close + 1;
    }
    if (path.length > MAX_STEPS) throw new Refusal("argument_nesting");
    if (at === name.length) break;
    if (name[at] !== ".") return [raw];
  }
  return path.map((step, i) => (step === null && i < path.length - 1 ? 1 : step));
}

function stepOf(key: string): Step {
  if (key === "") return null;
  return /^\d{1,9}$/.test(key) ? Number(key) : key;
}
