import { after, before, describe } from "node:test";
import { openPostgres, type PostgresOptions } from "../../src/database/index.ts";
import { lacking } from "../helpers/servers.ts";
import { type SqlServer, startPostgres } from "../helpers/sql-servers.ts";
import { testDatabase } from "./database.ts";

describe("on a PostgreSQL server", { skip: lacking("postgres", "initdb"), concurrency: 1 }, () => {
  let server: SqlServer;
  let schemas = 0;
  before(async () => {
    server = await startPostgres("a 'password'");
  });
  after(() => server?.remove());

  /** Each test has a schema of its own. */
  function freshOptions(): PostgresOptions {
    const { username: user, ...settings } = server.settings;
    const limits = { timeoutMs: 5000, maxConnections: 8, idleTimeoutMs: 60_000 };
    return { ...settings, user, schema: `a "schema" no. ${++schemas}`, ...limits };
  }

  testDatabase("PostgreSQL", async (t) => {
    const database = await openPostgres(freshOptions());
    t.after(() => database.close());
    return database;
  });
});
