import type { Awaitable } from "../schema/index.ts";
import type { Headers } from "./answer.ts";
import { message } from "./answer.ts";
import type { Cors } from "./cors.ts";
import type { AdminParts } from "./parts.ts";
import type { Route } from "./paths.ts";
import { createHttpApi, type HttpApi } from "./server.ts";
import { isReachable, statusRoute } from "./special/status.ts";

export interface StatusApiParts extends Pick<AdminParts, "stores" | "statistics" | "declarative" | "version" | "log"> {
  /** Why this node should get no requests now, such as `draining`; undefined when it may. */
  readonly unready: () => string | undefined;
  /** What monitoring collects, in the text format of Prometheus. */
  readonly metrics: () => Awaitable<string>;
}

const everyone: Headers = [["Access-Control-Allow-Origin", "*"]];
const cors: Cors = { headers: () => everyone, refusesWrite: () => false };

/** Makes the Status API: what monitoring may read, without secrets and without writes. Source: SPEC-admin-api §4. */
export function createStatusApi(parts: StatusApiParts): HttpApi {
  const { version, log } = parts;
  const routes = [statusRoute(parts), readyRoute(parts), metricsRoute(parts)];
  return createHttpApi({ routes, cors, product: `sesame/${version}`, log, maxBodyBytes: 0 });
}

/** `GET /status/ready`: 200 when requests may be sent to this node, else 503 and why not. */
function readyRoute({ stores, unready, declarative }: StatusApiParts): Route {
  const isEmpty = () => declarative !== undefined && /^0+$/.test(declarative.hash());
  const lack = () => (isEmpty() ? "no configuration available (empty configuration present)" : undefined);
  return {
    path: "/status/ready",
    methods: {
      GET: async () => {
        const why = unready() ?? lack() ?? ((await isReachable(stores)) ? undefined : "failed to connect to database");
        return why === undefined ? message(200, "ready") : message(503, why);
      },
    },
  };
}

/** `GET /metrics`: for Prometheus. */
function metricsRoute({ metrics }: StatusApiParts): Route {
  const type = "text/plain; version=0.0.4; charset=utf-8";
  return {
    path: "/metrics",
    methods: { GET: async () => ({ status: 200, text: { type, content: await metrics() } }) },
  };
}
