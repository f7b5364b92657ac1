import type { Change } from "../entities/index.ts";
import type { Row } from "../schema/index.ts";
import type { Table, Tables } from "./tables.ts";

/** A change as it travels between nodes. */
export interface SentChange extends Change {
  /** `row` and `old` have only what names them: the row is too large, and the receiver reads it. */
  readonly partial?: true;
}

/** A part of the changes of one write; its parts follow each other with nothing of another write between them. */
export interface Message {
  /** The number of the write, and of the node that made it. */
  readonly write: string;
  readonly isLast: boolean;
  /** Null: they do not fit, even in part, and everything must be read anew. */
  readonly changes: readonly SentChange[] | null;
}

/** The texts that tell of these changes, each of at most so many bytes. */
export function encodeMessages(write: string, changes: readonly Change[], tables: Tables, limit: number): string[] {
  const room = limit - Buffer.byteLength(JSON.stringify({ write, isLast: false, changes: [] }));
  const groups: string[][] = [[]];
  let used = 0;
  for (const change of changes) {
    const text = encodeChange(change, tables.get(change.entity)!, room);
    if (text === undefined) return [JSON.stringify({ write, isLast: true, changes: null })];
    const size = Buffer.byteLength(text) + 1;
    if (used + size > room) {
      groups.push([]);
      used = 0;
    }
    groups.at(-1)!.push(text);
    used += size;
  }
  return groups.map(
    (texts, index) =>
      `{"write":${JSON.stringify(write)},"isLast":${index === groups.length - 1},"changes":[${texts.join(",")}]}`,
  );
}

/** Undefined when not even the names fit. */
function encodeChange(change: Change, table: Table, room: number): string | undefined {
  const whole = JSON.stringify(change);
  if (Buffer.byteLength(whole) < room) return whole;
  const { entity, operation, row, old } = change;
  const partial = {
    entity,
    operation,
    row: namesOf(table, row),
    ...(old && { old: namesOf(table, old) }),
    partial: true,
  };
  const text = JSON.stringify(partial);
  return Buffer.byteLength(text) < room ? text : undefined;
}

/** What rows are remembered by: the id, the unique fields and the references. */
function namesOf(table: Table, row: Row): Row {
  const names: Record<string, unknown> = { id: row.id };
  for (const { field, definition } of table.columns) {
    if (definition.unique || definition.type === "foreign") names[field] = row[field];
  }
  return names as Row;
}

/** The message in a text that a node wrote. */
export function decodeMessage(text: string): Message {
  return JSON.parse(text) as Message;
}
