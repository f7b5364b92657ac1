import { json } from "../answer.ts";
import type { Route } from "../paths.ts";

/** `GET /endpoints`: the paths of all routes, its own too. */
export function endpointsRoute(others: readonly Route[]): Route {
  const path = "/endpoints";
  const data = [...others.map((route) => route.path), path].sort();
  return { path, methods: { GET: () => json(200, { data }) } };
}
