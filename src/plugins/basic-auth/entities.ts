import { createHash } from "node:crypto";
import { createdAt, tags, uuid } from "../../entities/index.ts";
import type { Entity, RowOf } from "../../schema/index.ts";

/**
 * What is stored of a password: lower-case hex of SHA-1 over the password and the consumer's id. Weak, but what Kong
 * stores, so that rows travel both ways. SPEC-auth-plugins §2.3
 */
export function hashPassword(password: string, consumerId: string): string {
  return createHash("sha1").update(password).update(consumerId).digest("hex");
}

export const basicauthCredential = {
  name: "basicauth_credentials",
  description: "A user name and a password by which a consumer is known.",
  primary_key: ["id"],
  credential: true,
  endpoint_key: "username",
  admin_api_name: "basic-auths",
  admin_api_nested_name: "basic-auth",
  fields: {
    id: uuid,
    created_at: createdAt,
    consumer: {
      type: "foreign",
      reference: "consumers",
      required: true,
      on_delete: "cascade",
      description: "Whose credential it is.",
    },
    username: { type: "string", required: true, unique: true, description: "The unique user name." },
    password: {
      type: "string",
      required: true,
      encrypted: true,
      description: "The password; only its hash is stored and shown.",
    },
    tags,
  },
  transforms: [
    {
      input: ["password"],
      needs: ["consumer.id"],
      onWrite: (password: string, consumerId: string) => ({ password: hashPassword(password, consumerId) }),
    },
  ],
} as const satisfies Entity;

export type BasicauthCredential = RowOf<typeof basicauthCredential>;
