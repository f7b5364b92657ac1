import { message } from "../answer.ts";
import type { Route } from "../paths.ts";

const refuse = () => message(400, "this endpoint is only available when Kong is configured to not use a database");

/** `/config` with a database: there is no declarative configuration to read or replace. */
export const configRoute: Route = { path: "/config", methods: { GET: refuse, POST: refuse } };
