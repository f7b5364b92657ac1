import { createCors } from "./cors.ts";
import type { AdminParts } from "./parts.ts";
import type { Route } from "./paths.ts";
import { entityRoutes } from "./routes.ts";
import { hiddenSecrets, shownSecrets, withoutTtl } from "./secrets.ts";
import { createHttpApi, type HttpApi } from "./server.ts";
import { absentRoutes } from "./special/absent.ts";
import { cacheRoutes } from "./special/cache.ts";
import { clusteringRoutes } from "./special/clustering.ts";
import { configRoute, configRouteWithDatabase } from "./special/config.ts";
import { consumersRoute } from "./special/consumers.ts";
import { endpointsRoute } from "./special/endpoints.ts";
import { filterChainRoutes } from "./special/filter-chains.ts";
import { informationRoute } from "./special/information.ts";
import { logLevelRoutes } from "./special/log-level.ts";
import { enabledPluginsRoute } from "./special/plugins.ts";
import { robotsRoute } from "./special/robots.ts";
import { schemaRoutes } from "./special/schemas.ts";
import { rotateSecretsRoute } from "./special/session-secrets.ts";
import { withSessionRoutes } from "./special/sessions.ts";
import { dnsRoute, statusRoute } from "./special/status.ts";
import { tagRoutes } from "./special/tags.ts";
import { timersRoute } from "./special/timers.ts";

/**
 * Makes the Admin API (SPEC-admin-api). It has no authentication, as Kong's: who reaches the listener is its master.
 * Throws a TypeError when an `admin_gui_url` is none.
 */
export function createAdmin(parts: AdminParts): HttpApi {
  const { stores, declarative, plugins, metrics, log, version } = parts;
  const chosen = parts.admin_redact_secrets ? hiddenSecrets : shownSecrets;
  const secrets = declarative ? withoutTtl(chosen) : chosen;
  const listed: Route[] = [
    ...withSessionRoutes(entityRoutes(stores, secrets), stores, metrics).map((route) =>
      route.path === "/consumers" ? consumersRoute(route, stores, secrets) : route,
    ),
    ...rotateSecretsRoute(stores),
    ...absentRoutes(stores),
    ...schemaRoutes(stores, secrets),
    ...tagRoutes(stores),
    ...logLevelRoutes(parts),
    ...cacheRoutes,
    ...clusteringRoutes,
    ...filterChainRoutes,
    informationRoute(parts),
    statusRoute(parts),
    dnsRoute,
    enabledPluginsRoute(plugins),
    timersRoute,
    declarative ? configRoute(declarative, stores, secrets) : configRouteWithDatabase,
  ];
  return createHttpApi({
    routes: [...listed, endpointsRoute(listed), robotsRoute],
    cors: createCors(parts.admin_gui_url),
    product: `sesame/${version}`,
    log,
    maxBodyBytes: parts.admin_client_max_body_size,
    onAnswer: parts.onAnswer,
  });
}
