import { DatabaseError, databaseErrors } from "./errors.ts";
import { type Database, type Executor, quote } from "./sql.ts";
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
  {
    version: 2,
    name: "what the nodes on one database share",
    statements: [`CREATE TABLE "cluster" ("name" TEXT PRIMARY KEY NOT NULL, "value" TEXT NOT NULL)`],
  },
];

/** Tables besides those of the entities. */
const OWN_TABLES = ["tags", "cluster", "schema_migrations"];

/** How a database stands to this program. */
export interface MigrationStatus {
  /** The version of the database, 0 when it is empty, and of this program. */
  readonly version: number;
  readonly known: number;
  /** Steps that the database has not made. */
  readonly pending: readonly Migration[];
  /** Tables and columns (`table.column`) that the schemas have and the database has not. */
  readonly missing: readonly string[];
}

/**
 * Bring the database to the version and the tables of this program, in one transaction; of several processes that start
 * at once, one does it. Throws ERR_DATABASE_NEWER.
 */
export function migrate(database: Database, tables: Tables, steps: readonly Migration[] = migrations): Promise<void> {
  return database.migration(async (tx) => {
    await tx.execute(
      `CREATE TABLE IF NOT EXISTS "schema_migrations" ("version" BIGINT PRIMARY KEY NOT NULL, "name" TEXT NOT NULL)`,
    );
    const version = await versionOf(tx);
    refuseNewer(database, version, steps);
    for (const step of steps) {
      if (step.version <= version) continue;
      for (const statement of step.statements) await tx.execute(statement);
      await tx.execute(`INSERT INTO "schema_migrations" ("version", "name") VALUES (?, ?)`, [step.version, step.name]);
    }
    for (const table of inOrder(tables)) {
      const present = await columnsOf(database, tx, table.name);
      const statements =
        present.size === 0 ? createStatements(table, tables) : extendStatements(table, tables, present);
      for (const statement of [...statements, ...indexStatements(table)]) await tx.execute(statement);
    }
  });
}

/** Compare the database with this program; nothing is changed. */
export async function migrationStatus(
  database: Database,
  tables: Tables,
  steps: readonly Migration[] = migrations,
): Promise<MigrationStatus> {
  const isNew = (await columnsOf(database, database, "schema_migrations")).size === 0;
  const version = isNew ? 0 : await versionOf(database);
  const missing: string[] = [];
  for (const table of inOrder(tables)) {
    const present = await columnsOf(database, database, table.name);
    if (present.size === 0) missing.push(table.name);
    else
      missing.push(
        ...table.columns.filter(({ name }) => !present.has(name)).map(({ name }) => `${table.name}.${name}`),
      );
  }
  return { version, known: knownVersion(steps), pending: steps.filter((step) => step.version > version), missing };
}

/** Throws ERR_DATABASE_NEWER or ERR_DATABASE_OLDER unless the database is that of this program. */
export async function requireMigrated(
  database: Database,
  tables: Tables,
  steps: readonly Migration[] = migrations,
): Promise<void> {
  const { version, known, pending, missing } = await migrationStatus(database, tables, steps);
  refuseNewer(database, version, steps);
  if (pending.length === 0 && missing.length === 0) return;
  const lacks = pending.length > 0 ? `has schema version ${version} and needs ${known}` : `lacks ${missing.join(", ")}`;
  throw new DatabaseError(
    databaseErrors.OLDER,
    `the database ${database.description} ${lacks}: run sesame migrations up`,
  );
}

/** Drop all tables with all they hold, in one transaction. Nodes that run forget what they know. */
export function dropTables(database: Database, tables: Tables): Promise<void> {
  return database.migration(async (tx) => {
    const names = inOrder(tables).map(({ name }) => name);
    for (const name of [...names.reverse(), ...OWN_TABLES]) await tx.execute(`DROP TABLE IF EXISTS ${quote(name)}`);
    await database.link?.alarm(tx);
  });
}

function refuseNewer(database: Database, version: number, steps: readonly Migration[]): void {
  const known = knownVersion(steps);
  if (version <= known) return;
  throw new DatabaseError(
    databaseErrors.NEWER,
    `the database ${database.description} has schema version ${version}, this program knows versions up to ${known}: use a newer Sesame`,
  );
}

function knownVersion(steps: readonly Migration[]): number {
  return steps.at(-1)?.version ?? 0;
}

async function versionOf(executor: Executor): Promise<number> {
  const rows = await executor.execute(`SELECT MAX("version") AS "version" FROM "schema_migrations"`);
  return Number(rows[0]?.["version"] ?? 0);
}

/** Empty when there is no such table. */
async function columnsOf(database: Database, executor: Executor, table: string): Promise<ReadonlySet<string>> {
  return new Set((await executor.execute(database.columnsOf, [table])).map(({ name }) => String(name)));
}
