import type { MetricDefinition } from "../../gateway/index.ts";

/** What the plugin counts. */
export const sessionMetrics = {
  sesame_sessions_created_total: { help: "Sessions given to visitors who authenticated." },
  sesame_sessions_touched_total: { help: "Cookies that were issued anew because the session was used." },
  sesame_sessions_rolled_total: { help: "Sessions that were renewed under a new id." },
  sesame_sessions_ended_total: {
    help: "Sessions that were ended, by how; `admin` is by the Admin API, as far as it knew them.",
  },
  sesame_sessions_refused_total: { help: "Session cookies that did not open a session, by reason." },
  sesame_sessions_opened_by_fallback_total: {
    help: "Sessions that an earlier secret opened; it may go when this stands still for the life of a session.",
  },
  sesame_session_storage_seconds: {
    help: "Time that storages took, by storage and operation.",
    buckets: [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
  },
  sesame_session_cookie_bytes: {
    help: "Bytes of the cookies of one session, as browsers send them.",
    buckets: [128, 256, 512, 1024, 2048, 4096, 8192, 16_384, 36_864],
  },
} as const satisfies Record<string, MetricDefinition>;
