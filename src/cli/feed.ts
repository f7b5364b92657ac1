import type { Route } from "../entities/index.ts";
import { type Change, route, type Service, type Stores, service } from "../entities/index.ts";
import {
  buildSnapshot,
  type Gateway,
  type Log,
  type Snapshot,
  type SnapshotParts,
  type SnapshotRows,
} from "../gateway/index.ts";
import type { Row } from "../schema/index.ts";

/** The entities that a snapshot is compiled from; changes of others do not concern it. */
const COMPILED = [service.name, route.name, "plugins"] as const;

/**
 * Compile the database's rows for the gateway, now and after every change; a write is answered when this is done. Rows that
 * cannot be compiled leave the old snapshot serving: throws for the first one, logs for later ones. Answers how to stop.
 */
export async function feedGateway(gateway: Gateway, stores: Stores, parts: SnapshotParts, log: Log): Promise<() => void> {
  const rows = new Map(COMPILED.map((name) => [name as string, new Map<string, Row>()]));
  /** Changes that come while the rows are being read, and may or may not be among them; in effect afterwards. */
  const early: Change[] = [];
  let snapshot: Snapshot | undefined;

  const stop = stores.onChange((changes: readonly Change[]) => {
    if (!snapshot) {
      early.push(...changes);
      return;
    }
    apply(changes);
    try {
      snapshot = buildSnapshot(snapshotRows(rows), parts, snapshot);
      gateway.use(snapshot);
    } catch (error) {
      log.error("the changed configuration cannot be compiled; the one before stays in effect", { error });
    }
  }, COMPILED);

  function apply(changes: readonly Change[]): void {
    for (const { entity, operation, row } of changes) {
      if (operation === "delete") rows.get(entity)!.delete(row.id);
      else rows.get(entity)!.set(row.id, row);
    }
  }

  for (const [name, known] of rows) {
    for (const row of await stores.named(name)!.all()) known.set(row.id, row);
  }
  apply(early);
  snapshot = buildSnapshot(snapshotRows(rows), parts);
  gateway.use(snapshot);
  return stop;
}

type Rows = ReadonlyMap<string, ReadonlyMap<string, Row>>;

function snapshotRows(rows: Rows): SnapshotRows {
  return {
    services: list<Service>(rows, service.name),
    routes: list<Route>(rows, route.name),
    plugins: list(rows, "plugins"),
  };
}

function list<R>(rows: Rows, name: string): R[] {
  return [...rows.get(name)!.values()] as unknown as R[];
}
