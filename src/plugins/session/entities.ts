import { createdAt, uuid } from "../../entities/index.ts";
import type { Entity, RowOf } from "../../schema/index.ts";

/** The rows of `storage: kong`. SPEC-kong-session-plugin §5.1 */
export const session = {
  name: "sessions",
  description: "A session whose data is kept by the gateway.",
  primary_key: ["id"],
  endpoint_key: "session_id",
  ttl: true,
  fields: {
    id: uuid,
    session_id: { type: "string", unique: true, required: true, description: "The id in the cookie, in base64url." },
    expires: {
      type: "integer",
      indexed: true,
      description: "When the row expires, in seconds since the epoch; for information, as `ttl` decides.",
    },
    data: { type: "string", encrypted: "unpublished", description: "The record of the session engine, sealed." },
    created_at: createdAt,
  },
} as const satisfies Entity;

export type SessionRow = RowOf<typeof session>;

/**
 * Which sessions a subject has at an audience: one row for each pair of a session, gone with it. Found by the exact texts of
 * `audience` and `subject`. SPEC-kong-session-plugin §5.1
 */
export const sessionMetadata = {
  name: "session_metadatas",
  description: "Whose session it is, and for which audience.",
  primary_key: ["id"],
  internal: true,
  fields: {
    id: uuid,
    session: {
      type: "foreign",
      reference: "sessions",
      required: true,
      on_delete: "cascade",
      description: "The session.",
    },
    sid: { type: "string", required: true, description: "The session's `session_id`." },
    subject: { type: "string", indexed: true, description: "The subject, or its hash, in base64url." },
    audience: { type: "string", indexed: true, description: "The audience in base64url." },
    created_at: createdAt,
  },
} as const satisfies Entity;

/**
 * What is not to open any more. `key` says what: `lineage:<id>`, or what was opened before a time: `consumer:<id>`, or
 * `[audience, subject]` as JSON, null standing for all. Rows live as long as what they forbid could.
 */
export const sessionRevocation = {
  name: "session_revocations",
  description: "Sessions that were revoked.",
  primary_key: ["id"],
  internal: true,
  ttl: true,
  fields: {
    id: uuid,
    key: { type: "string", unique: true, required: true, description: "What is revoked." },
    before: {
      type: "integer",
      description: "Logins before this time are revoked, in seconds since the epoch; all when unset.",
    },
    created_at: createdAt,
  },
} as const satisfies Entity;

export type SessionRevocationRow = RowOf<typeof sessionRevocation>;

/** The logins whose sessions live, of plugins with `revocation`: what lists of sessions are made from. */
export const sessionLineage = {
  name: "session_lineages",
  description: "A login whose session lives, wherever it is kept.",
  primary_key: ["id"],
  internal: true,
  ttl: true,
  fields: {
    id: uuid,
    lineage: { type: "string", unique: true, required: true, description: "What its cookies have in common." },
    consumer: {
      type: "foreign",
      reference: "consumers",
      required: true,
      on_delete: "cascade",
      description: "Who has logged in.",
    },
    subject: { type: "string", indexed: true, description: "Whom the session is about." },
    audience: { type: "string", indexed: true, description: "For which application." },
    session_id: { type: "string", indexed: true, description: "The id in its latest cookie, in base64url." },
    last_seen: {
      type: "integer",
      description: "When it was last touched or renewed, in seconds since the epoch.",
    },
    expires: { type: "integer", description: "When it ends unless it is used, in seconds since the epoch." },
    ip: { type: "string", description: "The visitor's address at login, with `store_metadata`." },
    user_agent: { type: "string", description: "The visitor's browser at login, with `store_metadata`." },
    created_at: createdAt,
  },
} as const satisfies Entity;

export type SessionLineageRow = RowOf<typeof sessionLineage>;

export type SessionMetadataRow = RowOf<typeof sessionMetadata>;
