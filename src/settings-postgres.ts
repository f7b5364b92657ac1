import type { Setting } from "./settings-table.ts";

/** The settings of the PostgreSQL server, without the `pg_` of their names. */
const primary = {
  host: {
    type: "string",
    default: "127.0.0.1",
    description: "Host of the PostgreSQL server, or the folder of its socket.",
  },
  port: { type: "integer", default: "5432", min: 1, max: 65535, description: "Port of the PostgreSQL server." },
  user: { type: "string", default: "kong", description: "User of the PostgreSQL server." },
  password: { type: "string", secret: true, description: "Password of `pg_user`." },
  iam_auth: {
    type: "boolean",
    default: "off",
    description:
      "Whether the server is an Amazon RDS with IAM authentication: each connection gets a token in place of the password, and " +
      "`pg_ssl` and `pg_ssl_required` are on. Credentials are searched for as the AWS SDK does: environment, profile, web " +
      "identity, container, instance. The region is that of `AWS_REGION`, or of the name of the host.",
  },
  iam_auth_assume_role_arn: {
    type: "string",
    description: "With `pg_iam_auth`, the role to assume, by those credentials; its own sign the tokens.",
  },
  iam_auth_role_session_name: {
    type: "string",
    default: "KongPostgres",
    description: "Name of the session of the role that is assumed.",
  },
  iam_auth_sts_endpoint_url: {
    type: "url",
    description: "Where the security token service (STS) is, for roles and web identities, if not at its usual place.",
  },
  database: {
    type: "string",
    default: "kong",
    description:
      "Name of the database, which must be in UTF8. Poolers in front must keep sessions, not only transactions.",
  },
  schema: {
    type: "string",
    description:
      "Schema of the tables, made by `sesame migrations up` when absent; without it that of the user, `public`.",
  },
  timeout: {
    type: "integer",
    default: "5000",
    min: 1,
    max: 3600000,
    unit: "ms",
    description: "How long connecting, and each statement, may take.",
  },
  ssl: { type: "boolean", default: "off", description: "Whether connections to the server use TLS." },
  ssl_required: {
    type: "boolean",
    default: "off",
    description: "Whether, with `pg_ssl`, a server without TLS is refused; else it is spoken to without.",
  },
  ssl_verify: {
    type: "boolean",
    default: "off",
    description: "Whether, with `pg_ssl`, the server's certificate is verified, with `lua_ssl_trusted_certificate`.",
  },
  ssl_version: {
    type: "enum",
    default: "tlsv1_2",
    one_of: ["tlsv1_2", "tlsv1_3", "any"],
    refused: { tlsv1_1: "TLS 1.1 is not safe any more" },
    description: "The oldest version of TLS that is accepted; `any` is 1.2 too.",
  },
  max_concurrent_queries: {
    type: "integer",
    default: "0",
    min: 0,
    max: 1000,
    description: "Statements and transactions of each process at the same time; 0: no limit but `pg_pool_size`.",
  },
  semaphore_timeout: {
    type: "integer",
    default: "60000",
    min: 0,
    max: 3600000,
    unit: "ms",
    description: "With `pg_max_concurrent_queries`, how long a statement waits for its turn before it fails.",
  },
  keepalive_timeout: {
    type: "integer",
    default: "60000",
    min: 0,
    max: 2147483647,
    unit: "ms",
    description: "How long an unused connection is kept; 0: for ever.",
  },
  pool_size: {
    type: "integer",
    default: "8",
    min: 1,
    max: 1000,
    description:
      "Connections of each process, not counting the one that each node listens on; a statement waits for one, `pg_timeout` at most.",
  },
  backlog: {
    type: "integer",
    min: 0,
    max: 1000000,
    description:
      "How many statements of each process may wait for a connection while `pg_pool_size` are in use; one more fails at once. " +
      "Without it any number waits, where Kong opens more connections.",
  },
} as const satisfies Record<string, Setting>;

const { host: _host, ...others } = primary;

/** What a standby has otherwise than the primary: without a default, as that is what the primary has. */
type Replica = {
  readonly [N in keyof typeof others as `ro_${N}`]: Omit<(typeof others)[N], "default">;
};

const replica = {
  ro_host: {
    type: "string",
    description:
      "Host of a standby (streaming replication) of the server. Whole tables, as at start, are read there if it has everything " +
      "that was committed by then; else, and when it fails, on the primary. So is all else, as it must not be late.",
  },
  ...(Object.fromEntries(
    Object.entries<Setting>(others).map(([name, { default: _, ...setting }]) => {
      const description = `\`pg_${name}\` for the standby \`pg_ro_host\`; by default the same.`;
      return [`ro_${name}`, { ...setting, description }];
    }),
  ) as unknown as Replica),
} as const;

const certificate = {
  ssl_cert: { type: "file", description: "Certificate (a PEM file) that this node shows to the server." },
  ssl_cert_key: { type: "file", secret: true, description: "Private key (a PEM file) of `pg_ssl_cert`." },
} as const satisfies Record<string, Setting>;

const all = { ...primary, ...certificate, ...replica };

type PostgresSettings = { readonly [N in keyof typeof all as `pg_${N}`]: (typeof all)[N] };

/** The settings of `database=postgres`, by their names. */
export const postgresSettings = Object.fromEntries(
  Object.entries(all).map(([name, setting]) => [`pg_${name}`, setting]),
) as unknown as PostgresSettings;
