import type { Change, Stores } from "../entities/index.ts";
import type { Row } from "../schema/index.ts";

/** Rows by id, by the name of their entity. */
export type Rows = ReadonlyMap<string, ReadonlyMap<string, Row>>;

/**
 * Hold all rows of some entities. `use` is called with them at first, which may throw, and after every change; a write is
 * answered when it has returned. Answers how to stop.
 */
export async function followRows(
  stores: Stores,
  entities: readonly string[],
  use: (rows: Rows) => void,
): Promise<() => void> {
  const rows = new Map(entities.map((name) => [name, new Map<string, Row>()]));
  /** Changes that come while the rows are being read: they may or may not be among what is read. */
  let early: Change[] | undefined = [];

  function apply(changes: readonly Change[]): void {
    for (const { entity, operation, row } of changes) {
      if (operation === "delete") rows.get(entity)!.delete(row.id);
      else rows.get(entity)!.set(row.id, row);
    }
    use(rows);
  }

  const stop = stores.onChange((changes) => {
    if (early) early.push(...changes);
    else apply(changes);
  }, entities);
  for (const [name, known] of rows) {
    for (const row of await stores.named(name)!.all()) known.set(row.id, row);
  }
  const missed = early;
  early = undefined;
  apply(missed);
  return stop;
}
