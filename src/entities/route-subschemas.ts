import type { Check, Fields, Match, Subschema } from "../schema/index.ts";
import { forbidden } from "./common.ts";

/** What a route may be matched by depends on the first of its protocols. SPEC-entities §3 */
export function routeSubschemas(fields: Fields): ReadonlyMap<string, Subschema> {
  const none = (names: readonly string[], protocols: string): Fields =>
    Object.fromEntries(
      names.map((name) => [name, forbidden(fields[name]!, `cannot set '${name}' when 'protocols' is ${protocols}`)]),
    );
  const http: Subschema = {
    fields: none(["sources", "destinations"], "'http' or 'https'"),
    checks: [secureOrNot("https", "http", ["methods", "hosts", "headers", "paths"])],
  };
  const stream: Subschema = {
    fields: none(["methods", "hosts", "paths", "headers"], "'tcp', 'tls', 'tls_passthrough' or 'udp'"),
    checks: [
      oneOf(
        ["tcp", "tls", "udp"],
        ["sources", "destinations", "snis"],
        "must set one of %s when 'protocols' is 'tcp', 'tls' or 'udp'",
      ),
      oneOf(["tls_passthrough"], ["snis"], "must set snis when 'protocols' is 'tls_passthrough'"),
    ],
  };
  const grpc: Subschema = {
    fields: {
      strip_path: {
        type: "boolean",
        required: true,
        default: false,
        ne: true,
        err: "cannot set 'strip_path' when 'protocols' is 'grpc' or 'grpcs'",
        description: "Always false, as the path names the procedure.",
      },
      ...none(["methods", "sources", "destinations"], "'grpc' or 'grpcs'"),
    },
    checks: [secureOrNot("grpcs", "grpc", ["hosts", "headers", "paths"])],
  };
  return new Map([
    ["http", http],
    ["https", http],
    ["tcp", stream],
    ["tls", stream],
    ["udp", stream],
    ["tls_passthrough", stream],
    ["grpc", grpc],
    ["grpcs", grpc],
  ]);
}

function secureOrNot(secure: string, plain: string, names: readonly string[]): Check {
  return {
    conditional_at_least_one_of: {
      if_field: "protocols",
      if_match: { contains: secure },
      then_at_least_one_of: [...names, "snis"],
      then_err: `must set one of %s when 'protocols' is '${secure}'`,
      else_match: { contains: plain },
      else_then_at_least_one_of: names,
      else_then_err: `must set one of %s when 'protocols' is '${plain}'`,
    },
  };
}

function oneOf(protocols: readonly string[], names: readonly string[], text: string): Check {
  const if_match: Match = { elements: { type: "string", one_of: protocols } };
  return {
    conditional_at_least_one_of: { if_field: "protocols", if_match, then_at_least_one_of: names, then_err: text },
  };
}
