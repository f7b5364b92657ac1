import { createHash } from "node:crypto";
import type { KongRow } from "./kong-rows.ts";

/** The UUID of version 5 for a name. RFC 9562 §5.5 */
export function uuid5(namespace: string, name: string): string {
  const digest = createHash("sha1")
    .update(Buffer.from(namespace.replaceAll("-", ""), "hex"))
    .update(name)
    .digest();
  digest[6] = (digest[6]! & 0x0f) | 0x50;
  digest[8] = (digest[8]! & 0x3f) | 0x80;
  const hex = digest.toString("hex", 0, 16);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

const NAMESPACE = "fd02801f-0957-4a15-a55a-c8d9606f30b5";

/** What Kong's ids are made from, by entity: members of the row, in order; several stand behind the entity's name. */
const keyMembers: Readonly<Record<string, readonly string[]>> = {
  services: ["name"],
  routes: ["name"],
  consumers: ["username"],
  plugins: ["name", "route", "service", "consumer"],
  basicauth_credentials: ["username"],
  acls: ["consumer", "group"],
};

const PLAIN = new Set(["services", "routes", "consumers"]);

/**
 * The id that Kong gives to a row of a file that has none; undefined where Kong makes it at random. `references` has for
 * each foreign field what stands in the key: the parent's id when the row is nested in it, else the reference as written.
 * SPEC-entities §11.3
 */
export function declarativeId(
  entity: string,
  row: KongRow,
  references: Readonly<Record<string, string>>,
): string | undefined {
  const members = keyMembers[entity];
  if (!members) return undefined;
  const parts = members.map((member) => references[member] ?? (typeof row[member] === "string" ? row[member] : ""));
  if (PLAIN.has(entity)) return parts[0] === "" ? undefined : entityId(entity, parts[0]!);
  return entityId(entity, [entity, "*", ...parts].join(":"));
}

/** The id of what has a key, among the entities of one name. */
export const entityId = (entity: string, key: string): string => uuid5(uuid5(NAMESPACE, entity), key);
