import { isUtf8 } from "node:buffer";
import type { Awaitable } from "../schema/index.ts";
import { type Context, contextKey } from "./context.ts";
import { readParts } from "./multipart.ts";
import { decodeQueryText, parseQuery } from "./query.ts";

/**
 * The arguments of a request body by name. Forms and multipart: text (`true` for a form's name without `=`), or the list of
 * values where a name is repeated. JSON: the members of the object, as they are.
 */
export type BodyArgs = ReadonlyMap<string, unknown>;

/** Bodies longer than this many bytes have no arguments; they flow to the upstream unread. */
const MAX_BODY = 1024 * 1024;

/** One way to write arguments. Both functions are given the whole body and its `Content-Type`. */
interface BodyForm {
  /** Undefined when the body is broken. */
  read(body: Buffer, contentType: string): Map<string, unknown> | undefined;
  /** The body without the argument; the rest stays as it was written. */
  without(body: Buffer, name: string, contentType: string): Uint8Array;
}

const urlencoded: BodyForm = {
  read(body) {
    const args = new Map<string, unknown>();
    for (const [name, values] of parseQuery(body.toString("utf8")))
      args.set(name, values.length > 1 ? values : values[0]);
    return args;
  },
  without(body, name) {
    const pieces = body.toString("latin1").split("&");
    return Buffer.from(pieces.filter((piece) => nameOf(piece) !== name).join("&"), "latin1");
  },
};

function nameOf(piece: string): string {
  const equals = piece.indexOf("=");
  return decodeQueryText(Buffer.from(equals < 0 ? piece : piece.slice(0, equals), "latin1").toString("utf8"));
}

const json: BodyForm = {
  read(body) {
    if (!isUtf8(body)) return undefined;
    let value: unknown;
    try {
      value = JSON.parse(body.toString("utf8"));
    } catch {
      return undefined;
    }
    if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
    return new Map(Object.entries(value));
  },
  without(body, name) {
    const text = body.toString("utf8");
    const kept = membersOf(text).filter((member) => member.name !== name);
    return Buffer.from(`{${kept.map(({ start, end }) => text.slice(start, end)).join(",")}}`);
  },
};

/** Where the members of a JSON object stand in its text, which must be valid. */
function membersOf(text: string): { name: string; start: number; end: number }[] {
  const members = [];
  let name: string | undefined;
  let start = text.indexOf("{") + 1;
  let depth = 0;
  for (let at = start; depth >= 0; at++) {
    const mark = text[at];
    if (mark === '"') {
      const end = endOfString(text, at);
      name ??= JSON.parse(text.slice(at, end)) as string;
      at = end - 1;
    } else if (mark === "{" || mark === "[") {
      depth++;
    } else if (mark === "}" || mark === "]") {
      depth--;
    }
    if (depth < 0 || (depth === 0 && mark === ",")) {
      if (name !== undefined) members.push({ name, start, end: at });
      name = undefined;
      start = at + 1;
    }
  }
  return members;
}

/** The position after the string that begins at `at`. */
function endOfString(text: string, at: number): number {
  let end = at + 1;
  while (text[end] !== '"') end += text[end] === "\\" ? 2 : 1;
  return end + 1;
}

const multipart: BodyForm = {
  read(body, contentType) {
    const parts = readParts(body, contentType);
    if (!parts) return undefined;
    const args = new Map<string, unknown>();
    for (const { name, value } of parts) {
      if (name === undefined) continue;
      const text = body.toString("utf8", value.start, value.end);
      const before = args.get(name);
      if (Array.isArray(before)) before.push(text);
      else args.set(name, before === undefined ? text : [before, text]);
    }
    return args;
  },
  without(body, name, contentType) {
    const kept: Uint8Array[] = [];
    let from = 0;
    for (const part of readParts(body, contentType) ?? []) {
      if (part.name !== name) continue;
      kept.push(body.subarray(from, part.start));
      from = part.end;
    }
    kept.push(body.subarray(from));
    return Buffer.concat(kept);
  },
};

const FORMS: ReadonlyMap<string, BodyForm> = new Map([
  ["application/x-www-form-urlencoded", urlencoded],
  ["application/json", json],
  ["multipart/form-data", multipart],
]);

/** What was read, kept for the plugins of the same request. */
const bodyArgs = contextKey<{ form: BodyForm; args: Map<string, unknown> | undefined }>("body arguments");

/**
 * The arguments of the request's body, read at the first call. Undefined when there is no body, when it is longer than 1 MiB,
 * of a type without arguments, or broken. No promise where nothing has to be read.
 */
export function readBodyArgs(ctx: Context): Awaitable<BodyArgs | undefined> {
  const known = ctx.get(bodyArgs);
  if (known) return known.args;
  const { body, headers } = ctx.request;
  const contentType = headers.get("content-type") ?? "";
  const form = FORMS.get(contentType.split(";", 1)[0]!.trim().toLowerCase());
  if (!form || body.length === 0) return undefined;
  return body.read(MAX_BODY).then((bytes) => {
    const args = bytes && form.read(asBuffer(bytes), contentType);
    ctx.set(bodyArgs, { form, args });
    return args;
  });
}

/** Take an argument that `readBodyArgs` gave out of the body that goes to the upstream. */
export function removeBodyArg(ctx: Context, name: string): void {
  const known = ctx.get(bodyArgs);
  const { body, headers } = ctx.request;
  const { bytes } = body;
  if (!bytes || !known?.args?.delete(name)) return;
  body.replace(known.form.without(asBuffer(bytes), name, headers.get("content-type")!));
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
