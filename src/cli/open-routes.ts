import type { PluginRow, Route, Stores } from "../entities/index.ts";
import type { Log, Plugin } from "../gateway/index.ts";
import { isUuid } from "../schema/index.ts";
import { followRows, type Rows } from "./follow-rows.ts";

/** Changes that come within this time are looked at together. */
const PAUSE_MS = 250;

/** Plugins that refuse the anonymous consumer: one for that consumer alone, one for whoever is in none of its groups. */
const TERMINATION = "request-termination";
const GROUPS = "acl";

/**
 * Warn of routes that let everybody through, though a session plugin stands there: Kong's pattern needs a request-termination
 * for the anonymous consumer, and without it a visitor without a session simply passes. Each is named once, as long as it
 * stays so. Answers how to stop.
 */
export async function warnOfOpenRoutes(stores: Stores, plugins: readonly Plugin[], log: Log): Promise<() => void> {
  const named = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let rows: Rows;

  async function look(): Promise<void> {
    timer = undefined;
    const open = await openRoutes(rows, plugins, (text) => findConsumerId(stores, text));
    for (const id of named) if (!open.has(id)) named.delete(id);
    for (const [id, why] of open) {
      if (named.has(id)) continue;
      named.add(id);
      log.warn(`route ${id} has a session plugin and lets everybody through: ${why}`, { route: id });
    }
  }

  const looked = () => look().catch((error) => log.error("routes could not be looked at", { error }));
  const stop = await followRows(stores, ["routes", "plugins"], (current) => {
    rows = current;
    timer ??= setTimeout(looked, PAUSE_MS).unref();
  });
  clearTimeout(timer);
  await looked();
  return () => {
    stop();
    clearTimeout(timer);
  };
}

async function findConsumerId(stores: Stores, text: string): Promise<string | undefined> {
  const consumers = stores.named("consumers")!;
  const row = (isUuid(text) && (await consumers.select({ id: text.toLowerCase() }))) || undefined;
  return (row ?? (await consumers.select({ username: text })))?.id;
}

/** The open routes by their ids, each with the reason. */
export async function openRoutes(
  rows: Rows,
  plugins: readonly Plugin[],
  consumerIdOf: (text: string) => Promise<string | undefined>,
): Promise<ReadonlyMap<string, string>> {
  const authenticating = new Set(plugins.filter(({ config }) => "anonymous" in config).map(({ name }) => name));
  const enabled = ([...rows.get("plugins")!.values()] as unknown as PluginRow[]).filter(({ enabled: is }) => is);
  const byScope = Map.groupBy(enabled, ({ route, service }) => route?.id ?? service?.id ?? "");
  const open = new Map<string, string>();
  for (const route of rows.get("routes")!.values() as Iterable<unknown> as Iterable<Route>) {
    const scopes = ["", ...(route.service ? [route.service.id] : []), route.id];
    const applied = scopes
      .flatMap((scope) => byScope.get(scope) ?? [])
      // A row for one route of a service may name both.
      .filter(({ service }) => !service || service.id === route.service?.id);
    const sessions = applied.filter(({ name, consumer }) => name === "session" && !consumer);
    // The last one is the most specific.
    if (sessions.length === 0 || sessions.at(-1)!.config["require"] === true) continue;
    if (applied.some(({ name, consumer }) => name === GROUPS || (name === TERMINATION && !consumer))) continue;
    const guards = applied.filter(({ name }) => authenticating.has(name));
    const anonymous = new Set(guards.map(({ config }) => config["anonymous"] as string | null));
    if (anonymous.has(null)) continue;
    if (guards.length === 0) {
      open.set(route.id, "no plugin authenticates there; set `require` in the session plugin");
      continue;
    }
    for (const text of anonymous) {
      const id = await consumerIdOf(text!);
      const isRefused = applied.some(({ name, consumer }) => name === TERMINATION && consumer?.id === id);
      // Where there is no such consumer, the gateway answers 500.
      if (id === undefined || isRefused) continue;
      open.set(
        route.id,
        `the anonymous consumer ${text} is not refused; set \`require\`, or a request-termination for it`,
      );
    }
  }
  return open;
}
