import { once } from "node:events";
import { Agent, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { type GatewayProcess, get } from "../helpers/gateway-process.ts";
import { databaseSettings, migrateUp, startNode } from "../helpers/nodes.ts";
import type { SqlServer } from "../helpers/sql-servers.ts";
import { nowMs } from "./model.ts";

/** One of the gateways under load. */
export interface Gateway extends Pick<GatewayProcess, "admin" | "change"> {
  readonly name: string;
  /** A GET below the protected route. */
  ask(query: string, cookie?: string): Promise<Reply>;
}

/** An answer, and when it was asked for and there. */
export interface Reply {
  readonly status: number;
  /** Whom the upstream was told; undefined when the request did not get there. */
  readonly upstream: { readonly consumer: string | undefined; readonly credential: string | undefined } | undefined;
  /** The session cookie that was set, as browsers send it back; empty when it was removed. */
  readonly cookie: string | undefined;
  readonly body: string;
  readonly sentMs: number;
  readonly answeredMs: number;
}

/** How long stores may take to answer. */
export const PATIENCE_MS = 60_000;

/** Three gateways on one database, of which one has two workers. */
export async function startGateways(t: TestContext, server: SqlServer, schema: string): Promise<Gateway[]> {
  // On a machine that is busy, a slow answer of a store is no wrong one.
  const settings = { ...databaseSettings(server, schema), pg_timeout: String(PATIENCE_MS) };
  await migrateUp(settings);
  const own: Readonly<Record<string, string>>[] = [{}, { nginx_worker_processes: "2" }, {}];
  const nodes = await Promise.all(own.map((more) => startNode(t, { ...settings, ...more })));
  return nodes.map((node, index) => {
    const agent = new Agent({ keepAlive: true });
    t.after(() => agent.destroy());
    return {
      name: `node ${index + 1}`,
      admin: node.admin,
      change: node.change,
      async ask(query, cookie) {
        const sentMs = nowMs();
        const answer = await get(`${node.proxy}/app${query}`, cookie === undefined ? {} : { cookie }, agent);
        const answeredMs = nowMs();
        const set = answer.headers["set-cookie"]?.find((line) => line.startsWith("session="))?.split(";")[0];
        const upstream = answer.headers["x-upstream"] === undefined ? undefined : JSON.parse(answer.body);
        const { status, body } = answer;
        return { status, upstream, cookie: set === "session=" ? "" : set, body, sentMs, answeredMs };
      },
    };
  });
}

/** Protect an upstream, which says whom it was told, by key or session; strangers are answered 403. */
export async function configure(t: TestContext, gateway: Gateway, session: object): Promise<void> {
  const upstream = createServer({ keepAliveTimeout: 120_000 }, ({ headers }, response) => {
    const told = { consumer: headers["x-consumer-username"], credential: headers["x-credential-identifier"] };
    response.writeHead(200, { "X-Upstream": "1" }).end(JSON.stringify(told));
  });
  upstream.listen(0, "127.0.0.1");
  await once(upstream, "listening");
  t.after(() => {
    upstream.close();
    upstream.closeAllConnections();
  });
  const { change } = gateway;
  await change("POST", "/services", {
    name: "app",
    url: `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`,
  });
  await change("POST", "/services/app/routes", { name: "app", paths: ["/app"] });
  const anonymous = await change("POST", "/consumers", { username: "anonymous" });
  await change("POST", "/services/app/plugins", { name: "key-auth", config: { anonymous: anonymous.id } });
  await change("POST", "/services/app/plugins", {
    name: "session",
    config: { cookie_secure: false, logout_methods: ["GET"], ...session },
  });
  await change("POST", `/consumers/${anonymous.id}/plugins`, {
    name: "request-termination",
    config: { status_code: 403 },
  });
}
