import { basename, dirname } from "node:path";
import type { Pool } from "pg";
import type { SqlClient } from "../../../session/index.ts";
import { type ConnectionSettings, type Setting, type Trust, timeoutsOf, tlsOf } from "./connection.ts";

export interface SqlSettings extends ConnectionSettings {
  readonly username?: Setting<string>;
  readonly password?: Setting<string>;
  readonly database?: Setting<string>;
  /** How many connections there are at most. */
  readonly pool_size?: Setting<number>;
}

export interface PostgresSettings extends SqlSettings {
  /** What the server calls us. */
  readonly application?: Setting<string>;
}

/** A pool of connections, each opened when it is needed. */
export function openPostgres(settings: PostgresSettings, trust: Trust = {}): SqlClient & { close(): Promise<void> } {
  let pool: Promise<Pool> | undefined;

  async function connect(): Promise<Pool> {
    const { Pool } = (await import("pg")).default;
    const { connectMs, answerMs } = timeoutsOf(settings);
    const opened = new Pool({
      ...addressOf(settings),
      user: settings.username ?? "postgres",
      // Without one, the driver would look for it in files of the user.
      password: settings.password ?? "",
      database: settings.database ?? settings.username ?? "postgres",
      ssl: tlsOf(settings, trust) ?? false,
      application_name: settings.application ?? "sesame",
      max: settings.pool_size ?? 10,
      connectionTimeoutMillis: connectMs,
      query_timeout: answerMs,
      keepAlive: true,
    });
    // A connection that is lost while nobody uses it: the pool has dropped it already.
    opened.on("error", () => undefined);
    return opened;
  }

  return {
    async query(sql, values) {
      const { rows } = await (await (pool ??= connect())).query(sql, [...values]);
      return rows ?? [];
    },
    async close() {
      await (await pool)?.end();
    },
  };
}

/** Sockets are called `<folder>/.s.PGSQL.<port>`. */
function addressOf({ host, port, socket }: ConnectionSettings): { host: string; port: number } {
  if (!socket) return { host: host ?? "127.0.0.1", port: port ?? 5432 };
  const [, number] = /^\.s\.PGSQL\.(\d+)$/.exec(basename(socket)) ?? [];
  return { host: number ? dirname(socket) : socket, port: Number(number ?? port ?? 5432) };
}
