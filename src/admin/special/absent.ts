import type { Stores } from "../../entities/index.ts";
import { operationUnsupported } from "../../schema/index.ts";
import { json, noContent, notFound } from "../answer.ts";
import type { Handler, Route } from "../paths.ts";

/** Collections that clients of Kong, decK among them, take for granted, by the names of their entities. */
const KONG = {
  upstreams: "/upstreams",
  certificates: "/certificates",
  snis: "/snis",
  ca_certificates: "/ca_certificates",
  vaults: "/vaults",
  key_sets: "/key-sets",
  keys: "/keys",
} as const;

/**
 * Kong's core entities that Sesame does not have: their lists are empty, a row is never found, and a write is refused
 * by name. A 404 for the list would end `deck gateway dump` and `sync`.
 */
export function absentRoutes(stores: Stores): Route[] {
  return Object.entries(KONG)
    .filter(([name]) => !stores.named(name))
    .flatMap(([name, path]) => {
      const refuse: Handler = () => {
        throw operationUnsupported(`Sesame has no '${name}' entities`);
      };
      return [
        { path, methods: { GET: () => json(200, { data: [], next: null }), POST: refuse } },
        {
          path: `${path}/{${name}}`,
          methods: { GET: () => notFound, PUT: refuse, PATCH: refuse, DELETE: () => noContent },
        },
      ];
    });
}
