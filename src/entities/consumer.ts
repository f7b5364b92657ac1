import type { Entity, RowOf } from "../schema/index.ts";
import { createdAt, tags, updatedAt, uuid } from "./common.ts";

export const consumer = {
  name: "consumers",
  description: "Someone who uses the services: a person, a program, or all who are anonymous.",
  primary_key: ["id"],
  endpoint_key: "username",
  fields: {
    id: uuid,
    created_at: createdAt,
    updated_at: updatedAt,
    username: { type: "string", unique: true, description: "A unique name; this or `custom_id` is needed." },
    custom_id: { type: "string", unique: true, description: "The unique id of the consumer in another system." },
    tags,
  },
  entity_checks: [{ at_least_one_of: ["custom_id", "username"] }],
} as const satisfies Entity;

export type Consumer = RowOf<typeof consumer>;
