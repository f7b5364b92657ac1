export { DatabaseError, type DatabaseErrorCode, databaseErrors } from "./errors.ts";
export { type Migration, migrate, migrations } from "./migrations.ts";
export type { Database, Executor, SqlRow, SqlValue } from "./sql.ts";
export { openSqlite, type SqliteOptions } from "./sqlite.ts";
export { allEntities, createStores, type StoresOptions } from "./stores.ts";
export { createTables, type Table, type Tables } from "./tables.ts";
