import { json } from "../answer.ts";
import { type AdminParts, KONG_VERSION } from "../parts.ts";
import type { Route } from "../paths.ts";

/** `GET /`: what this node is. Clients read `version` as Kong's. Source: SPEC-admin-api §4. */
export function informationRoute(parts: AdminParts): Route {
  const available = parts.plugins.map(({ name, version = KONG_VERSION, priority }) => [name, { version, priority }]);
  const constant = {
    tagline: "Welcome to kong",
    version: KONG_VERSION,
    sesame_version: parts.version,
    edition: "community",
    hostname: parts.node.hostname,
    node_id: parts.node.id,
    lua_version: `none (Node.js ${process.version})`,
    configuration: parts.configuration,
  };
  return {
    path: "/",
    methods: {
      GET: async () => {
        const rows = (await parts.stores.named("plugins")?.all()) ?? [];
        return json(200, {
          ...constant,
          timers: { running: 0, pending: countTimers() },
          pids: parts.node.pids(),
          plugins: {
            available_on_server: Object.fromEntries(available),
            enabled_in_cluster: [...new Set(rows.map((row) => row["name"]))],
          },
        });
      },
    },
  };
}

/** Timers of this process that are set and have not fired. */
export function countTimers(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
}
