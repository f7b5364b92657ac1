import { message } from "../answer.ts";
import type { Route } from "../paths.ts";

const refuse = () => message(400, "this endpoint is only available when wasm is enabled");

const COLLECTIONS = ["/filter-chains", "/routes/{routes}/filter-chains", "/services/{services}/filter-chains"];
const READ_ONLY = [
  "/routes/{routes}/filters/all",
  "/routes/{routes}/filters/disabled",
  "/routes/{routes}/filters/enabled",
  "/schemas/filters/{name}",
];
const REFERENCES = ["/filter-chains/{filter_chains}/route", "/filter-chains/{filter_chains}/service"];
const row = { GET: refuse, PUT: refuse, PATCH: refuse, DELETE: refuse };

/** `/filter-chains` and what belongs to it: answered as by a Kong with `wasm=off`, which clients expect. */
export const filterChainRoutes: readonly Route[] = [
  ...COLLECTIONS.flatMap((path) => [
    { path, methods: { GET: refuse, POST: refuse } },
    { path: `${path}/{filter_chains}`, methods: row },
  ]),
  ...READ_ONLY.map((path) => ({ path, methods: { GET: refuse } })),
  ...REFERENCES.map((path) => ({ path, methods: row })),
];
