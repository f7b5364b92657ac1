import { type Route, route, type Service, type Stores, service } from "../entities/index.ts";
import { buildSnapshot, type Gateway, type Log, type Snapshot, type SnapshotParts } from "../gateway/index.ts";
import { followRows, type Rows } from "./follow-rows.ts";

/** The entities that a snapshot is compiled from; changes of others do not concern it. */
const COMPILED = [service.name, route.name, "plugins"];

/**
 * Compile the database's rows for the gateway, now and after every change; a write is answered when this is done. Rows that
 * cannot be compiled leave the old snapshot serving: throws for the first one, logs for later ones. Answers how to stop.
 */
export function feedGateway(gateway: Gateway, stores: Stores, parts: SnapshotParts, log: Log): Promise<() => void> {
  let snapshot: Snapshot | undefined;
  return followRows(stores, COMPILED, (rows) => {
    try {
      const compiled = {
        services: list<Service>(rows, service.name),
        routes: list<Route>(rows, route.name),
        plugins: list<never>(rows, "plugins"),
      };
      snapshot = buildSnapshot(compiled, parts, snapshot);
      gateway.use(snapshot);
    } catch (error) {
      if (!snapshot) throw error;
      log.error("the changed configuration cannot be compiled; the one before stays in effect", { error });
    }
  });
}

function list<R>(rows: Rows, name: string): R[] {
  return [...rows.get(name)!.values()] as unknown as R[];
}
