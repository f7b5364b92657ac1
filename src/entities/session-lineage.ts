import type { Entity, RowOf } from "../schema/index.ts";
import { createdAt, uuid } from "./common.ts";

/** The logins whose sessions live, of session plugins with `revocation`: what lists of sessions are made from. */
export const sessionLineage = {
  name: "session_lineages",
  description: "A login whose session lives, wherever it is kept.",
  primary_key: ["id"],
  internal: true,
  unannounced: true,
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
    last_seen: { type: "integer", description: "When it was last touched or renewed, in seconds since the epoch." },
    expires: { type: "integer", description: "When it ends unless it is used, in seconds since the epoch." },
    over: { type: "integer", description: "When it ends however it is used, in seconds since the epoch." },
    ip: { type: "string", description: "The visitor's address at login, with `store_metadata`." },
    user_agent: { type: "string", description: "The visitor's browser at login, with `store_metadata`." },
    created_at: createdAt,
  },
} as const satisfies Entity;

export type SessionLineage = RowOf<typeof sessionLineage>;
