import { createPrivateKey, createPublicKey, type JsonWebKey } from "node:crypto";
import { type Entity, isRecord, isReference, type RowOf } from "../schema/index.ts";
import { createdAt, tags, updatedAt, uuid } from "./common.ts";

export const keySet = {
  name: "key_sets",
  description: "A set of keys.",
  primary_key: ["id"],
  endpoint_key: "name",
  admin_api_name: "key-sets",
  fields: {
    id: uuid,
    name: { type: "string", required: false, unique: true, description: "A unique name." },
    tags,
    created_at: createdAt,
    updated_at: updatedAt,
  },
} as const satisfies Entity;

function isKey(make: () => unknown): boolean {
  try {
    make();
    return true;
  } catch {
    return false;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function jwkFault({ jwk, kid }: { readonly jwk: unknown; readonly kid: string }): string | undefined {
  if (typeof jwk !== "string" || isReference(jwk)) return undefined;
  const parsed = parseJson(jwk);
  if (!isRecord(parsed)) return "could not json decode jwk string";
  if (parsed["kid"] !== kid) return "kid in jwk.kid must be equal to keys.kid";
  const loads = isKey(() => createPublicKey({ key: parsed as JsonWebKey, format: "jwk" }));
  return loads ? undefined : "could not load JWK, likely not a valid key";
}

interface Pem {
  readonly private_key?: string | null;
  readonly public_key?: string | null;
}

function pemFault({ private_key: secret, public_key: open }: Pem): string | undefined {
  if (isReference(secret) || isReference(open)) return undefined;
  if (open && !isKey(() => createPublicKey(open))) return "could not load public key";
  if (secret && !isKey(() => createPrivateKey(secret))) return "could not load private key";
  if (!open || !secret) return undefined;
  const same = createPublicKey(open).equals(createPublicKey(createPrivateKey(secret)));
  return same ? undefined : "public key does not match private key";
}

export const key = {
  name: "keys",
  description: "A key for signing or encryption, as JWK or in PEM format.",
  primary_key: ["id"],
  endpoint_key: "name",
  fields: {
    id: uuid,
    set: {
      type: "foreign",
      reference: "key_sets",
      required: false,
      on_delete: "cascade",
      description: "The set that it belongs to.",
    },
    name: { type: "string", required: false, unique: true, description: "A unique name." },
    kid: { type: "string", required: true, description: "The id of the key, unique in its set." },
    jwk: {
      type: "string",
      referenceable: true,
      encrypted: true,
      description: "The key as the text of a JSON Web Key.",
    },
    pem: {
      type: "record",
      required: false,
      fields: {
        private_key: {
          type: "string",
          required: false,
          referenceable: true,
          encrypted: true,
          description: "The private key.",
        },
        public_key: { type: "string", required: false, referenceable: true, description: "The public key." },
      },
      entity_checks: [{ at_least_one_of: ["private_key", "public_key"] }],
      check: pemFault,
      description: "The key in PEM format.",
    },
    tags,
    created_at: createdAt,
    updated_at: updatedAt,
  },
  unique: [["kid", "set"]],
  entity_checks: [
    { mutually_exclusive: ["jwk", "pem"] },
    { at_least_one_of: ["jwk", "pem"] },
    { custom_entity_check: { field_sources: ["jwk", "pem", "kid"], fn: jwkFault } },
  ],
} as const satisfies Entity;

export type KeySet = RowOf<typeof keySet>;
export type KeyRow = RowOf<typeof key>;
