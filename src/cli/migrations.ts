import {
  allEntities,
  createTables,
  type Database,
  DatabaseError,
  dropTables,
  migrate,
  migrationStatus,
  type Tables,
} from "../database/index.ts";
import { CommandError, defineCommand, type Terminal } from "./command.ts";
import { openDatabase } from "./database.ts";
import { enabledPlugins } from "./enabled-plugins.ts";
import { locateFiles, takePrefix } from "./prefix.ts";
import { settingsNotes as notes, settingsOptions as options, readSettings } from "./settings-options.ts";

type Work = (database: Database, tables: Tables) => Promise<number>;

/** Open the database that the settings name. A file below the prefix is taken as by a gateway, which must not run then. */
async function withDatabase(
  values: { readonly conf?: string; readonly prefix?: string },
  terminal: Terminal,
  work: Work,
): Promise<number> {
  const { settings: given, warnings } = readSettings(values, terminal);
  for (const warning of warnings) terminal.warn(`sesame: warning: ${warning}`);
  if (given.database === "off") throw new CommandError("database is off: there is nothing to migrate");
  const prefix = given.database === "sqlite" ? takePrefix(given.prefix) : undefined;
  const settings = locateFiles(given, prefix ?? { folder: given.prefix });
  try {
    const database = await openDatabase(settings, { file: prefix?.database ?? "" });
    try {
      return await work(database, createTables(allEntities({ plugins: enabledPlugins(settings) })));
    } finally {
      await database.close();
    }
  } catch (error) {
    throw error instanceof DatabaseError ? new CommandError(error.message, { cause: error }) : error;
  } finally {
    prefix?.release();
  }
}

export const up = defineCommand({
  summary: "Bring the database to this program's version.",
  options,
  notes: `${notes}\nNodes of an older version may go on running meanwhile. Exit code 0 when the database is up to date.`,
  run: ({ values }, terminal) =>
    withDatabase(values, terminal, async (database, tables) => {
      const { pending, missing } = await migrationStatus(database, tables);
      await migrate(database, tables);
      for (const { version, name } of pending) terminal.print(`${version}  ${name}\n`);
      for (const name of missing) terminal.print(`added ${name}\n`);
      terminal.print(`the database ${database.description} is up to date\n`);
      return 0;
    }),
});

export const status = defineCommand({
  summary: "Tell whether the database is at this program's version.",
  options,
  notes: `${notes}\nExit code 0 when the database is up to date, 1 when it has to be migrated, 2 when it is newer.`,
  run: ({ values }, terminal) =>
    withDatabase(values, terminal, async (database, tables) => {
      const { version, known, pending, missing } = await migrationStatus(database, tables);
      terminal.print(`the database ${database.description} has schema version ${version}, this program ${known}\n`);
      if (version > known) return 2;
      for (const step of pending) terminal.print(`pending: ${step.version}  ${step.name}\n`);
      for (const name of missing) terminal.print(`missing: ${name}\n`);
      return pending.length === 0 && missing.length === 0 ? 0 : 1;
    }),
});

export const reset = defineCommand({
  summary: "Drop all tables of the database, with everything in them.",
  options: { ...options, yes: { type: "boolean", short: "y", description: "Really do it." } },
  notes,
  run: ({ values }, terminal) =>
    withDatabase(values, terminal, async (database, tables) => {
      if (!values.yes)
        throw new CommandError(`everything in ${database.description} would be lost: say --yes if it may be`);
      await dropTables(database, tables);
      terminal.print(`the database ${database.description} is empty\n`);
      return 0;
    }),
});
