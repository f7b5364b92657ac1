import { randomUUID } from "node:crypto";
import { type Entity, fieldsOf, isRecord } from "../schema/index.ts";
import { CommandError } from "./command.ts";
import { isKnownBySecret } from "./declarative-walk.ts";
import { pagesOf } from "./kong-admin.ts";
import { fitRow, secretsOf } from "./kong-fit.ts";
import type { AdminAnswer, AdminApi } from "./kong-http.ts";
import { type KongRow, type KongSource, type LeaveOut, pathOf } from "./kong-rows.ts";

/** Longest `ttl` that an Admin API takes, in seconds. */
const LONGEST_TTL = 100_000_000;
/** Writes under way at a time. */
const LANES = 8;

export interface WriteOptions {
  readonly entities: readonly Entity[];
  /** Absent: nothing is written. */
  readonly target?: AdminApi | undefined;
  /** Seconds since the epoch. */
  readonly now: number;
  readonly leaveOut: LeaveOut;
  /** Hears of each row that is written, or would be. */
  readonly onRow: (entity: Entity, row: KongRow) => void;
}

/**
 * Write a Kong's rows by PUT to their own ids, parents first, so that writing them again changes nothing. What is refused
 * is left out, with what refers to it. Throws CommandError when the target fails.
 */
export async function writeRows(source: KongSource, options: WriteOptions): Promise<void> {
  const { leaveOut } = options;
  const missing = new Set<string>();
  for (const entity of options.entities) {
    const known =
      options.target && isKnownBySecret(entity) ? lazily(() => idsByKey(options.target!, entity)) : undefined;
    await inLanes(source.rows(entity), async (row) => {
      const lose = () => typeof row["id"] === "string" && missing.add(row["id"].toLowerCase());
      const parent = parentsOf(entity, row).find(([, id]) => missing.has(id));
      if (parent) {
        leaveOut(entity, row, `its ${parent[0]} is left out`);
        return lose();
      }
      const fitted = fitRow(entity, row, leaveOut);
      if (!fitted) return lose();
      const refused = options.target && (await put(options.target, entity, fitted, options.now, known));
      if (refused === undefined) return options.onRow(entity, row);
      leaveOut(entity, row, refused);
      return lose();
    });
  }
}

function parentsOf(entity: Entity, row: KongRow): [field: string, id: string][] {
  return Object.entries(entity.fields).flatMap(([name, { type }]) => {
    const value = row[name];
    return type === "foreign" && isRecord(value) ? [[name, String(value["id"]).toLowerCase()] as [string, string]] : [];
  });
}

/** Rows of a file that have no id keep the one that they got the last time. */
async function idsByKey(target: AdminApi, entity: Entity): Promise<Map<unknown, unknown>> {
  const ids = new Map<unknown, unknown>();
  for await (const row of pagesOf(target, pathOf(entity))) ids.set(row[entity.endpoint_key!], row["id"]);
  return ids;
}

/** Answers why the row was refused; undefined when it was not. */
async function put(
  target: AdminApi,
  entity: Entity,
  row: KongRow,
  now: number,
  known: (() => Promise<ReadonlyMap<unknown, unknown>>) | undefined,
): Promise<string | undefined> {
  const id = row["id"] ?? (await known?.())?.get(row[entity.endpoint_key!]) ?? randomUUID();
  const path = `${pathOf(entity)}/${encodeURIComponent(String(id))}`;
  const answer = await target.send("PUT", path, withLife(row, now));
  if (answer.status === 200 || answer.status === 201) return undefined;
  if (answer.status === 400 || answer.status === 409 || answer.status === 413) return reasonOf(answer, entity, row);
  const message = isRecord(answer.body) && answer.status === 405 ? `: ${answer.body["message"]}` : "";
  throw new CommandError(`PUT ${target.name}${pathOf(entity)} was answered with ${answer.status}${message}`);
}

/** `ttl` counts from `created_at`, which may lie long before. SPEC-entities §10 */
function withLife(row: KongRow, now: number): KongRow {
  const { ttl, created_at, ...rest } = row;
  if (typeof ttl !== "number" || ttl <= 0) return { ...row, ttl: undefined };
  const life = typeof created_at === "number" ? Math.ceil(ttl + now - created_at) : ttl;
  return life <= LONGEST_TTL && life > 0 ? { ...row, ttl: life } : { ...rest, ttl: Math.min(ttl, LONGEST_TTL) };
}

/** What the target says against a row, without a secret of the row. */
function reasonOf({ status, body }: AdminAnswer, entity: Entity, row: KongRow): string {
  const { message, code, fields } = isRecord(body) ? body : {};
  const names = isRecord(fields) ? Object.keys(fields).join(", ") : "";
  if (code === 5) return `another row has the same ${names}`;
  const isTold = secretsOf(fieldsOf(entity, row), row).some((secret) => String(message).includes(secret));
  return typeof message === "string" && !isTold ? message : `refused with ${status}${names && ` because of ${names}`}`;
}

/** Do the work for every item, a few at a time. */
async function inLanes<T>(items: AsyncIterable<T>, work: (item: T) => Promise<unknown>): Promise<void> {
  const iterator = items[Symbol.asyncIterator]();
  let failed = false;
  const lane = async () => {
    for (let next = await iterator.next(); !next.done && !failed; next = await iterator.next()) await work(next.value);
  };
  const guarded = () =>
    lane().catch((error) => {
      failed = true;
      throw error;
    });
  await Promise.all(Array.from({ length: LANES }, guarded));
}

function lazily<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}
