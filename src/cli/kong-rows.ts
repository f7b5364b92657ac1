import { allEntities } from "../database/index.ts";
import { normalizePath } from "../entities/index.ts";
import { plugins } from "../plugins/index.ts";
import type { Entity } from "../schema/index.ts";

/** A row of a Kong. References are `{ id }`; `id` is absent where Kong makes a new one whenever it reads its file. */
export type KongRow = { readonly [member: string]: unknown };

/** Where a Kong's rows are read from. Reading throws CommandError when the source cannot be understood. */
export interface KongSource {
  /** The rows of an entity. `ttl` is in seconds from now. */
  rows(entity: Entity): AsyncIterable<KongRow>;
  /** What the source has and Sesame cannot take, by kind. */
  unknown(): AsyncIterable<{ readonly kind: string; readonly row: KongRow }>;
}

/** Hears of a row, or of a part of it, that is not brought over, and why. */
export type LeaveOut = (entity: Entity, row: KongRow, why: string) => void;

/** What can be brought over: every entity with a path in the Admin API, those that others refer to first. */
export const importable: readonly Entity[] = inOrder(allEntities({ plugins }).filter(({ internal }) => !internal));

function inOrder(entities: readonly Entity[]): Entity[] {
  const ordered = new Set<Entity>();
  const add = (entity: Entity) => {
    for (const field of Object.values(entity.fields)) {
      const parent = "reference" in field ? entities.find(({ name }) => name === field.reference) : undefined;
      if (parent && !ordered.has(parent)) add(parent);
    }
    ordered.add(entity);
  };
  for (const entity of entities) add(entity);
  return [...ordered];
}

/** The collection of an entity in the Admin API. */
export const pathOf = (entity: Entity): string => `/${entity.admin_api_name ?? entity.name}`;

/** Collections of Kong that may have no entity here: the name in files, and the path in the Admin API. */
export const kongCollections: ReadonlyMap<string, string> = new Map(
  [
    ["upstreams", "/upstreams"],
    ["certificates", "/certificates"],
    ["snis", "/snis"],
    ["ca_certificates", "/ca_certificates"],
    ["vaults", "/vaults"],
    ["key_sets", "/key-sets"],
    ["keys", "/keys"],
    ["filter_chains", "/filter-chains"],
    ["jwt_secrets", "/jwts"],
    ["hmacauth_credentials", "/hmac-auths"],
    ["oauth2_credentials", "/oauth2"],
    ["oauth2_tokens", "/oauth2_tokens"],
    ["mtls_auth_credentials", "/mtls-auths"],
    ["consumer_groups", "/consumer_groups"],
    ["partials", "/partials"],
  ].filter(([name]) => !importable.some((entity) => entity.name === name)) as [string, string][],
);

/** Names of a stored value where the Admin API takes it as it is, in place of making it from what people know. */
const storedNames = new Map([["basicauth_credentials", { password: "password_hash" }]]);

/** The row of an entity with its values in stored form. */
export function asStored(entity: Entity, row: KongRow): KongRow {
  const names: Readonly<Record<string, string>> = storedNames.get(entity.name) ?? {};
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [names[name] ?? name, value]));
}

/** Whether Kong stores something else than is written of this row. */
export const isTransformed = (entity: Entity): boolean => storedNames.has(entity.name);

/** What names a row in reports: never a secret. */
export function labelOf(row: KongRow): string {
  const names = [row["name"], row["username"], row["custom_id"], row["group"], row["prefix"], row["id"]];
  const found = names.find((name) => typeof name === "string" && name !== "");
  return typeof found === "string" ? found : "(unnamed)";
}

/**
 * What a route's path before Kong 3.0 is since then. Of ordinary characters it is a prefix; else it was a regular expression,
 * and escapes of characters that need none are decoded in it. SPEC-entities §11.4
 */
export function migratePath(path: string): string {
  if (!path.startsWith("/")) return path;
  if (/^[\w.~/%-]*$/.test(path)) return normalizePath(path);
  const pattern = path.replace(/%([0-9a-f]{2})/gi, (triplet, hex) => {
    const char = String.fromCharCode(Number.parseInt(hex, 16));
    if (/[A-Za-z0-9_~]/.test(char)) return char;
    return char === "." || char === "-" ? `\\${char}` : triplet.toUpperCase();
  });
  return `~${pattern}`;
}

/** A row of a Kong of some release (`[3, 2]` for 3.2) as a row of 3.9. */
export function modernize(entity: Entity, row: KongRow, [major, minor]: readonly [number, number]): KongRow {
  if (entity.name === "routes" && major < 3 && Array.isArray(row["paths"])) {
    return { ...row, paths: row["paths"].map((path) => (typeof path === "string" ? migratePath(path) : path)) };
  }
  const config = row["config"];
  const isOldSession =
    row["name"] === "session" && entity.name === "plugins" && (major < 3 || (major === 3 && minor < 2));
  if (!isOldSession || typeof config !== "object" || config === null || !("secret" in config)) return row;
  // The cookies in the browsers are of the format of that time.
  return { ...row, config: { ...config, legacy_secret: config.secret } };
}
