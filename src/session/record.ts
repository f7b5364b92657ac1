import { hash } from "node:crypto";
import { decodeBase64url } from "./base64url.ts";
import type { ParsedOptions } from "./options.ts";
import { type Entry, fromJson, type JsonValue, toJson } from "./payload.ts";
import type { SessionReason } from "./reasons.ts";
import type { SessionIndex } from "./storage.ts";

/** Values kept beside the data, by audience and key (SPEC-session-v4 §12). They are not encrypted. */
export type InfoTable = ReadonlyMap<string, ReadonlyMap<string, JsonValue>>;

/**
 * What a storage keeps of a session (SPEC-session-v4 §8), as JSON `[payload, info]`, or what stateless cookies carry.
 * `payload` is the sealed data as base64url text, `info` is left out when there is none.
 */
export interface SessionRecord {
  readonly payload: string;
  readonly info: InfoTable | undefined;
}

/** The text of a record. Throws `ERR_SESSION_DATA`. */
export function recordText({ payload, info }: SessionRecord): string {
  if (info === undefined) return JSON.stringify([payload]);
  const table = Object.fromEntries([...info].map(([audience, values]) => [audience, Object.fromEntries(values)]));
  const json = toJson(table, "unable to json encode session info");
  return JSON.stringify([payload, Buffer.from(json).toString("base64url")]);
}

/** Read the text of a record, whoever wrote it. */
export function readRecord(text: string): SessionRecord | SessionReason {
  const record = fromJson(text);
  if (record === undefined) return "unable_to_json_decode_session";
  if (!Array.isArray(record) || typeof record[0] !== "string") return "invalid_session_payload";
  const payload: string = record[0];
  if (record.length < 2) return { payload, info: undefined };
  const bytes = typeof record[1] === "string" ? decodeBase64url(record[1]) : undefined;
  if (bytes === undefined) return "unable_to_base64url_decode_session_info";
  const info = readInfo(fromJson(bytes.toString()));
  return info === undefined ? "unable_to_json_decode_session_info" : { payload, info };
}

function readInfo(value: unknown): InfoTable | undefined {
  if (!isObject(value)) return undefined;
  const table = new Map<string, ReadonlyMap<string, JsonValue>>();
  for (const [audience, values] of Object.entries(value)) {
    if (!isObject(values)) return undefined;
    table.set(audience, new Map(Object.entries(values as { [key: string]: JsonValue })));
  }
  return table;
}

// An empty table of lua-cjson may be a list.
const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;

type NameOptions = Pick<ParsedOptions, "hash_storage_key" | "hash_subject" | "store_metadata" | "compatibility">;

/** The key of a session's record: 43 characters. */
export function storageKey(options: NameOptions, sid: Buffer): string {
  return options.hash_storage_key ? hash("sha256", sid, "base64url") : sid.toString("base64url");
}

/** The indexes a session belongs to: one for each entry with a subject (SPEC-session-v4 §8.3). Undefined without any. */
export function indexesOf(options: NameOptions, entries: readonly Entry[]): SessionIndex[] | undefined {
  if (!options.store_metadata) return undefined;
  // Strictly compatible, subjects of a session with several audiences are written as they are (Q3).
  const raw = options.compatibility === "strict" && entries.length > 1;
  const indexes: SessionIndex[] = [];
  for (const { audience, subject } of entries) {
    if (!subject || !audience) continue;
    indexes.push({ audience: toText(audience), subject: raw ? subject : subjectText(options, subject) });
  }
  return indexes.length > 0 ? indexes : undefined;
}

/** How an audience and a subject are written in the indexes of a storage; what `SessionStorage.list` takes. */
export function indexOf(options: NameOptions, audience: string, subject: string): SessionIndex {
  return { audience: toText(audience), subject: subjectText(options, subject) };
}

function subjectText({ hash_subject }: NameOptions, subject: string): string {
  return hash_subject ? hash("sha256", subject, "buffer").subarray(0, 16).toString("base64url") : toText(subject);
}

const toText = (text: string): string => Buffer.from(text).toString("base64url");
