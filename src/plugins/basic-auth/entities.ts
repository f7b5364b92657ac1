import { createHash } from "node:crypto";
import { createdAt, tags, uuid } from "../../entities/index.ts";
import { type Entity, type RowOf, schemaViolation } from "../../schema/index.ts";

/**
 * What is stored of a password: lower-case hex of SHA-1 over the password and the consumer's id. Weak, but what Kong
 * stores, so that rows travel both ways. SPEC-auth-plugins §2.3
 */
export function hashPassword(password: string, consumerId: string): string {
  return createHash("sha1").update(password).update(consumerId).digest("hex");
}

/** The password as it is stored already: in a row that another gateway shows. Throws code 2 when it is no hash. */
function takeHash(hash: string | null): { readonly password?: string } {
  if (hash === null) return {};
  if (/^[0-9a-f]{40}$/.test(hash)) return { password: hash };
  throw schemaViolation({ password_hash: "expected 40 lower-case hexadecimal digits" });
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
  shorthand_fields: {
    password_hash: {
      type: "string",
      description:
        "In place of `password`: what is stored of it, as another gateway shows it for the same consumer id.",
      expand: takeHash,
    },
  },
  transforms: [
    {
      input: ["password"],
      needs: ["consumer.id"],
      onWrite: (password: string, consumerId: string) => ({ password: hashPassword(password, consumerId) }),
    },
  ],
  guard: (_row, { password, password_hash }) =>
    password != null && password_hash != null ? { password_hash: "cannot be set together with 'password'" } : undefined,
} as const satisfies Entity;

export type BasicauthCredential = RowOf<typeof basicauthCredential>;
