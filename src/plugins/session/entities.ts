import { createdAt, uuid } from "../../entities/index.ts";
import type { Entity, RowOf } from "../../schema/index.ts";

/** The rows of `storage: kong`. SPEC-kong-session-plugin §5.1 */
export const session = {
  name: "sessions",
  description: "A session whose data is kept by the gateway.",
  primary_key: ["id"],
  endpoint_key: "session_id",
  db_export: false,
  unannounced: true,
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
 * `audience` and `subject`. SPEC-kong-session-plugin §5.1. Also which session took the place of one, without these two: a
 * note that is sealed. See successors.ts
 */
export const sessionMetadata = {
  name: "session_metadatas",
  description: "Whose session it is, and for which audience.",
  primary_key: ["id"],
  internal: true,
  unannounced: true,
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

export type SessionMetadataRow = RowOf<typeof sessionMetadata>;
