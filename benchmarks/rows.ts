import { bodies } from "./gateway/bodies.ts";
import { latencyRow } from "./gateway/latency.ts";
import { memory } from "./gateway/memory.ts";
import { proxy } from "./gateway/proxy.ts";
import { routes } from "./gateway/routes.ts";
import { workers } from "./gateway/workers.ts";
import type { Options } from "./harness/options.ts";
import type { Row } from "./harness/row.ts";
import { login, loginKong } from "./session/login.ts";
import { rotation } from "./session/rotation.ts";
import { sessionRows } from "./session/session-rows.ts";
import { session, sessionKong } from "./session/signed-in.ts";

/** All that is measured, in the order of the table. */
export const allRows = ({ rate }: Options): readonly Row[] => [
  proxy,
  session,
  sessionKong,
  rotation,
  login,
  loginKong,
  latencyRow(rate),
  memory,
  workers,
  routes,
  sessionRows,
  ...bodies,
];
