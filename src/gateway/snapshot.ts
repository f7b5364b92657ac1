import type { Route, Service, PluginRow as StoredPlugin } from "../entities/index.ts";
import type { Handlers, Plugin, Services } from "./plugin.ts";
import { resolveReferences } from "./references.ts";
import { createRouter, type Router } from "./router.ts";
import type { RouteColumns } from "./router-rows.ts";
import type { GatewaySettings } from "./settings.ts";
import { createTarget, type Target } from "./target.ts";

/** The rows that a snapshot is compiled from. */
export interface SnapshotRows {
  readonly services: readonly Service[];
  readonly routes: readonly Route[];
  readonly plugins: readonly StoredPlugin[];
}

/**
 * The plugins of one name, as they apply to one route: which row's handlers serve depends on the consumer known when the
 * plugin's turn comes. Source: SPEC-entities §5 (ranks), SPEC-proxy §8.
 */
export interface Slot {
  readonly name: string;
  readonly base: Handlers | undefined;
  readonly byConsumer: ReadonlyMap<string, Handlers> | undefined;
}

/** A route as the router keeps it: its row, with its service's row and where that is. */
export interface RouteRow extends RouteColumns {
  readonly entity: Route;
  readonly service: Service | null;
  /** Undefined for a route without service. */
  readonly target: Target | undefined;
  /** Its plugins, compiled for its first request: there may be many routes that nobody asks for. */
  slots: readonly Slot[] | undefined;
}

/** The configuration compiled for requests: immutable, built whole and swapped whole. */
export interface Snapshot {
  readonly router: Router<RouteRow>;
  /** The plugins for a route, by falling priority; for no route, those that are global. */
  slots(route: RouteRow | undefined): readonly Slot[];
  /** Handlers by the id of their row, for the next snapshot to take over what did not change. */
  readonly instances: ReadonlyMap<string, Instance>;
}

interface Instance {
  readonly fingerprint: string;
  readonly row: StoredPlugin;
  readonly plugin: Plugin;
  readonly handlers: Handlers;
}

export interface SnapshotParts {
  readonly plugins: readonly Plugin[];
  readonly services: Services;
  readonly settings: GatewaySettings;
}

const HTTP = new Set(["http", "https", "grpc", "grpcs"]);

/**
 * Compile rows. Handlers of rows that are as they were in `previous` are taken over with what they hold; the caller closes
 * those that are not (`closeReplaced`) once no request uses the previous snapshot any more. Throws what a plugin's `create`
 * throws, and then `previous` should go on serving.
 */
export function buildSnapshot(rows: SnapshotRows, parts: SnapshotParts, previous?: Snapshot): Snapshot {
  const known = new Map(parts.plugins.map((plugin) => [plugin.name, plugin]));
  const instances = new Map<string, Instance>();
  for (const row of rows.plugins) {
    const plugin = known.get(row.name);
    if (!plugin || !row.enabled || !row.protocols?.some((protocol) => HTTP.has(protocol))) continue;
    const fingerprint = JSON.stringify(row);
    const before = previous?.instances.get(row.id);
    if (before?.fingerprint === fingerprint) instances.set(row.id, before);
    else instances.set(row.id, createInstance(row, plugin, fingerprint, parts.services));
  }

  const router = createRouter(routeRows(rows, parts.settings), { flavor: parts.settings.router_flavor });
  const byName = groupByName(instances.values());
  const global = compileSlots(byName, undefined, undefined);
  return {
    router,
    instances,
    slots(route) {
      if (!route) return global;
      route.slots ??= compileSlots(byName, route.id, route.service?.id);
      return route.slots;
    },
  };
}

/** A row whose references lead nowhere refuses everything that comes to it, and is tried again with the next snapshot. */
function createInstance(row: StoredPlugin, plugin: Plugin, fingerprint: string, services: Services): Instance {
  const { config, faults } = resolveReferences(plugin.config, row.config);
  if (faults.length === 0) {
    return { fingerprint, row, plugin, handlers: plugin.create(config as never, services, row) };
  }
  for (const fault of faults) services.log.error(`plugin ${row.name} ${row.id}: ${fault}`);
  return { fingerprint: "", row, plugin, handlers: { access: (ctx) => ctx.response.error(500) } };
}

function routeRows(rows: SnapshotRows, settings: GatewaySettings): RouteRow[] {
  const services = new Map(rows.services.map((service) => [service.id, service]));
  const targets = new Map(rows.services.map((service) => [service.id, createTarget(service, settings)]));
  return rows.routes.map((entity) => ({
    ...entity,
    path_handling: entity.path_handling ?? "v0",
    regex_priority: entity.regex_priority ?? 0,
    entity,
    service: (entity.service && services.get(entity.service.id)) ?? null,
    target: entity.service ? targets.get(entity.service.id) : undefined,
    slots: undefined,
  }));
}

/** Release what the rows of `before` hold that `after` does not use. */
export function closeReplaced(before: Snapshot, after: Snapshot | undefined): void {
  for (const [id, instance] of before.instances) {
    if (after?.instances.get(id)?.handlers !== instance.handlers) instance.handlers.close?.();
  }
}

/** Rows by plugin, the plugins by falling priority (of equals: by falling name, as Kong does). */
function groupByName(instances: Iterable<Instance>): readonly Instance[][] {
  const groups = new Map<string, Instance[]>();
  for (const instance of instances) {
    const group = groups.get(instance.row.name);
    if (group) group.push(instance);
    else groups.set(instance.row.name, [instance]);
  }
  return [...groups.values()].sort(
    ([a], [b]) => b!.plugin.priority - a!.plugin.priority || (b!.row.name < a!.row.name ? -1 : 1),
  );
}

function compileSlots(
  groups: readonly Instance[][],
  routeId: string | undefined,
  serviceId: string | undefined,
): Slot[] {
  const slots: Slot[] = [];
  for (const group of groups) {
    let base: Instance | undefined;
    const best = new Map<string, Instance>();
    for (const instance of group) {
      const { route, service, consumer } = instance.row;
      if ((route && route.id !== routeId) || (service && service.id !== serviceId)) continue;
      const current = consumer ? best.get(consumer.id) : base;
      if (current && rank(current.row) < rank(instance.row)) continue;
      if (consumer) best.set(consumer.id, instance);
      else base = instance;
    }
    if (!base && best.size === 0) continue;
    const byConsumer = new Map<string, Handlers>();
    for (const [id, instance] of best) {
      if (!base || rank(instance.row) < rank(base.row)) byConsumer.set(id, instance.handlers);
    }
    slots.push({
      name: group[0]!.row.name,
      base: base?.handlers,
      byConsumer: byConsumer.size > 0 ? byConsumer : undefined,
    });
  }
  return slots;
}

/** 1 is the most specific. Source: SPEC-entities §5. */
function rank({ route, service, consumer }: StoredPlugin): number {
  if (consumer) return route ? (service ? 1 : 2) : service ? 3 : 5;
  return route ? (service ? 4 : 6) : service ? 7 : 8;
}
