import type { EventEmitter } from "node:events";
import type { Client, ClientOptions } from "cassandra-driver";
import type { SqlClient } from "../../../session/index.ts";
import { type ConnectionSettings, type Setting, type Trust, timeoutsOf, tlsOf, within } from "./connection.ts";

/** How many replicas answer before an answer counts. */
export const CONSISTENCIES = [
  "ONE",
  "TWO",
  "THREE",
  "QUORUM",
  "ALL",
  "LOCAL_QUORUM",
  "EACH_QUORUM",
  "LOCAL_ONE",
] as const;

export interface CassandraSettings extends Omit<ConnectionSettings, "host" | "socket"> {
  /** Names or addresses of some nodes; they name the others. */
  readonly contact_points?: Setting<readonly string[]>;
  readonly username?: Setting<string>;
  readonly password?: Setting<string>;
  readonly keyspace?: Setting<string>;
  /** The data center whose nodes are asked; those of all when absent. */
  readonly local_datacenter?: Setting<string>;
  readonly read_consistency?: Setting<(typeof CONSISTENCIES)[number]>;
  readonly write_consistency?: Setting<(typeof CONSISTENCIES)[number]>;
}

/** All nodes must agree to a new table. */
const SCHEMA_MS = 10_000;

interface Opened {
  readonly client: Client;
  readonly connected: Promise<void>;
  readonly read: number;
  readonly write: number;
  /** Of statements that have a condition. */
  readonly serialConsistency: number;
}

/** Connections to the nodes of a cluster, opened with the first statement, and again when no node has answered. */
export function openCassandra(settings: CassandraSettings, trust: Trust = {}): SqlClient & { close(): Promise<void> } {
  const { connectMs, answerMs } = timeoutsOf(settings);
  let current: Promise<Opened> | undefined;
  let isClosed = false;

  async function open(): Promise<Opened> {
    const { Client, policies, types } = (await import("cassandra-driver")).default;
    const client = new Client(optionsOf(settings, trust, policies));
    const usual = settings.local_datacenter == null ? "QUORUM" : "LOCAL_QUORUM";
    const consistencyOf = (name: Setting<string>) => types.consistencies[(name ?? usual).toLowerCase() as "quorum"];
    rememberHosts(client);
    const connected = client.connect();
    connected.catch(ignore);
    const [read, write] = [settings.read_consistency, settings.write_consistency].map(consistencyOf) as [
      number,
      number,
    ];
    const { localSerial, serial } = types.consistencies;
    const serialConsistency = settings.local_datacenter == null ? serial : localSerial;
    return { client, connected, read, write, serialConsistency };
  }

  async function execute(cql: string, values: readonly (string | number)[], readTimeout: number) {
    const opened = (current ??= open());
    const { client, connected, read, write, serialConsistency } = await opened;
    // None counts on how often it is carried out, so another node may be asked when one fails.
    const consistency = cql.startsWith("SELECT") ? read : write;
    const options = { prepare: values.length > 0, isIdempotent: true, consistency, serialConsistency, readTimeout };
    let isConnected = false;
    try {
      await connected;
      isConnected = true;
      const { rows } = await client.execute(cql, values, options);
      return (rows ?? []) as unknown as readonly Readonly<Record<string, unknown>>[];
    } catch (error) {
      const { innerErrors } = error as DriverError;
      if (isConnected && innerErrors === undefined) throw error;
      // The driver is slow to come back from there, and may not at all when a statement was being prepared.
      if (current === opened) {
        current = undefined;
        end(client, connected).catch(ignore);
      }
      // It prints a stack into its message.
      throw innerErrors ? new Error("no node of Cassandra answers", { cause: Object.values(innerErrors)[0] }) : error;
    }
  }

  function end(client: Client, connected: Promise<void>): Promise<void> {
    // A client that is still connecting would go on with it.
    const ended = connected.catch(ignore).then(() => shutDown(client));
    return within(connectMs + answerMs, ended, "closing connections to Cassandra");
  }

  return {
    query(cql, values) {
      if (isClosed) return Promise.reject(new Error("the client of Cassandra was closed"));
      const ms = cql.startsWith("CREATE") ? Math.max(answerMs, SCHEMA_MS) : answerMs;
      return within(connectMs + ms, execute(cql, values, ms), "a statement in Cassandra");
    },
    async close() {
      isClosed = true;
      const opened = await current;
      if (opened) await end(opened.client, opened.connected);
    },
  };
}

function ignore(): void {}

interface Host {
  shutdown(waits: boolean): Promise<void>;
}

/** What of the driver is no part of its interface. */
interface Internals {
  readonly controlConnection: { readonly hosts: EventEmitter; shutdown(): void };
}

const seen = new WeakMap<Client, Set<Host>>();
const hostsOf = (client: Client): EventEmitter => (client as unknown as Internals).controlConnection.hosts;

/** After an outage the driver loses sight of some of the nodes that it keeps connections and timers for. */
function rememberHosts(client: Client): void {
  const hosts = new Set<Host>();
  seen.set(client, hosts);
  hostsOf(client).on("add", (host: Host) => hosts.add(host));
}

/** End all, also of a client that could not connect: it goes on looking for nodes, and may find some. */
async function shutDown(client: Client): Promise<void> {
  await client.shutdown();
  (client as unknown as Internals).controlConnection.shutdown();
  hostsOf(client).on("add", (host: Host) => host.shutdown(false).catch(ignore));
  await Promise.all([...seen.get(client)!].map((host) => host.shutdown(false)));
}

type Policies = typeof import("cassandra-driver").policies;

function optionsOf(settings: CassandraSettings, trust: Trust, policies: Policies): ClientOptions {
  const { connectMs, answerMs } = timeoutsOf(settings);
  const { contact_points, port, username, password, keyspace, local_datacenter: center } = settings;
  const { DCAwareRoundRobinPolicy, RoundRobinPolicy, TokenAwarePolicy } = policies.loadBalancing;
  const sslOptions = tlsOf(settings, trust);
  return {
    contactPoints: [...(contact_points ?? ["127.0.0.1"])],
    ...(keyspace != null && { keyspace }),
    ...(username != null && { credentials: { username, password: password ?? "" } }),
    ...(center != null && { localDataCenter: center }),
    ...(sslOptions && { sslOptions }),
    protocolOptions: { port: port ?? 9042 },
    policies: {
      loadBalancing: new TokenAwarePolicy(
        center == null ? new RoundRobinPolicy() : new DCAwareRoundRobinPolicy(center),
      ),
      // The cluster's clocks order what is written: those of gateways may differ by more than a logout takes.
      timestampGeneration: null as never,
    },
    socketOptions: {
      connectTimeout: connectMs,
      readTimeout: answerMs,
      keepAliveDelay: 30_000,
      // A connection that does not answer is given up at once.
      defunctReadTimeoutThreshold: 0,
    },
    // The system looks after idle connections.
    pooling: { heartBeatInterval: 0 },
    monitorReporting: { enabled: false },
  } as ClientOptions;
}

interface DriverError extends Error {
  /** Why each node failed, by its address; only where none is left. */
  readonly innerErrors?: Readonly<Record<string, unknown>>;
}
