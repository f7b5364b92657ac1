import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { startEcho } from "../../src/cli/echo-server.ts";
import { delayUntil, type Node, startNode } from "./nodes.ts";

/** A request that ends the session. */
export const LOGOUT = "/app?session_logout=1";

const ids = {
  fiona: "c0000000-0000-4000-8000-000000000001",
  anonymous: "c0000000-0000-4000-8000-000000000002",
  credential: "c0000000-0000-4000-8000-000000000003",
  session: "c0000000-0000-4000-8000-000000000004",
};

export interface SeparateNodes {
  readonly nodes: readonly Node[];
  /** The paths in the Admin API of the session plugin and of the consumer fiona, the same on all nodes. */
  readonly plugin: string;
  readonly fiona: string;
}

/**
 * Nodes each with an SQLite file of its own, configured alike: at `/app` an echo is protected by key or session, everybody else gets
 * 403. The session plugins have these settings, one for each node; if anything, they share a storage. What sessions name has the same
 * ids everywhere.
 */
export async function startSeparateNodes(
  t: TestContext,
  configs: readonly object[],
  settings: Readonly<Record<string, string>> = {},
): Promise<SeparateNodes> {
  const echo = await startEcho({ port: 0 });
  t.after(() => echo.close());
  const paths = { plugin: `/plugins/${ids.session}`, fiona: `/consumers/${ids.fiona}` };
  const nodes = await Promise.all(
    configs.map(async (config) => {
      const node = await startNode(t, { proxy_error_log: "/dev/stderr", ...settings });
      await node.change("POST", "/services", { name: "app", url: `http://127.0.0.1:${echo.port}` });
      await node.change("POST", "/services/app/routes", { name: "app", paths: ["/app"] });
      await node.change("PUT", `/consumers/${ids.anonymous}`, { username: "anonymous" });
      await node.change("PUT", paths.fiona, { username: "fiona" });
      await node.change("PUT", `${paths.fiona}/key-auth/${ids.credential}`, { key: "open_sesame" });
      await node.change("POST", "/plugins", { name: "key-auth", config: { anonymous: ids.anonymous } });
      const refusal = { name: "request-termination", config: { status_code: 403 } };
      await node.change("POST", `/consumers/${ids.anonymous}/plugins`, refusal);
      const common = { secret: "one secret", cookie_secure: false, logout_methods: ["GET"], stale_ttl: 60 };
      await node.change("PUT", paths.plugin, { name: "session", config: { ...common, ...config } });
      return node;
    }),
  );
  return { nodes, ...paths };
}

/** Send this cookie to all nodes, often enough to be remembered. */
export async function visit(nodes: readonly Node[], cookie: string, status: number): Promise<void> {
  for (const node of nodes) for (let i = 0; i < 3; i++) assert.equal((await node.get("/app", cookie)).status, status);
}

/** How long each node goes on letting this cookie in. */
export const refusals = (nodes: readonly Node[], cookie: string): Promise<number[]> =>
  Promise.all(nodes.map((node) => delayUntil(403, () => node.get("/app", cookie))));

/** Ways to end all sessions of fiona that are known to a node, by its Admin API. */
export const byOperators: readonly ((node: Node) => Promise<unknown>)[] = [
  (node) => node.change("POST", "/sessions/revoke", { before: wallSeconds() + 1, subject: "fiona" }),
  (node) => node.change("POST", "/sessions/revoke", { before: wallSeconds() + 1 }),
  (node) => node.change("DELETE", "/consumers/fiona/sessions"),
  async (node) => node.change("DELETE", `/sessions/${await idOfSession(node)}`),
];

async function idOfSession(node: Node): Promise<string> {
  const { data } = (await (await fetch(`${node.admin}/sessions?subject=fiona`)).json()) as { data: { id: string }[] };
  assert.equal(data.length, 1);
  return data[0]!.id;
}

export const wallSeconds = (): number => Math.floor(Date.now() / 1000);
