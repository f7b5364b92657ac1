import type { Entity, ErrorTree, Fields, Guard, PluginSchema, RowOf, Subschema } from "../schema/index.ts";
import { createdAt, httpProtocols, name, protocol, tags, updatedAt, uuid } from "./common.ts";

const fields = {
  id: uuid,
  name: { type: "string", required: true, description: "Which plugin it is." },
  instance_name: { ...name, description: "A unique name of this row." },
  created_at: createdAt,
  updated_at: updatedAt,
  route: {
    type: "foreign",
    reference: "routes",
    default: null,
    on_delete: "cascade",
    description: "Only requests of this route are concerned.",
  },
  service: {
    type: "foreign",
    reference: "services",
    default: null,
    on_delete: "cascade",
    description: "Only requests to this service are concerned.",
  },
  consumer: {
    type: "foreign",
    reference: "consumers",
    default: null,
    on_delete: "cascade",
    description: "Only requests of this consumer are concerned.",
  },
  config: { type: "record", abstract: true, description: "The settings; their schema is that of the plugin." },
  protocols: {
    type: "set",
    required: true,
    elements: protocol,
    default: httpProtocols,
    description: "The protocols of the requests that are concerned.",
  },
  enabled: { type: "boolean", required: true, default: true, description: "Whether the row is in effect." },
  tags,
} as const satisfies Fields;

/** The entity of configured plugins, for these plugins and no others. */
export function createPluginEntity(plugins: readonly PluginSchema[]) {
  return {
    name: "plugins",
    description: "A plugin with its settings, for all requests or for some.",
    primary_key: ["id"],
    endpoint_key: "instance_name",
    fields,
    unique: [["name", "route", "service", "consumer"]],
    subschemas: {
      key: "name",
      of: new Map(plugins.map((schema) => [schema.name, createSubschema(schema)])),
      unknown: (value: string) => `plugin '${value}' not enabled; add it to the 'plugins' configuration property`,
    },
    guard: protocolsMeet,
  } as const satisfies Entity;
}

const noConsumer = {
  type: "foreign",
  reference: "consumers",
  eq: null,
  description: "Cannot be set, as the plugin runs before the consumer is known.",
} as const;

/** What one plugin makes of the general schema; `describeSubschema` shows it in `/schemas/plugins`. */
export function createSubschema(schema: PluginSchema): Subschema {
  const accepted = schema.protocols ?? httpProtocols;
  return {
    fields: {
      ...(schema.noConsumer && { consumer: noConsumer }),
      protocols: { ...fields.protocols, elements: { type: "string", one_of: accepted } },
      config: {
        type: "record",
        required: true,
        fields: schema.config,
        description: "The settings of the plugin.",
        ...(schema.shorthand_fields && { shorthand_fields: schema.shorthand_fields }),
        ...(schema.check && { check: schema.check }),
      },
    },
    ...(schema.checks && { checks: schema.checks }),
  };
}

/** Protocols that were named must be some of the route's, or of one of the service's routes. SPEC-entities §5 */
const protocolsMeet: Guard = async (row, input, stored, read): Promise<ErrorTree | undefined> => {
  const touched = stored ? ["protocols", "route", "service"] : ["protocols"];
  if (!touched.some((member) => input[member] !== undefined && input[member] !== null)) return undefined;
  const { protocols: own, route, service } = row as unknown as PluginRow;
  const meets = (other: unknown) => (other as { protocols: readonly string[] }).protocols.some(isOwn);
  const isOwn = (item: string) => (own as readonly string[]).includes(item);
  if (route) {
    const target = await read.select("routes", route.id);
    return target && !meets(target) ? { protocols: "must match the associated route's protocols" } : undefined;
  }
  if (!service) return undefined;
  const routes = await read.referring("routes", "service", service.id);
  if (routes.length === 0 || routes.some(meets)) return undefined;
  return { protocols: "must match the protocols of at least one route pointing to this Plugin's service" };
};

/** A configured plugin; `config` as its own schema declares it, complete. */
export type PluginRow = Omit<RowOf<ReturnType<typeof createPluginEntity>>, "config"> & {
  readonly config: { readonly [name: string]: unknown };
};
