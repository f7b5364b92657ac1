import type { Stores } from "../../entities/index.ts";
import { describe, describeSubschema, type Entity, infer, parse, type Subschema } from "../../schema/index.ts";
import { type Answer, json, message } from "../answer.ts";
import type { Body } from "../body.ts";
import { firstParam } from "../call.ts";
import type { Route } from "../paths.ts";
import type { Secrets } from "../secrets.ts";

/** `/schemas/*` and `/plugins/schema/{name}`: the schemas of entities and plugins. Source: SPEC-admin-api §4. */
export function schemaRoutes(stores: Stores, secrets: Secrets): Route[] {
  const entityOf = (name: string): Entity | undefined => stores.named(name)?.entity;
  const pluginOf = (name: string): Subschema | undefined => entityOf("plugins")?.subschemas?.of.get(name);

  const validateAs = (name: string, { input, isForm }: Body): Answer => {
    const entity = entityOf(name);
    if (!entity) return noEntity(name);
    parse(entity, isForm ? infer(entity, input, entityOf) : input, Date.now() / 1000, { entity: entityOf });
    return message(200, "schema validation successful");
  };

  return [
    {
      path: "/schemas/{name}",
      methods: {
        GET: (call) => {
          const entity = entityOf(firstParam(call));
          return entity ? json(200, secrets.hideDefaults(describe(entity))) : noEntity(firstParam(call));
        },
      },
    },
    {
      path: "/schemas/{db_entity_name}/validate",
      methods: { POST: (call) => validateAs(firstParam(call), call.body) },
    },
    {
      path: "/schemas/plugins/{name}",
      methods: {
        GET: (call) => {
          const plugin = pluginOf(firstParam(call));
          return plugin ? json(200, secrets.hideDefaults(describeSubschema(plugin))) : noPlugin(firstParam(call));
        },
      },
    },
    { path: "/schemas/plugins/validate", methods: { POST: (call) => validateAs("plugins", call.body) } },
    {
      path: "/plugins/schema/{name}",
      methods: {
        GET: (call) => {
          const config = pluginOf(firstParam(call))?.fields["config"];
          if (config?.type !== "record") return noPlugin(firstParam(call));
          const { fields = {}, entity_checks = [] } = config;
          return json(200, secrets.hideDefaults(describe({ fields, entity_checks })));
        },
      },
    },
  ];
}

const noEntity = (name: string) => message(404, `No entity named '${name}'`);
const noPlugin = (name: string) => message(404, `No plugin named '${name}'`);
