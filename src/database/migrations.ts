import { DatabaseError, databaseErrors } from "./errors.ts";
import type { Database, Executor } from "./sql.ts";
import { createStatements, extendStatements, indexStatements, inOrder, type Tables } from "./tables.ts";

/** A step of the database to the next schema version; it runs once, in the transaction that notes it. */
export interface Migration {
  readonly version: number;
  readonly name: string;
  readonly statements: readonly string[];
}

/**
 * Tables and columns that the schemas have and the database has not are added by themselves; everything else that must
 * change, such as a renamed column, is a migration here. Migrations are never edited once released.
 */
export const migrations: readonly Migration[] = [
  {
    version: 1,
    name: "uses of tags",
    statements: [
      `CREATE TABLE "tags" ("tag" TEXT NOT NULL, "entity_name" TEXT NOT NULL, "entity_id" TEXT NOT NULL,
        PRIMARY KEY ("entity_id", "entity_name", "tag"))`,
      `CREATE INDEX "tags_tag_idx" ON "tags" ("tag", "entity_name", "entity_id")`,
    ],
  },
];

/**
 * Bring the database to the version and the tables of this program, in one transaction; of several processes that start
 * at once, one does it. A read-only database is only compared. Throws ERR_DATABASE_NEWER or ERR_DATABASE_OLDER.
 */
export async function migrate(
  database: Database,
  tables: Tables,
  steps: readonly Migration[] = migrations,
): Promise<void> {
  const known = steps.at(-1)?.version ?? 0;
  if (database.readOnly) {
    const version = await versionOf(database);
    compare(database, version, known);
    if (version < known) {
      throw new DatabaseError(
        databaseErrors.OLDER,
        `the database ${database.description} has schema version ${version} and needs ${known}: migrate it first`,
      );
    }
    return;
  }
  await database.transaction(async (tx) => {
    await tx.execute(
      `CREATE TABLE IF NOT EXISTS "schema_migrations" ("version" BIGINT PRIMARY KEY NOT NULL, "name" TEXT NOT NULL)`,
    );
    const version = await versionOf(tx);
    compare(database, version, known);
    for (const step of steps) {
      if (step.version <= version) continue;
      for (const statement of step.statements) await tx.execute(statement);
      await tx.execute(`INSERT INTO "schema_migrations" ("version", "name") VALUES (?, ?)`, [step.version, step.name]);
    }
    await followSchemas(tx, tables, database.columnsOf);
  });
}

function compare(database: Database, version: number, known: number): void {
  if (version <= known) return;
  throw new DatabaseError(
    databaseErrors.NEWER,
    `the database ${database.description} has schema version ${version}, this program knows versions up to ${known}: use a newer Sesame`,
  );
}

async function versionOf(executor: Executor): Promise<number> {
  const rows = await executor.execute(`SELECT MAX("version") AS "version" FROM "schema_migrations"`);
  return Number(rows[0]?.["version"] ?? 0);
}

async function followSchemas(tx: Executor, tables: Tables, columnsOf: string): Promise<void> {
  for (const table of inOrder(tables)) {
    const present = new Set((await tx.execute(columnsOf, [table.name])).map(({ name }) => String(name)));
    const statements = present.size === 0 ? createStatements(table, tables) : extendStatements(table, tables, present);
    for (const statement of [...statements, ...indexStatements(table)]) await tx.execute(statement);
  }
}
