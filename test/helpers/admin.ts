import type { TestContext } from "node:test";
import { type AdminParts, createAdmin, serverOptions } from "../../src/admin/index.ts";
import { createStores, openSqlite } from "../../src/database/index.ts";
import type { Stores } from "../../src/entities/index.ts";
import type { Log } from "../../src/gateway/index.ts";
import { acl } from "../../src/plugins/acl/index.ts";
import { basicAuth } from "../../src/plugins/basic-auth/index.ts";
import { keyAuth } from "../../src/plugins/key-auth/index.ts";
import { requestTermination } from "../../src/plugins/request-termination/index.ts";
import { session } from "../../src/plugins/session/index.ts";
import { listen } from "./raw-http.ts";

const plugins = [session, keyAuth, basicAuth, acl, requestTermination];

const silent: Log = {
  debug() {},
  info() {},
  notice() {},
  warn() {},
  error(message, facts) {
    throw new Error(message, { cause: facts });
  },
  isDebug: false,
};

/** Stores of an empty database in memory, with the plugins above. */
export const openStores = (): Promise<Stores> => createStores(openSqlite({ file: ":memory:" }), { plugins });

/** Facts that a test can tell from real ones. */
export function createParts(stores: Stores): AdminParts {
  let level = "notice";
  return {
    stores,
    plugins,
    version: "1.2.3",
    node: {
      id: "00000000-0000-4000-8000-0000000000ff",
      hostname: "gateway",
      pids: () => ({ master: 1, workers: [2] }),
    },
    configuration: { database: "sqlite" },
    admin_gui_url: [],
    admin_redact_secrets: false,
    admin_client_max_body_size: 10 * 1024 ** 2,
    log: silent,
    metrics: { count() {}, observe() {} },
    logLevel: {
      current: () => level,
      change: (next) => {
        level = next;
      },
    },
    statistics: () => ({
      server: {
        connections_active: 1,
        connections_reading: 2,
        connections_writing: 3,
        connections_waiting: 4,
        connections_accepted: 5,
        connections_handled: 6,
        total_requests: 7,
      },
      workers: [{ pid: 2, heap: 1.5 * 1024 * 1024 }],
    }),
  };
}

export interface CallAnswer {
  readonly status: number;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: the JSON of whatever route was asked
  readonly body: any;
}

/** Start an Admin API on an empty database in memory, until the test ends. */
export async function startAdmin(t: TestContext, changes: Partial<AdminParts> = {}) {
  const stores = changes.stores ?? (await openStores());
  const admin = createAdmin({ ...createParts(stores), ...changes });
  const port = await listen(t, admin.handle, serverOptions);

  /** Ask it. A text is a form's unless `json` is set, an object is sent as JSON. */
  async function call(method: string, path: string, sent?: unknown, { json = false } = {}): Promise<CallAnswer> {
    const isText = typeof sent === "string";
    const isJson = json || (!isText && sent !== undefined && !(sent instanceof FormData));
    const type = isJson ? "application/json" : isText ? "application/x-www-form-urlencoded" : undefined;
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      ...(type && { headers: { "Content-Type": type } }),
      ...(sent !== undefined && { body: isJson && !isText ? JSON.stringify(sent) : (sent as string | FormData) }),
    });
    const text = await answer.text();
    const hasJson = answer.headers.get("content-type")?.startsWith("application/json");
    return { status: answer.status, text, body: hasJson ? JSON.parse(text) : undefined };
  }

  return { port, stores, call };
}
