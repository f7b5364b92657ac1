import type { Change, Stores } from "../entities/index.ts";
import type { Row } from "../schema/index.ts";

/** Rows by id, by the name of their entity. */
export type Rows = ReadonlyMap<string, ReadonlyMap<string, Row>>;

/**
 * Hold all rows of some entities. `use` is called with them at first, which may throw, and after every change; a write is
 * answered when it has returned. When changes may have been missed, all are read again. Answers how to stop.
 */
export async function followRows(
  stores: Stores,
  entities: readonly string[],
  use: (rows: Rows) => void,
): Promise<() => void> {
  const rows = new Map<string, Map<string, Row>>();
  /** Changes that come while the rows are being read: they may or may not be among what is read. */
  let early: Change[] | undefined;

  function apply(changes: readonly Change[]): void {
    for (const { entity, operation, row } of changes) {
      if (operation === "delete") rows.get(entity)!.delete(row.id);
      else rows.get(entity)!.set(row.id, row);
    }
    use(rows);
  }

  async function readAll(): Promise<void> {
    const missed: Change[] = [];
    early = missed;
    try {
      const read = await Promise.all(entities.map((name) => stores.named(name)!.all()));
      for (const [index, name] of entities.entries()) rows.set(name, new Map(read[index]!.map((row) => [row.id, row])));
    } finally {
      early = undefined;
    }
    apply(missed);
  }

  let reading = readAll();
  const readAgain = () => (reading = reading.catch(() => {}).then(readAll));

  const stops = [
    stores.onChange((changes) => {
      if (early) early.push(...changes);
      else apply(changes);
    }, entities),
    stores.onReset(readAgain),
  ];
  await reading;
  return () => {
    for (const stop of stops) stop();
  };
}
