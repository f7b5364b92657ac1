import type { Key, Write } from "../entities/index.ts";
import { type EntityError, operationUnsupported } from "../schema/index.ts";
import { Conflict } from "./conflicts.ts";
import { conditionOf } from "./keys.ts";
import { selectWhere } from "./reads.ts";
import type { Table } from "./tables.ts";
import { type Outcome, perform, type WriteContext } from "./writes.ts";

const WORDS = { insert: "create", update: "update", upsert: "create or update", delete: "remove" } as const;

/**
 * The end of a write of rows that a declarative configuration has: it is judged as ever, so that what is wrong with it is
 * said first, and then refused with code 12. To remove what is not there is no write. SPEC-admin-api §4
 */
export async function refuse(context: WriteContext, table: Table, write: Write): Promise<Outcome> {
  if (write.verb === "delete") {
    const [found] = await selectWhere(context.tx, table, [conditionOf(table, write.key)], context.now);
    if (!found) return { answer: false, changes: [] };
    throw unsupported(write.verb, table, write.key);
  }
  try {
    await perform(context, write);
  } catch (error) {
    // Other rows are not looked at.
    if (!(error instanceof Conflict)) throw error;
  }
  throw unsupported(write.verb, table, write.verb === "insert" ? { id: "" } : write.key);
}

function unsupported(verb: keyof typeof WORDS, { name }: Table, key: Key): EntityError {
  const [field, ...others] = Object.keys(key);
  const by = field === "id" || others.length > 0 ? "" : ` by '${field}'`;
  return operationUnsupported(`cannot ${WORDS[verb]} '${name}' entities${by} when not using a database`);
}
