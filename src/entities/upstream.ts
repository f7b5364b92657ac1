import type { Check, Entity, Fields, Match, RowOf } from "../schema/index.ts";
import { parseAddress } from "./address.ts";
import { createdAt, headerName, hostWithPort, path, tags, token, updatedAt, uuid } from "./common.ts";
import { healthchecks } from "./healthchecks.ts";

const inputs = ["none", "consumer", "ip", "header", "cookie", "path", "query_arg", "uri_capture"] as const;

const hashInput = { type: "string", one_of: inputs, default: "none" } as const;

const parameter = { type: "string", len_min: 1 } as const;

function when(if_field: string, value: string, then_field: string, then_match: Match): Check {
  const if_match = { match: { pattern: `^${value}$`, regexp: new RegExp(`^${value}$`) } };
  return { conditional: { if_field, if_match, then_field, then_match } };
}

/** The fallback of an input that can only have one value must be another. */
function otherFallback(value: string, others: readonly string[]): Check {
  return when("hash_on", value, "hash_fallback", { one_of: others });
}

function needsName(input: string, names: readonly [string, string]): Check[] {
  return [
    when("hash_on", input, names[0], { required: true }),
    when("hash_fallback", input, names[1], { required: true }),
  ];
}

const fields = {
  id: uuid,
  created_at: createdAt,
  name: {
    type: "string",
    required: true,
    unique: true,
    description: "A host name; services name it as their host.",
    check: (name: string) => {
      const parsed = parseAddress(name);
      if (typeof parsed === "string") return `Invalid name ('${name}'); must be a valid hostname`;
      if (parsed.type !== "name") return `Invalid name ('${name}'); no ip addresses allowed`;
      return parsed.port === undefined ? undefined : `Invalid name ('${name}'); no port allowed`;
    },
  },
  updated_at: updatedAt,
  algorithm: {
    type: "string",
    one_of: ["consistent-hashing", "least-connections", "round-robin", "latency"],
    default: "round-robin",
    description: "How a target is chosen.",
  },
  hash_on: { ...hashInput, description: "What consistent hashing goes by." },
  hash_fallback: { ...hashInput, description: "What it goes by where a request lacks that." },
  hash_on_header: { ...headerName, description: "The header to go by." },
  hash_fallback_header: { ...headerName, description: "The header to go by where the first is absent." },
  hash_on_cookie: { ...token, description: "The cookie to go by; it is set where it is absent." },
  hash_on_cookie_path: { ...path, default: "/", description: "The path of that cookie." },
  hash_on_query_arg: { ...parameter, description: "The query argument to go by." },
  hash_fallback_query_arg: { ...parameter, description: "The query argument to go by where the first is absent." },
  hash_on_uri_capture: { ...parameter, description: "The named part of the route's path to go by." },
  hash_fallback_uri_capture: { ...parameter, description: "The part to go by where the first is absent." },
  slots: {
    type: "integer",
    default: 10000,
    between: [10, 65536],
    description: "Into how many slots the hashes are divided.",
  },
  healthchecks: { ...healthchecks, description: "How targets are found to be healthy or not." },
  tags,
  host_header: { ...hostWithPort, description: "The Host header that targets see; null: that of the request." },
  client_certificate: {
    type: "foreign",
    reference: "certificates",
    description: "The certificate shown to targets.",
  },
  use_srv_name: {
    type: "boolean",
    default: false,
    description: "Whether targets see the host name of their SRV record.",
  },
} as const satisfies Fields;

export const upstream = {
  name: "upstreams",
  description: "A group of targets that share the requests of a service.",
  primary_key: ["id"],
  endpoint_key: "name",
  fields,
  entity_checks: [
    ...needsName("header", ["hash_on_header", "hash_fallback_header"]),
    ...needsName("cookie", ["hash_on_cookie", "hash_on_cookie"]),
    otherFallback("none", ["none"]),
    otherFallback("cookie", ["none"]),
    otherFallback("consumer", ["none", "ip", "header", "cookie", "path", "query_arg", "uri_capture"]),
    otherFallback("ip", ["none", "consumer", "header", "cookie", "path", "query_arg", "uri_capture"]),
    otherFallback("path", ["none", "consumer", "header", "cookie", "query_arg", "ip", "uri_capture"]),
    { distinct: ["hash_on_header", "hash_fallback_header"] },
    ...needsName("query_arg", ["hash_on_query_arg", "hash_fallback_query_arg"]),
    { distinct: ["hash_on_query_arg", "hash_fallback_query_arg"] },
    ...needsName("uri_capture", ["hash_on_uri_capture", "hash_fallback_uri_capture"]),
    { distinct: ["hash_on_uri_capture", "hash_fallback_uri_capture"] },
  ],
  // The algorithm and what is hashed follow each other, in this order. SPEC-entities §6
  shorthand_fields: {
    algorithm: {
      type: "string",
      description: "Algorithms that do not hash reset `hash_on`.",
      expand: (value: string | null) =>
        value === "least-connections" || value === "latency"
          ? { algorithm: value, hash_on: null }
          : { algorithm: value },
    },
    hash_on: {
      type: "string",
      description: "An input to hash makes the algorithm `consistent-hashing`.",
      expand: (value: string | null) => {
        if (value === null) return { hash_on: "none" };
        return { hash_on: value, algorithm: value === "none" ? "round-robin" : "consistent-hashing" };
      },
    },
  },
} as const satisfies Entity;

export type Upstream = RowOf<typeof upstream>;
