import { spawnSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { basename, delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Client } from "cassandra-driver";
import { lacking, run, serverFolder, startServer, type TestServer } from "./servers.ts";

/** A node with one keyspace for tests, and how its superuser gets there. */
export interface CassandraServer extends TestServer {
  readonly settings: {
    readonly contact_points: readonly string[];
    readonly port: number;
    readonly username: string;
    readonly password: string;
    readonly keyspace: string;
  };
}

const host = "127.0.0.1";
const keyspace = "sesame";
/** Cassandra makes this user itself. */
const account = { username: "cassandra", password: "cassandra" };
const DOWNLOADED_WITHIN_MS = 250_000;
/** The releases of Java that Cassandra 5.0 runs on. */
const RELEASES = ["11", "17"];
/** What Cassandra needs of Java beyond what is open to everybody. */
const EXPORTS =
  "java.base/jdk.internal.misc java.base/jdk.internal.ref java.base/java.lang.ref java.base/sun.nio.ch java.management.rmi/com.sun.jmx.remote.internal.rmi java.rmi/sun.rmi.registry java.rmi/sun.rmi.server java.sql/java.sql jdk.unsupported/sun.misc";
const OPENS =
  "java.base/java.io java.base/java.lang java.base/java.lang.module java.base/java.lang.reflect java.base/java.nio java.base/java.util java.base/java.util.concurrent java.base/java.util.concurrent.atomic java.base/jdk.internal.loader java.base/jdk.internal.math java.base/jdk.internal.module java.base/jdk.internal.ref java.base/jdk.internal.reflect java.base/jdk.internal.util.jar java.base/sun.nio.ch jdk.management/com.sun.management.internal";

/** Why tests that need Cassandra are skipped; false when it can be had. In CI that is an error. */
export function lackingCassandra(): string | false {
  const missing = lacking("java", "mvn");
  if (missing) return missing;
  const [, release = "none"] =
    /version "(\d+)/.exec(spawnSync("java", ["-version"], { encoding: "utf8" }).stderr) ?? [];
  if (RELEASES.includes(release)) return false;
  const reason = `Cassandra runs on Java ${RELEASES.join(" or ")}, and here is ${release}`;
  if (process.env.CI) throw new Error(reason);
  return reason;
}

/** The paths of all that the server consists of, which Maven downloads where they are not there yet. */
function classPath(folder: string): readonly string[] {
  const file = join(folder, "classpath");
  const pom = fileURLToPath(new URL("cassandra/pom.xml", import.meta.url));
  run(
    "mvn",
    ["-B", "-q", "-f", pom, "dependency:build-classpath", `-Dmdep.outputFile=${file}`],
    {},
    folder,
    DOWNLOADED_WITHIN_MS,
  );
  return readFileSync(file, "utf8").trim().split(delimiter);
}

export interface CassandraOptions {
  /** A certificate and its key, as PEM: without them clients do not encrypt. */
  readonly tls?: { readonly cert: string; readonly key: string };
}

/** A free port that the system does not meanwhile give to a client: Java takes seconds until it listens. */
async function quietPort(): Promise<number> {
  for (;;) {
    const port = randomInt(10_000, 32_000);
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false)).listen(port, host, () => server.close(() => resolve(true)));
    });
    if (isFree) return port;
  }
}

/** Start a single node of Cassandra with passwords. */
export async function startCassandra({ tls }: CassandraOptions = {}): Promise<CassandraServer> {
  const at = { port: await quietPort(), folder: serverFolder() };
  const { port, folder } = at;
  const configuration = {
    cluster_name: "sesame",
    num_tokens: 1,
    auto_bootstrap: false,
    auto_snapshot: false,
    partitioner: "org.apache.cassandra.dht.Murmur3Partitioner",
    endpoint_snitch: "SimpleSnitch",
    authenticator: "PasswordAuthenticator",
    authorizer: "CassandraAuthorizer",
    listen_address: host,
    rpc_address: host,
    native_transport_port: port,
    storage_port: await quietPort(),
    // A write that was answered is there after a sudden end.
    commitlog_sync: "batch",
    commitlog_disk_access_mode: "legacy",
    seed_provider: [{ class_name: "org.apache.cassandra.locator.SimpleSeedProvider", parameters: [{ seeds: host }] }],
    data_file_directories: [join(folder, "data")],
    commitlog_directory: join(folder, "commitlog"),
    saved_caches_directory: join(folder, "caches"),
    hints_directory: join(folder, "hints"),
    cdc_raw_directory: join(folder, "cdc"),
    ...(tls && {
      client_encryption_options: {
        enabled: true,
        ssl_context_factory: {
          class_name: "org.apache.cassandra.security.PEMBasedSslContextFactory",
          parameters: { private_key: `${tls.key}\n${tls.cert}`, trusted_certificates: tls.cert },
        },
      },
    }),
  };
  // JSON is YAML.
  writeFileSync(join(folder, "cassandra.yaml"), JSON.stringify(configuration));
  writeFileSync(
    join(folder, "logback.xml"),
    `<configuration><appender name="out" class="ch.qos.logback.core.ConsoleAppender"><encoder><pattern>%level %msg%n%ex{short}</pattern></encoder></appender><root level="WARN"><appender-ref ref="out"/></root></configuration>`,
  );
  const jars = classPath(folder);
  const args = [
    ...["-Xms256m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"],
    `-javaagent:${jars.find((jar) => basename(jar).startsWith("jamm-"))}`,
    ...EXPORTS.split(" ").map((name) => `--add-exports=${name}=ALL-UNNAMED`),
    ...OPENS.split(" ").map((name) => `--add-opens=${name}=ALL-UNNAMED`),
    `-Dcassandra.config=file://${join(folder, "cassandra.yaml")}`,
    `-Dcassandra.storagedir=${folder}`,
    `-Dlogback.configurationFile=${join(folder, "logback.xml")}`,
    // Alone, it waits for nobody.
    "-Dcassandra.skip_wait_for_gossip_to_settle=0",
    "-Dcassandra.ring_delay_ms=1",
    "-Dcassandra.superuser_setup_delay_ms=0",
    "-Dcassandra-foreground=yes",
    ...["-cp", jars.join(delimiter), "org.apache.cassandra.service.CassandraDaemon"],
  ];
  const server = await startServer("java", args, at, async () => {
    await ask(port, tls !== undefined, "SELECT now() FROM system.local");
    return true;
  });
  const replication = "{'class': 'SimpleStrategy', 'replication_factor': 1}";
  await ask(port, tls !== undefined, `CREATE KEYSPACE ${keyspace} WITH replication = ${replication}`);
  return { ...server, settings: { contact_points: [host], port, ...account, keyspace } };
}

/** Execute one statement as the superuser, over a connection of its own. */
async function ask(port: number, isEncrypted: boolean, cql: string): Promise<void> {
  const client = new Client({
    contactPoints: [host],
    localDataCenter: "datacenter1",
    protocolOptions: { port },
    credentials: account,
    ...(isEncrypted && { sslOptions: { rejectUnauthorized: false } }),
  });
  try {
    await client.execute(cql);
  } finally {
    await client.shutdown();
  }
}
