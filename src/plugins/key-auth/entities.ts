import { createdAt, tags, uuid } from "../../entities/index.ts";
import type { Entity, RowOf } from "../../schema/index.ts";

export const keyauthCredential = {
  name: "keyauth_credentials",
  description: "A key by which a consumer is known.",
  primary_key: ["id"],
  credential: true,
  endpoint_key: "key",
  admin_api_name: "key-auths",
  admin_api_nested_name: "key-auth",
  ttl: true,
  fields: {
    id: uuid,
    created_at: createdAt,
    consumer: {
      type: "foreign",
      reference: "consumers",
      required: true,
      on_delete: "cascade",
      description: "Whose key it is.",
    },
    key: {
      type: "string",
      required: false,
      unique: true,
      auto: true,
      encrypted: "unpublished",
      description: "The key; made by the server unless given.",
    },
    tags,
  },
} as const satisfies Entity;

export type KeyauthCredential = RowOf<typeof keyauthCredential>;
