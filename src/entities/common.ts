import type { Field, Pattern } from "../schema/index.ts";
import { hostFault, nameFault, networkFault, parseAddress, wildcardNameFault } from "./address.ts";
import { pathFault } from "./path.ts";

/** Field types that several entities and plugins share; spread them to add a description or a rule. */

export const uuid = {
  type: "string",
  uuid: true,
  auto: true,
  description: "The UUID of the row; made by the server unless given, and fixed from then on.",
} as const;

export const createdAt = {
  type: "integer",
  timestamp: true,
  auto: true,
  description: "When the row was created, in seconds since the epoch.",
} as const;

export const updatedAt = {
  type: "integer",
  timestamp: true,
  auto: true,
  updated: true,
  description: "When the row was last written, in seconds since the epoch; set by the server.",
} as const;

const ascii = (text: string) => /^[ -+\-.0-~\u0080-\u{10ffff}]+$/u.test(text);

export const tags = {
  type: "set",
  elements: {
    type: "string",
    required: true,
    description: "A word without comma and slash.",
    check: (tag: string) =>
      ascii(tag)
        ? undefined
        : `invalid tag '${tag}': expected printable ascii (except \`,\` and \`/\`) or valid utf-8 sequences`,
  },
  description: "Words by which rows can be grouped and filtered.",
} as const satisfies Field;

/** A unique name of letters, digits, `. _ ~ -` and anything beyond ASCII. */
export const name = {
  type: "string",
  unique: true,
  description: "A unique name.",
  check: (value: string) =>
    /^[\w.\-~\u0080-\u{10ffff}]+$/u.test(value)
      ? undefined
      : `invalid value '${value}': the only accepted ascii characters are alphanumerics or ., -, _, and ~`,
} as const satisfies Field;

export const protocols = ["grpc", "grpcs", "http", "https", "tcp", "tls", "tls_passthrough", "udp"] as const;
export const httpProtocols = ["grpc", "grpcs", "http", "https"] as const;

export const protocol = {
  type: "string",
  one_of: protocols,
  description: "A protocol, such as `http`.",
} as const satisfies Field;

export const host = {
  type: "string",
  check: hostFault,
  description: "A host name or an IP address, without a port.",
} as const satisfies Field;

export const hostWithPort = {
  type: "string",
  check: (text: string) => {
    const parsed = parseAddress(text);
    return typeof parsed === "string" ? parsed : undefined;
  },
  description: "A host name or an IP address, possibly with a port.",
} as const satisfies Field;

export const sni = {
  type: "string",
  check: nameFault,
  description: "A server name as in the TLS handshake.",
} as const satisfies Field;

/** A token of RFC 9110 §5.6.2, such as the name of a cookie. */
export const token = {
  type: "string",
  check: (value: string) =>
    /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(value) ? undefined : `'${value}' is not a valid token according to RFC 9110`,
  description: "A token of HTTP.",
} as const satisfies Field;

export const wildcardHost = {
  type: "string",
  check: wildcardNameFault,
  description: "A host name, possibly with `*` as its first or last character.",
} as const satisfies Field;

export const network = {
  type: "string",
  check: networkFault,
  description: "An IP address or a block of them, such as `10.0.0.0/8`.",
} as const satisfies Field;

export const port = {
  type: "integer",
  between: [0, 65535],
  description: "A port number.",
} as const satisfies Field;

export const noEmptySegments: Pattern = { pattern: "//", regexp: /\/\//, err: "must not have empty segments" };

export const path = {
  type: "string",
  starts_with: "/",
  match_none: [noEmptySegments],
  check: pathFault,
  description: "The path of a URL; begins with a slash and has no empty segments.",
} as const satisfies Field;

export const headerName = {
  type: "string",
  description: "The name of an HTTP header.",
  check: (value: string) =>
    /^[\w-]+$/.test(value)
      ? undefined
      : `bad header name '${value}', allowed characters are A-Z, a-z, 0-9, '_', and '-'`,
} as const satisfies Field;

export const headers = {
  type: "map",
  keys: headerName,
  values: { type: "array", elements: { type: "string" } },
  description: "Values by header name.",
} as const satisfies Field;

/** A field that the schema it refines has, but which cannot be set here. */
export function forbidden<F extends Field>(field: F, err?: string): F & { eq: null; description: string } {
  const { default: _, required: __, ...rest } = field;
  return { ...rest, eq: null, description: "Cannot be set here.", ...(err && { err }) } as unknown as F & {
    eq: null;
    description: string;
  };
}
