import type { Stores } from "../../entities/index.ts";
import { type Answer, json, message } from "../answer.ts";
import { argument, type Call } from "../call.ts";
import type { AdminParts } from "../parts.ts";
import type { Route } from "../paths.ts";

type Parts = Pick<AdminParts, "stores" | "statistics" | "declarative">;

/** `GET /status`: memory, connections, and whether the database answers, or which configuration there is. Source: SPEC-admin-api §4. */
export function statusRoute(parts: Parts): Route {
  return { path: "/status", methods: { GET: (call) => status(parts, call) } };
}

async function status({ stores, statistics, declarative }: Parts, call: Call): Promise<Answer> {
  const unit = String(argument(call, "unit") ?? "m").toLowerCase();
  const scale = argument(call, "scale") ?? "2";
  if (!/^[bkmg]?$/.test(unit)) return message(400, `invalid unit '${unit}' (expected 'b', 'k', 'm' or 'g')`);
  if (!/^\d{1,2}$/.test(String(scale))) return message(400, "scale must be a whole number from 0 to 99");
  const { server, workers } = await statistics();
  return json(200, {
    memory: {
      workers_lua_vms: workers.map(({ pid, heap }) => ({
        pid,
        http_allocated_gc: formatBytes(heap, unit, Number(scale)),
      })),
      lua_shared_dicts: {},
    },
    server,
    ...(declarative
      ? { configuration_hash: declarative.hash() }
      : { database: { reachable: await isReachable(stores) } }),
  });
}

function formatBytes(bytes: number, unit: string, digits: number): string {
  const power = " kmg".indexOf(unit);
  return power < 1 ? String(bytes) : `${(bytes / 1024 ** power).toFixed(digits)} ${unit.toUpperCase()}iB`;
}

/** Whether the database answers a question. */
export async function isReachable(stores: Stores): Promise<boolean> {
  try {
    await stores.tags({ size: 1 });
    return true;
  } catch {
    return false;
  }
}

/** `GET /status/dns`: there are no statistics, which is said as by a Kong with its older resolver. */
export const dnsRoute: Route = {
  path: "/status/dns",
  methods: { GET: () => message(501, "The resolver keeps no statistics") },
};
