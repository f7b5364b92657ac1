import { createdAt, tags, uuid } from "../../entities/index.ts";
import type { Entity, RowOf } from "../../schema/index.ts";

export const acl = {
  name: "acls",
  description: "The membership of a consumer in a group.",
  primary_key: ["id"],
  fields: {
    id: uuid,
    created_at: createdAt,
    consumer: {
      type: "foreign",
      reference: "consumers",
      required: true,
      on_delete: "cascade",
      description: "Who is in the group.",
    },
    group: { type: "string", required: true, description: "The name of the group." },
    tags,
  },
  unique: [["consumer", "group"]],
} as const satisfies Entity;

export type Acl = RowOf<typeof acl>;
