import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { createStores, type Database, openSqlite } from "../../src/database/index.ts";
import { consumer, createRouteEntity, type Stores, service } from "../../src/entities/index.ts";
import { validateRouteRegex } from "../../src/gateway/index.ts";
import { plugins } from "../../src/plugins/index.ts";
import type { Minted } from "./cookies.ts";

// Rows in numbers that would take the Admin API minutes, put into the database of a gateway that is stopped.

async function withStores(prefix: string, work: (stores: Stores, database: Database) => Promise<void>): Promise<void> {
  const database = openSqlite({ file: join(prefix, "sesame.db") });
  try {
    await work(await createStores(database, { plugins, regexFault: validateRouteRegex }), database);
  } finally {
    await database.close();
  }
}

/** Routes without plugins to the small upstream, one for each path. */
export function insertRoutes(prefix: string, paths: readonly string[]): Promise<void> {
  return withStores(prefix, async (stores) => {
    const small = await stores.of(service).select({ name: "small" });
    const routes = stores.of(createRouteEntity(validateRouteRegex));
    for (const path of paths) await routes.insert({ service: { id: small!.id }, paths: [path] });
  });
}

/** So many consumers; answers their ids. */
export async function insertConsumers(prefix: string, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, () => randomUUID());
  await withStores(prefix, async (stores) => {
    const consumers = stores.of(consumer);
    for (const id of ids) await consumers.insert({ id, username: `consumer-${id}` });
  });
  return ids;
}

const DAY = 86_400;

/** The rows of these sessions, and `filler` others that nobody has a cookie for. */
export function insertSessions(prefix: string, minted: readonly Minted[], filler: number): Promise<void> {
  return withStores(prefix, async (stores, database) => {
    const sessions = stores.named("sessions")!;
    const expires = Math.floor(Date.now() / 1000) + DAY;
    for (const { row } of minted) await sessions.insert({ ...row!, expires, ttl: DAY });
    const columns = (await database.execute("SELECT name FROM pragma_table_info('sessions')")).map(
      ({ name }) => `"${name}"`,
    );
    const random = { '"id"': uuidSql, '"session_id"': "hex(randomblob(22))" };
    const values = columns.map((column) => random[column as keyof typeof random] ?? column);
    await database.execute(
      `WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${filler})
       INSERT INTO sessions (${columns.join()})
       SELECT ${values.join()} FROM numbers, (SELECT * FROM sessions LIMIT 1)`,
    );
  });
}

const uuidSql = `lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-8' ||
  substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))`;
