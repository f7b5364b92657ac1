import type { JsonValue } from "../../session/index.ts";

/** Whom a session belongs to, as its data says. */
export interface Owner {
  readonly consumerId: string;
  /** Undefined when it was no credential that let the visitor in. */
  readonly credentialId: string | undefined;
  /** Groups that came with the authentication; undefined when none did. */
  readonly groups: readonly string[] | undefined;
  /** What all cookies that descend from one login have in common; absent where it is not asked for. See lineage.ts */
  readonly lineage?: string | undefined;
  /** What the credential was at login; absent where it is not followed. See credentials.ts */
  readonly mark?: string | undefined;
}

/**
 * The data of a session: `[consumer id, credential id, groups]`, without groups of two elements. SPEC-kong-session-plugin §4
 *
 * Ours go on with `lineage, mark`. Kong passes over them, and takes `false` in the place of groups for none.
 */
export function sessionData({ consumerId, credentialId, groups, lineage, mark }: Owner): JsonValue {
  const ids = [consumerId, credentialId ?? consumerId];
  if (mark !== undefined) return [...ids, groups ? [...groups] : false, lineage ?? false, mark];
  if (lineage !== undefined) return [...ids, groups ? [...groups] : false, lineage];
  return groups === undefined ? ids : [...ids, [...groups]];
}

/** Read the data of a session, which another application may have written; undefined when it names no consumer. */
export function ownerOf(data: JsonValue): Owner | undefined {
  if (!Array.isArray(data)) return undefined;
  const [consumerId, credentialId, groups, lineage, mark] = data;
  if (typeof consumerId !== "string") return undefined;
  return {
    consumerId,
    credentialId: typeof credentialId === "string" ? credentialId : undefined,
    groups: Array.isArray(groups) ? groups.filter((group) => typeof group === "string") : undefined,
    ...(typeof lineage === "string" && { lineage }),
    ...(typeof mark === "string" && { mark }),
  };
}
