import type { Entity, RowOf, Subschema } from "../schema/index.ts";
import { createdAt, tags, updatedAt, uuid } from "./common.ts";

const environment: Subschema = {
  fields: {
    config: {
      type: "record",
      required: true,
      description: "The settings of the vault.",
      fields: {
        prefix: {
          type: "string",
          match: { pattern: "^[%a_][%w_]*$", regexp: /^[A-Za-z_]\w*$/ },
          description: "What stands before the name of a secret in the environment.",
        },
      },
    },
  },
};

export const vault = {
  name: "vaults",
  description: "A place where secrets are kept, which fields can refer to.",
  primary_key: ["id"],
  endpoint_key: "prefix",
  fields: {
    id: uuid,
    prefix: {
      type: "string",
      required: true,
      unique: true,
      match: { pattern: "^[a-z][a-z%d-]-[a-z%d]+$", regexp: /^[a-z][a-z\d-]*[a-z\d]$/ },
      not_one_of: ["env"],
      description: "The unique name in references, as in `{vault://prefix/secret}`.",
    },
    name: { type: "string", required: true, description: "The kind of vault." },
    description: { type: "string", description: "What it is for." },
    config: { type: "record", abstract: true, description: "The settings; their schema is that of the kind." },
    created_at: createdAt,
    updated_at: updatedAt,
    tags,
  },
  subschemas: {
    key: "name",
    of: new Map([["env", environment]]),
    unknown: (value: string) => `vault '${value}' is not installed`,
  },
} as const satisfies Entity;

export type Vault = RowOf<typeof vault>;
