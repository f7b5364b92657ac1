import type { Check, Entity, RowOf } from "../schema/index.ts";
import { createdAt, host, name, path, port, protocol, tags, updatedAt, uuid } from "./common.ts";

const timeout = { type: "integer", unit: "ms", default: 60000, between: [1, 2147483646] } as const;

function onlyWithTls(field: string): Check {
  return {
    conditional: {
      if_field: "protocol",
      if_match: { not_one_of: ["https", "tls"] },
      then_field: field,
      then_match: { eq: null },
    },
  };
}

/**
 * The parts of `url`, in the way of LuaSocket, which Kong uses: no scheme means that of the port, no port that of the
 * scheme; user, query and fragment are dropped; a missing path is null, so that an update clears it. SPEC-entities §2
 */
function expandUrl(url: string | null): { readonly [name: string]: unknown } {
  const match = /^(?:([a-z0-9][a-z0-9+.-]*):)?(?:\/\/([^/?#]*))?([^?#;]*)/i.exec(url ?? "");
  const [, scheme, authority = "", rest] = match ?? [];
  const [, hostText = "", portText = ""] = /^(?:.*@)?(.*?)(?::([^:\]]*))?$/.exec(authority) ?? [];
  const given = portText === "" ? undefined : /^\d+$/.test(portText) ? Number(portText) : portText;
  const protocolName = scheme ?? (given === 443 ? "https" : "http");
  return {
    protocol: protocolName,
    host: hostText === "" ? null : hostText.replace(/^\[(.+)\]$/, "$1"),
    port: given ?? (protocolName === "https" ? 443 : 80),
    path: rest || null,
  };
}

export const service = {
  name: "services",
  description: "An upstream: where requests go.",
  primary_key: ["id"],
  endpoint_key: "name",
  fields: {
    id: uuid,
    created_at: createdAt,
    updated_at: updatedAt,
    name,
    retries: {
      type: "integer",
      default: 5,
      between: [0, 32767],
      description: "How often a request that failed is tried again.",
    },
    protocol: { ...protocol, required: true, default: "http", description: "The protocol spoken with the upstream." },
    host: { ...host, required: true, description: "Host of the upstream, or the name of an upstream entity." },
    port: { ...port, required: true, default: 80, description: "Port of the upstream." },
    path: { ...path, description: "Stands before the path of every request." },
    connect_timeout: { ...timeout, description: "Limit for connecting to the upstream." },
    write_timeout: { ...timeout, description: "Limit between two writes of a request." },
    read_timeout: { ...timeout, description: "Limit between two reads of an answer." },
    tags,
    client_certificate: {
      type: "foreign",
      reference: "certificates",
      description: "The certificate shown to the upstream.",
    },
    tls_verify: {
      type: "boolean",
      description: "Whether the certificate of the upstream is verified; null: as the gateway is set up.",
    },
    tls_verify_depth: {
      type: "integer",
      default: null,
      between: [0, 64],
      description: "Longest chain of certificates that is accepted from the upstream.",
    },
    ca_certificates: {
      type: "array",
      elements: { type: "string", uuid: true },
      description: "The ids of the CA certificates that the upstream's is verified with.",
    },
    enabled: {
      type: "boolean",
      required: true,
      default: true,
      description: "Whether the routes of the service are served.",
    },
  },
  entity_checks: [
    {
      conditional: {
        if_field: "protocol",
        if_match: { one_of: ["tcp", "tls", "udp", "grpc", "grpcs"] },
        then_field: "path",
        then_match: { eq: null },
      },
    },
    onlyWithTls("client_certificate"),
    onlyWithTls("tls_verify"),
    onlyWithTls("tls_verify_depth"),
    onlyWithTls("ca_certificates"),
  ],
  shorthand_fields: {
    url: { type: "string", description: "Protocol, host, port and path in one; not stored.", expand: expandUrl },
  },
} as const satisfies Entity;

export type Service = RowOf<typeof service>;
