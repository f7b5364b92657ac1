import { isDeepStrictEqual } from "node:util";
import type { Fields, Shorthands } from "../../schema/index.ts";
import { CONSISTENCIES } from "./clients/cassandra.ts";

const prefix = {
  type: "string",
  newer: true,
  description: "Stands before every name there, so that several gateways can share a server.",
} as const;
const suffix = { type: "string", newer: true, description: "Stands behind every name there." } as const;

/** Part of a file's name. */
const withoutSlash = (text: string) => (/[/\0]/.test(text) ? "must not have a slash" : undefined);

/** A name that SQL takes without quotes. */
const tableName = (text: string) =>
  /^[A-Za-z_][\w$]*(?:\.[A-Za-z_][\w$]*)?$/.test(text) ? undefined : "must be a name, with a schema or without";

const port = (description: string) => ({ type: "integer", newer: true, between: [1, 65_535], description }) as const;
const timeout = (description: string) =>
  ({ type: "integer", newer: true, unit: "ms", between: [1, 2_147_483_646], description }) as const;

/** How to talk to a server. */
const link = {
  connect_timeout: timeout("How long connecting may take; 2000 when unset."),
  send_timeout: timeout("How long sending may take."),
  read_timeout: timeout("How long an answer may take; with `send_timeout` unset, too, 2000."),
  ssl: { type: "boolean", newer: true, description: "Whether the connection is encrypted." },
  ssl_verify: {
    type: "boolean",
    newer: true,
    description: "Whether the server must have a certificate to be trusted.",
  },
  server_name: { type: "string", newer: true, description: "The name in the server's certificate, if not the host." },
} as const satisfies Fields;

/** What a server of sessions is reached by. */
const connection = {
  host: { type: "string", newer: true, description: "The server's name or address; `127.0.0.1` when unset." },
  port: port("The server's port; the usual one when unset."),
  socket: { type: "string", newer: true, description: "The path of a Unix domain socket, instead of host and port." },
  ...link,
} as const satisfies Fields;

const account = {
  username: { type: "string", newer: true, referenceable: true, description: "Who connects." },
  password: { type: "string", newer: true, encrypted: true, referenceable: true, description: "The password of it." },
} as const satisfies Fields;

const tables = {
  table: {
    type: "string",
    newer: true,
    check: tableName,
    description: "The table of the sessions; `sessions` when unset.",
  },
  table_meta: {
    type: "string",
    newer: true,
    check: tableName,
    description: "The table of `store_metadata`; the first one's name with `_meta` when unset.",
  },
  create_tables: {
    type: "boolean",
    newer: true,
    description: "Whether tables that are missing are made at the first use.",
  },
} as const satisfies Fields;

const pool = {
  database: { type: "string", newer: true, description: "The database; named like the user when unset." },
  pool_size: { type: "integer", newer: true, between: [1, 10_000], description: "Connections at most; 10 when unset." },
} as const satisfies Fields;

const consistency = (of: string) =>
  ({
    type: "string",
    newer: true,
    one_of: CONSISTENCIES,
    description: `How many replicas ${of}; \`QUORUM\` when unset, or \`LOCAL_QUORUM\` with \`local_datacenter\`.`,
  }) as const;

const address = (server: string) =>
  ({ type: "string", required: true, description: `The ${server}'s name or address.` }) as const;

/** Some servers of one kind, each with its address, under the name that it has in this list, and its port. */
const serverList = <F extends Fields>(addressField: F, description: string) =>
  ({
    type: "array",
    newer: true,
    len_min: 1,
    elements: {
      type: "record",
      fields: {
        ...addressField,
        port: { type: "integer", required: true, between: [1, 65_535], description: "Its port." },
      },
    },
    description,
  }) as const;

const clusterNodes = serverList({ ip: address("node") }, "Some nodes of a cluster; the others are asked of them.");

/** Other names of settings of Redis: accepted, translated and not kept. */
const redisShorthands: Shorthands = {
  cluster_nodes: {
    type: "array",
    elements: clusterNodes.elements,
    description: "Kong's name of `nodes`.",
    check: (value, { nodes }) =>
      value === null || nodes === undefined || nodes === null || isDeepStrictEqual(value, nodes)
        ? undefined
        : "must be the same list as nodes when both are set",
    expand: (value, { nodes }) => ({ nodes: value ?? nodes ?? null }),
  },
};

/** Where the storages are, with the option names of lua-resty-session. SPEC-session-v4 §9 */
export const storageConfig = {
  memory: {
    type: "record",
    newer: true,
    description:
      "How `memory` keeps sessions: in the process that made them, gone with it and with a change of the plugin. For one process alone.",
    fields: {
      max_records: {
        type: "integer",
        newer: true,
        between: [1, 10_000_000],
        description: "Sessions at most; 100000 when unset. Beyond, those written longest ago are dropped.",
      },
    },
  },
  file: {
    type: "record",
    newer: true,
    description: "How `file` keeps sessions: one file each.",
    fields: {
      path: { type: "string", newer: true, description: "The folder; that for temporary files when unset." },
      prefix: { ...prefix, check: withoutSlash },
      suffix: { ...suffix, check: withoutSlash },
    },
  },
  redis: {
    type: "record",
    newer: true,
    description:
      "Where `redis` keeps sessions, and, unless `revocation_storage` says otherwise, where gateways share what `revocation` has ended, whoever keeps the sessions: Redis 6.2 or Valkey, alone, found by Sentinels, or a cluster.",
    fields: {
      ...connection,
      ...account,
      database: { type: "integer", newer: true, between: [0, 65_535], description: "The number of the database." },
      prefix,
      suffix,
      sentinels: serverList({ host: address("Sentinel") }, "Sentinels that know the server."),
      master: { type: "string", newer: true, description: "What Sentinels call the server; `mymaster` when unset." },
      role: {
        type: "string",
        newer: true,
        one_of: ["master", "slave"],
        description: "Which server is asked for; the master when unset.",
      },
      sentinel_username: {
        type: "string",
        newer: true,
        referenceable: true,
        description: "Who connects to Sentinels.",
      },
      sentinel_password: {
        type: "string",
        newer: true,
        encrypted: true,
        referenceable: true,
        description: "The password for Sentinels.",
      },
      nodes: clusterNodes,
      max_redirections: {
        type: "integer",
        newer: true,
        between: [0, 1000],
        description: "How often a command follows a cluster to another node.",
      },
    },
    shorthand_fields: redisShorthands,
  },
  memcached: {
    type: "record",
    newer: true,
    description: "Where `memcached` keeps sessions.",
    fields: { ...connection, prefix, suffix },
  },
  mysql: {
    type: "record",
    newer: true,
    description: "Where `mysql` keeps sessions: MySQL or MariaDB.",
    fields: {
      ...connection,
      ...account,
      ...pool,
      ...tables,
      charset: { type: "string", newer: true, description: "The character set of the connection." },
    },
  },
  postgres: {
    type: "record",
    newer: true,
    description: "Where `postgres` keeps sessions; need not be the gateway's own database.",
    fields: {
      ...connection,
      ...account,
      ...pool,
      ...tables,
      application: { type: "string", newer: true, description: "What the server calls us; `sesame` when unset." },
    },
  },
  cassandra: {
    type: "record",
    newer: true,
    description: "Where `cassandra` keeps sessions: Cassandra 4.0 or later.",
    fields: {
      contact_points: {
        type: "array",
        newer: true,
        len_min: 1,
        elements: { type: "string" },
        description: "Names or addresses of some nodes, which name the others; `127.0.0.1` when unset.",
      },
      port: port("The port of all nodes; 9042 when unset."),
      keyspace: { type: "string", newer: true, description: "The keyspace; it must exist." },
      ...account,
      local_datacenter: {
        type: "string",
        newer: true,
        description: "The data center whose nodes are asked; those of all when unset.",
      },
      read_consistency: consistency("must have answered a read"),
      write_consistency: consistency("must have taken a write"),
      ...link,
      ...tables,
    },
  },
} as const satisfies Fields;
