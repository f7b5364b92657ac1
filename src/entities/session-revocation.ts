import type { Entity, RowOf } from "../schema/index.ts";
import { createdAt, uuid } from "./common.ts";

/** What session plugins are not to open any more. Rows live as long as what they forbid could. */
export const sessionRevocation = {
  name: "session_revocations",
  description: "Sessions that were revoked.",
  primary_key: ["id"],
  internal: true,
  ttl: true,
  fields: {
    id: uuid,
    key: { type: "string", unique: true, required: true, description: "What is revoked; see `revocationKey`." },
    before: {
      type: "integer",
      description: "Logins before this time are revoked, in seconds since the epoch; all when unset.",
    },
    expires: { type: "integer", required: true, description: "Until when, in seconds since the epoch." },
    created_at: createdAt,
  },
} as const satisfies Entity;

export type SessionRevocation = RowOf<typeof sessionRevocation>;

/**
 * What can be revoked; an absent `audience` or `subject` stands for all of them. `replaced` is a lineage too, one that made room
 * for a newer login.
 */
export type Revocable =
  | { readonly lineage: string }
  | { readonly replaced: string }
  | { readonly consumer: string }
  | { readonly audience?: string | undefined; readonly subject?: string | undefined };

/**
 * The key of a revocation: `lineage:<id>`, `replaced:<id>`, `consumer:<id>`, or `[audience, subject]` as JSON, null standing for
 * all.
 */
export function revocationKey(what: Revocable): string {
  if ("lineage" in what) return `lineage:${what.lineage}`;
  if ("replaced" in what) return `replaced:${what.replaced}`;
  if ("consumer" in what) return `consumer:${what.consumer}`;
  return JSON.stringify([what.audience ?? null, what.subject ?? null]);
}

/** The lineage that a key names; undefined for keys of other kinds. */
export function lineageOfKey(key: string): string | undefined {
  if (key.startsWith("lineage:")) return key.slice("lineage:".length);
  return isReplaced(key) ? key.slice("replaced:".length) : undefined;
}

/** Whether a key says that its lineage made room for a newer login. */
export function isReplaced(key: string): boolean {
  return key.startsWith("replaced:");
}

/** Seconds after which nothing lives any more that was not renewed, 400 days: the longest life of a cookie. */
export const LONGEST_REVOCATION = 34_560_000;
