import type { Fields } from "../schema/index.ts";
import { headers, path, sni } from "./common.ts";

/** A record that is filled with the defaults of its members, and says so in its own. */
function record<const F extends Fields>(fields: F) {
  const members = Object.entries(fields).flatMap(([name, field]) =>
    field.default === undefined ? [] : [[name, field.default]],
  );
  return { type: "record", required: true, fields, default: Object.fromEntries(members) } as const;
}

const interval = {
  type: "number",
  default: 0,
  between: [0, 65535],
  description: "Seconds between two checks; 0: no checks.",
} as const;

function counter(description: string) {
  return { type: "integer", default: 0, between: [0, 255], description } as const;
}

function statuses(values: readonly number[]) {
  return {
    type: "array",
    elements: { type: "integer", between: [100, 999] },
    default: values,
    description: "Statuses that count.",
  } as const;
}

const successes = counter("Successes that make a target healthy; 0: none do.");
const tcpFailures = counter("Failed connections that make a target unhealthy; 0: none do.");
const timeouts = counter("Timeouts that make a target unhealthy; 0: none do.");
const httpFailures = counter("Failed answers that make a target unhealthy; 0: none do.");

const type = {
  type: "string",
  one_of: ["tcp", "http", "https", "grpc", "grpcs"],
  default: "http",
  description: "How a target is checked.",
} as const;

const active = record({
  healthy: {
    ...record({ interval, successes, http_statuses: statuses([200, 302]) }),
    description: "What makes healthy.",
  },
  https_sni: { ...sni, required: false, description: "The server name of the TLS handshake." },
  concurrency: {
    type: "integer",
    default: 10,
    between: [1, 2147483648],
    description: "Targets that are checked at a time.",
  },
  headers: { ...headers, required: false, description: "Headers of the check." },
  timeout: { type: "number", default: 1, between: [0, 65535], description: "Limit of a check in seconds." },
  type,
  unhealthy: {
    ...record({
      tcp_failures: tcpFailures,
      timeouts,
      interval,
      http_failures: httpFailures,
      http_statuses: statuses([429, 404, 500, 501, 502, 503, 504, 505]),
    }),
    description: "What makes unhealthy.",
  },
  http_path: { ...path, default: "/", description: "The path that is asked for." },
  https_verify_certificate: {
    type: "boolean",
    required: true,
    default: true,
    description: "Whether the target's certificate is verified.",
  },
});

const accepted = [200, 201, 202, 203, 204, 205, 206, 207, 208, 226, 300, 301, 302, 303, 304, 305, 306, 307, 308];

const passive = record({
  healthy: { ...record({ successes, http_statuses: statuses(accepted) }), description: "What makes healthy." },
  unhealthy: {
    ...record({
      http_failures: httpFailures,
      timeouts,
      tcp_failures: tcpFailures,
      http_statuses: statuses([429, 500, 503]),
    }),
    description: "What makes unhealthy.",
  },
  type,
});

const { default: defaults, ...rest } = record({
  active: { ...active, description: "Checks that the gateway makes by itself." },
  passive: { ...passive, description: "What it concludes from proxied requests." },
  threshold: {
    type: "number",
    default: 0,
    between: [0, 100],
    description: "Percentage of weight that must be healthy for the upstream to be.",
  },
});

// What is published does not name the threshold, which has its own.
const { threshold: _, ...published } = defaults;

/** Health checks of an upstream, as SPEC-entities §6 lists them. */
export const healthchecks = { ...rest, default: published };
