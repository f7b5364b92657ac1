import { json } from "../answer.ts";
import type { InstalledPlugin } from "../parts.ts";
import type { Route } from "../paths.ts";

/** `GET /plugins/enabled`: the names of the installed plugins. */
export function enabledPluginsRoute(plugins: readonly InstalledPlugin[]): Route {
  const enabled_plugins = plugins.map(({ name }) => name);
  return { path: "/plugins/enabled", methods: { GET: () => json(200, { enabled_plugins }) } };
}
