import assert from "node:assert/strict";
import { Agent } from "node:http";
import type { TestContext } from "node:test";
import { runCommand } from "../../src/cli/commands.ts";
import { startEcho } from "../../src/cli/echo-server.ts";
import { type Answer, type GatewayProcess, get, type SpawnOptions, spawnGateway } from "./gateway-process.ts";
import type { SqlServer } from "./sql-servers.ts";

/** One of several gateways on one database. */
export interface Node extends GatewayProcess {
  /** A GET of this path over the one connection that the test keeps to this node. */
  get(path: string, cookie?: string): Promise<Answer>;
  /** The cookie of a session made for fiona. */
  login(): Promise<string>;
}

type NodeSettings = Readonly<Record<string, string>>;

/** The settings of a node on this database, in a schema of its own for each test. */
export function databaseSettings({ settings }: SqlServer, schema: string): NodeSettings {
  return {
    database: "postgres",
    pg_host: settings.host,
    pg_port: String(settings.port),
    pg_user: settings.username,
    pg_password: settings.password,
    pg_database: settings.database,
    pg_schema: schema,
    proxy_error_log: "/dev/stderr",
  };
}

/** Bring the database of these settings up to date, as an operator does. */
export async function migrateUp(settings: NodeSettings): Promise<void> {
  const env = Object.fromEntries(
    Object.entries(settings).map(([name, value]) => [`SESAME_${name.toUpperCase()}`, value]),
  );
  const said: string[] = [];
  const warn = (line: string) => void said.push(line);
  const stdin = (async function* () {})();
  assert.equal(await runCommand(["migrations", "up"], { env, stdin, print: warn, warn }), 0, said.join("\n"));
}

/** Start a node; it is killed with the test. */
export async function startNode(t: TestContext, settings: NodeSettings, env: SpawnOptions["env"] = {}): Promise<Node> {
  const gateway = await spawnGateway(t, { settings, env });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  const node: Node = {
    ...gateway,
    get: (path, cookie) => get(gateway.proxy + path, cookie === undefined ? {} : { cookie }, agent),
    async login() {
      const answer = await node.get("/app?apikey=open_sesame");
      assert.equal(answer.status, 200, answer.body);
      return answer.headers["set-cookie"]![0]!.split(";")[0]!;
    },
  };
  return node;
}

/** Protect an echo by key or session, at `/app`; everybody else gets 403. Answers the id of the consumer fiona. */
export async function configureWalkthrough(t: TestContext, node: Node): Promise<string> {
  const echo = await startEcho({ port: 0 });
  t.after(() => echo.close());
  await node.change("POST", "/services", { name: "app", url: `http://127.0.0.1:${echo.port}` });
  await node.change("POST", "/services/app/routes", { name: "app", paths: ["/app"] });
  const anonymous = await node.change("POST", "/consumers", { username: "anonymous_users" });
  const fiona = await node.change("POST", "/consumers", { username: "fiona" });
  await node.change("POST", "/consumers/fiona/key-auth", { key: "open_sesame" });
  await node.change("POST", "/services/app/plugins", { name: "key-auth", config: { anonymous: anonymous.id } });
  const session = { storage: "kong", cookie_secure: false, logout_methods: ["GET"] };
  await node.change("POST", "/services/app/plugins", { name: "session", config: session });
  const refusal = { name: "request-termination", config: { status_code: 403 } };
  await node.change("POST", `/consumers/${anonymous.id}/plugins`, refusal);
  return fiona.id;
}

/** The most that a change may take to be effective on a node whose link is healthy. */
export const WITHIN_MS = 100;
/** After which a change is taken to be lost. */
const GIVEN_UP_MS = 1_000;

/**
 * How long a node went on answering as before a change: milliseconds from now to the start of the last request with another
 * status than this; 0 when there was none. Fails when that takes a second.
 */
export async function delayUntil(status: number, ask: () => Promise<Answer>): Promise<number> {
  const startMs = performance.now();
  let lastMs = startMs;
  for (;;) {
    const askedMs = performance.now();
    const answer = await ask();
    if (answer.status === status) return lastMs - startMs;
    assert.ok(askedMs - startMs < GIVEN_UP_MS, `still ${answer.status} after a second: ${answer.body}`);
    lastMs = askedMs;
  }
}

/** The median, the 99th percentile and the greatest of some delays. */
export function summarize(delays: readonly number[]): string {
  const at = (part: number) => quantile(delays, part).toFixed(1);
  return `${delays.length} measured, median ${at(0.5)} ms, p99 ${at(0.99)} ms, most ${at(1)} ms`;
}

/** No ended session may be served longer, however busy the machine is: who has not heard for so long has to ask. */
export function assertAllWithin(delays: readonly number[]): void {
  for (const delay of delays) assert.ok(delay < WITHIN_MS, `${delay} ms`);
}

/** What is told without being asked for: on a busy machine some of it may be late. */
export function assertMostWithin(delays: readonly number[]): void {
  assert.ok(quantile(delays, 0.5) < WITHIN_MS, summarize(delays));
}

function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * part) - 1]!;
}
