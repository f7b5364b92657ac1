import { bodies } from "./gateway/bodies.ts";
import { latencyRow } from "./gateway/latency.ts";
import { memory } from "./gateway/memory.ts";
import { proxy } from "./gateway/proxy.ts";
import { routes } from "./gateway/routes.ts";
import { workers } from "./gateway/workers.ts";
import type { Options } from "./harness/options.ts";
import type { Row } from "./harness/row.ts";
import { login, loginPostgres, loginSqlite } from "./session/login.ts";
import { rotation } from "./session/rotation.ts";
import { sessionRows } from "./session/session-rows.ts";
import { session, sessionKong, sessionRedis } from "./session/signed-in.ts";

/** All that is measured, in the order of the table. */
export const allRows = ({ rate }: Options): readonly Row[] => [
  proxy,
  session,
  sessionKong,
  sessionRedis,
  rotation,
  login,
  loginPostgres,
  loginSqlite,
  latencyRow(rate),
  memory,
  workers,
  routes,
  sessionRows,
  ...bodies,
];
