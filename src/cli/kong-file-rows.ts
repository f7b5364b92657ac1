import type { Entity } from "../schema/index.ts";
import { isMapping, type Mapping } from "./declarative-walk.ts";
import type { Plain } from "./kong-document.ts";
import { asStored, isTransformed, type KongRow, type LeaveOut } from "./kong-rows.ts";

export interface KongFileOptions {
  /** Whether passwords are to be hashed; absent: as the file says. */
  readonly transform?: boolean | undefined;
  /** Seconds since the epoch. */
  readonly now: number;
  readonly leaveOut: LeaveOut;
}

/**
 * What a file of decK says of all its rows, put into each: `_info.defaults` by entity, `_info.select_tags`, and the
 * `_plugin_configs` that a plugin's `_config` names.
 */
export function deckDefaults(document: Mapping): (entity: Entity, row: Mapping) => Mapping {
  const mapping = (value: Plain | undefined): Mapping => (isMapping(value) ? value : {});
  const info = mapping(document["_info"]);
  const defaults = mapping(info["defaults"]);
  const configs = mapping(document["_plugin_configs"]);
  const tags = Array.isArray(info["select_tags"]) ? info["select_tags"] : [];
  return (entity, written) => {
    const { _config: shared, ...own } = written;
    const row: Record<string, Plain> = { ...mapping(defaults[entity.name.replace(/s$/, "")]), ...own };
    if (typeof shared === "string") row["config"] = { ...mapping(configs[shared]), ...mapping(row["config"]) };
    if (tags.length > 0 && Object.hasOwn(entity.fields, "tags")) {
      row["tags"] = [...tags, ...(Array.isArray(row["tags"]) ? row["tags"] : [])];
    }
    return row;
  };
}

/** A row with its references resolved, as it can be sent; undefined, and reported, when it cannot. */
export function finishRow(
  entity: Entity,
  { ttl, ...row }: KongRow,
  { transform, now, leaveOut }: KongFileOptions,
): KongRow | undefined {
  // In a file it is the moment of expiry. SPEC-entities §11.5
  if (typeof ttl === "number" && ttl > 0 && ttl <= now) {
    leaveOut(entity, row, "has expired (a `ttl` in a file is a time, in seconds since the epoch)");
    return undefined;
  }
  const timed = typeof ttl === "number" && ttl > 0 ? { ...row, ttl: Math.floor(ttl - now) } : row;
  if (entity.name === "plugins" && row["name"] === "session" && !hasSecret(row["config"])) {
    leaveOut(entity, row, "has no secret in the file, and gets a new one: cookies that Kong has sent do not open");
  }
  if (!isTransformed(entity) || transform === true) return timed;
  if (transform === false) return asStored(entity, timed);
  const { password } = row;
  if (typeof password !== "string" || !/^[0-9a-f]{40}$/.test(password)) return timed;
  leaveOut(entity, row, "its password looks like a hash: say --no-transform if it is one, or --transform");
  return undefined;
}

/** Whether the configuration of a session plugin has its secret. */
export const hasSecret = (config: unknown): boolean =>
  typeof config === "object" && config !== null && "secret" in config && config.secret !== null;
