import type { Entity, RowOf } from "../schema/index.ts";
import { parseAddress } from "./address.ts";
import { tags, uuid } from "./common.ts";

const preciseTime = { type: "number", timestamp: true, auto: true } as const;

/** A target as it is stored and found: with its port, 8000 unless given; IPv6 in full and in brackets. */
export function normalizeTarget(target: string): string {
  const parsed = parseAddress(target);
  if (typeof parsed === "string") return target;
  return `${parsed.type === "ipv6" ? `[${parsed.host}]` : parsed.host}:${parsed.port ?? 8000}`;
}

export const target = {
  name: "targets",
  description: "One of the servers behind an upstream.",
  primary_key: ["id"],
  fields: {
    id: uuid,
    created_at: { ...preciseTime, description: "When the row was created, in seconds with milliseconds." },
    updated_at: { ...preciseTime, updated: true, description: "When the row was last written, likewise." },
    upstream: {
      type: "foreign",
      reference: "upstreams",
      required: true,
      on_delete: "cascade",
      description: "The upstream that it belongs to.",
    },
    target: {
      type: "string",
      required: true,
      description: "Host and port; the port is 8000 unless given.",
      check: (text: string) =>
        typeof parseAddress(text) === "string"
          ? `Invalid target ('${text}'); not a valid hostname or ip address`
          : undefined,
    },
    weight: {
      type: "integer",
      default: 100,
      between: [0, 65535],
      description: "Its share of the requests; 0: none.",
    },
    tags,
  },
  unique: [["upstream", "target"]],
  transforms: [{ input: ["target"], onWrite: (text: string) => ({ target: normalizeTarget(text) }) }],
} as const satisfies Entity;

export type Target = RowOf<typeof target>;
