import type { Entity, Field, RowOf } from "../schema/index.ts";
import { routeHostFault } from "./address.ts";
import {
  createdAt,
  headerName,
  headers,
  name,
  network,
  noEmptySegments,
  port,
  protocol,
  tags,
  updatedAt,
  uuid,
  wildcardHost,
} from "./common.ts";
import { type RegexFault, regexFault, routePathFault } from "./path.ts";
import { routeSubschemas } from "./route-subschemas.ts";

const endpoints = {
  type: "set",
  elements: {
    type: "record",
    fields: { ip: network, port },
    entity_checks: [{ at_least_one_of: ["ip", "port"] }],
  },
} as const satisfies Field;

/** The entity of routes. `fault` judges the regular expressions in `paths`; the gateway hands in its own engine. */
export function createRouteEntity(fault: RegexFault = regexFault) {
  const fields = {
    id: uuid,
    created_at: createdAt,
    updated_at: updatedAt,
    name,
    protocols: {
      type: "set",
      len_min: 1,
      required: true,
      elements: protocol,
      mutually_exclusive_subsets: [["http", "https"], ["tcp", "tls", "udp"], ["tls_passthrough"], ["grpc", "grpcs"]],
      default: ["http", "https"],
      description: "The protocols that the route accepts.",
    },
    https_redirect_status_code: {
      type: "integer",
      one_of: [426, 301, 302, 307, 308],
      default: 426,
      required: true,
      description: "The status that sends a request which matches in everything but the protocol to TLS.",
    },
    strip_path: {
      type: "boolean",
      required: true,
      default: true,
      description: "Whether the part of the path that matched is cut off before the request is proxied.",
    },
    preserve_host: {
      type: "boolean",
      required: true,
      default: false,
      description: "Whether the upstream sees the client's Host header instead of its own host.",
    },
    request_buffering: {
      type: "boolean",
      required: true,
      default: true,
      description: "Whether the body of a request is read whole before it is proxied.",
    },
    response_buffering: {
      type: "boolean",
      required: true,
      default: true,
      description: "Whether the body of an answer is read ahead of the client.",
    },
    tags,
    service: {
      type: "foreign",
      reference: "services",
      description: "Where the requests go; null when a plugin answers them.",
    },
    snis: { type: "set", elements: wildcardHost, description: "Server names of the TLS handshake that match." },
    sources: { ...endpoints, description: "Addresses and ports of clients that match." },
    destinations: { ...endpoints, description: "Addresses and ports of the gateway that match." },
    methods: {
      type: "set",
      elements: {
        type: "string",
        match: { pattern: "^%u+$", regexp: /^[A-Z]+$/ },
        description: "An HTTP method in capitals.",
      },
      description: "Methods that match.",
    },
    hosts: {
      type: "array",
      elements: {
        type: "string",
        match_all: [
          {
            pattern: "^[^*]*%*?[^*]*$",
            regexp: /^[^*]*\*?[^*]*$/,
            err: "invalid wildcard: must have at most one wildcard",
          },
        ],
        match_any: {
          patterns: [
            { pattern: "^%*%.", regexp: /^\*\./ },
            { pattern: "%.%*$", regexp: /\.\*$/ },
            { pattern: "^[^*]*$", regexp: /^[^*]*$/ },
          ],
          err: "invalid wildcard: must be placed at leftmost or rightmost label",
        },
        check: routeHostFault,
      },
      description: "Hosts that match; the first or the last label may be `*`.",
    },
    paths: {
      type: "array",
      elements: {
        type: "string",
        match_none: [noEmptySegments],
        match_any: {
          patterns: [
            { pattern: "^/", regexp: /^\// },
            { pattern: "^~/", regexp: /^~\// },
          ],
          err: "should start with: / (fixed path) or ~/ (regex path)",
        },
        check: (path: string) => routePathFault(path, fault),
        description: "`/` begins a prefix, `~/` a regular expression.",
      },
      description: "Paths that match.",
    },
    headers: {
      ...headers,
      keys: {
        ...headerName,
        match_none: [
          {
            pattern: "^[Hh][Oo][Ss][Tt]$",
            regexp: /^host$/i,
            err: "cannot contain 'host' header, which must be specified in the 'hosts' attribute",
          },
        ],
      },
      description: "Headers that a request must have, each with one of the values.",
    },
    regex_priority: {
      type: "integer",
      default: 0,
      description: "Of several routes whose regular expressions match, that with the highest number wins.",
    },
    path_handling: {
      type: "string",
      one_of: ["v0", "v1"],
      default: "v0",
      description: "How the paths of service, route and request are joined.",
    },
  } as const satisfies Entity["fields"];
  return {
    name: "routes",
    description: "Which requests go to a service.",
    primary_key: ["id"],
    endpoint_key: "name",
    fields,
    subschemas: {
      key: "protocols",
      of: routeSubschemas(fields),
      unknown: (value: string) => `unknown type: ${value}`,
    },
    entity_checks: [
      {
        conditional: {
          if_field: "protocols",
          if_match: { elements: { type: "string", not_one_of: ["grpcs", "https", "tls", "tls_passthrough"] } },
          then_field: "snis",
          then_match: { len_eq: 0 },
          then_err: "'snis' can only be set when 'protocols' is 'grpcs', 'https', 'tls' or 'tls_passthrough'",
        },
      },
    ],
  } as const satisfies Entity;
}

export const route = createRouteEntity();

export type Route = RowOf<typeof route>;
