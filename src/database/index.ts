export { DatabaseError, type DatabaseErrorCode, databaseErrors } from "./errors.ts";
export { TimedLease } from "./lease.ts";
export {
  dropTables,
  type Migration,
  type MigrationStatus,
  migrate,
  migrationStatus,
  migrations,
  requireMigrated,
} from "./migrations.ts";
export { openPostgres } from "./postgres.ts";
export type { PostgresOptions, PostgresTls } from "./postgres-config.ts";
export { createIamTokens, type IamOptions } from "./postgres-iam.ts";
export { replaceRows } from "./replacement.ts";
export type { StoredRow } from "./rows.ts";
export type { Database, Executor, SqlRow, SqlValue } from "./sql.ts";
export { openSqlite, type SqliteOptions } from "./sqlite.ts";
export { allEntities, createStores, type StoresOptions } from "./stores.ts";
export { createTables, type Table, type Tables } from "./tables.ts";
