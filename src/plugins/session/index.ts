import { allProtocols, sessionLineage, sessionRevocation } from "../../entities/index.ts";
import { definePlugin } from "../../gateway/index.ts";
import { checkConfig, config, shorthand_fields } from "./config.ts";
import { session as sessionEntity, sessionMetadata } from "./entities.ts";
import { createHandlers } from "./handlers.ts";
import { sessionMetrics } from "./metrics.ts";
import type { EngineParts } from "./setup.ts";

/**
 * Recognises a visitor by a session cookie, and gives one to who has authenticated by another plugin. It runs before those,
 * and never refuses a request by itself. SPEC-kong-session-plugin
 */
export function createSessionPlugin(engine: EngineParts) {
  return definePlugin({
    name: "session",
    priority: 1900,
    noConsumer: true,
    protocols: allProtocols,
    config,
    shorthand_fields,
    check: checkConfig,
    entities: [sessionEntity, sessionMetadata, sessionLineage, sessionRevocation],
    metrics: sessionMetrics,
    create: (row, services) => createHandlers(row, services, engine),
  });
}

/** The plugin as it is bundled. Kong 3.9 has release 4.0 of the session library, which ends a remember cookie by its use. */
export const session = createSessionPlugin({ options: { release: "4.0" } });
