import { noContent, notFound } from "../answer.ts";
import type { Route } from "../paths.ts";

/**
 * `/cache`: Kong's cache of database rows. Changes reach the proxy at once without one, so every key is unknown and
 * there is nothing to drop.
 */
export const cacheRoutes: readonly Route[] = [
  { path: "/cache", methods: { DELETE: () => noContent } },
  { path: "/cache/{key}", methods: { GET: () => notFound, DELETE: () => noContent } },
];
