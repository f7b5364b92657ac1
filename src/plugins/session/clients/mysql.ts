import type { Pool, PoolConnection } from "mysql2/promise";
import type { SqlClient } from "../../../session/index.ts";
import { type Setting, type Trust, timeoutsOf, tlsOf, within } from "./connection.ts";
import type { SqlSettings } from "./postgres.ts";

export interface MysqlSettings extends SqlSettings {
  readonly charset?: Setting<string>;
}

/** A pool of connections, each opened when it is needed. */
export function openMysql(settings: MysqlSettings, trust: Trust = {}): SqlClient & { close(): Promise<void> } {
  const { connectMs, answerMs } = timeoutsOf(settings);
  let pool: Promise<Pool> | undefined;

  async function connect(): Promise<Pool> {
    const { createPool } = await import("mysql2/promise");
    const tls = tlsOf(settings, trust);
    return createPool({
      ...(settings.socket
        ? { socketPath: settings.socket }
        : { host: settings.host ?? "127.0.0.1", port: settings.port ?? 3306 }),
      ...(settings.username != null && { user: settings.username }),
      ...(settings.password != null && { password: settings.password }),
      ...(settings.database != null && { database: settings.database }),
      ...(settings.charset != null && { charset: settings.charset }),
      ...(tls && { ssl: { ...tls } as object }),
      connectTimeout: connectMs,
      connectionLimit: settings.pool_size ?? 10,
      enableKeepAlive: true,
    });
  }

  async function borrow(): Promise<PoolConnection> {
    const opened = await (pool ??= connect());
    return within(connectMs, opened.getConnection(), "a connection to MySQL", (late) => late.release());
  }

  return {
    async query(sql, values) {
      const connection = await borrow();
      try {
        const [rows] = await within(answerMs, connection.execute(sql, [...values]), "a query in MySQL");
        connection.release();
        return Array.isArray(rows) ? (rows as Record<string, unknown>[]) : [];
      } catch (error) {
        // After an answer that says no, the connection is as good as before; after silence it is not.
        if (typeof (error as { sqlState?: string }).sqlState === "string") connection.release();
        else connection.destroy();
        throw error;
      }
    },
    async close() {
      await (await pool)?.end();
    },
  };
}
