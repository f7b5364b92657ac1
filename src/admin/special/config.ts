import type { Stores } from "../../entities/index.ts";
import { dump, type Entity, entityErrors, isConfiguration, isRecord, type Row } from "../../schema/index.ts";
import { type Answer, json, message } from "../answer.ts";
import { argument, type Call } from "../call.ts";
import type { Declarative, DeclarativeFaults } from "../parts.ts";
import type { Route } from "../paths.ts";
import type { Secrets } from "../secrets.ts";

const refuse = () => message(400, "this endpoint is only available when Kong is configured to not use a database");

/** `/config` with a database: there is no declarative configuration to read or replace. */
export const configRouteWithDatabase: Route = { path: "/config", methods: { GET: refuse, POST: refuse } };

/** `/config` without one: read the configuration, or replace it as a whole. Source: SPEC-admin-api §4. */
export function configRoute(declarative: Declarative, stores: Stores, secrets: Secrets): Route {
  const entities = stores.entities.filter(isConfiguration);

  async function shownRows(): Promise<[Entity, (Row & object)[]][]> {
    const all = entities.map(async (entity): Promise<[Entity, Row[]]> => {
      const rows = (await stores.named(entity.name)?.all()) ?? [];
      return [entity, rows.map((row) => secrets.hide(entity, row) as Row)];
    });
    return (await Promise.all(all)).filter(([, rows]) => rows.length > 0);
  }

  return {
    path: "/config",
    takesYaml: true,
    methods: {
      GET: async () => json(200, { config: await asYaml(await shownRows()) }),
      async POST(call) {
        const config = configOf(call);
        if (config === undefined) return message(400, "expected a declarative configuration");
        if (isOn(call, "check_hash") && declarative.hashOf(config) === declarative.hash()) return { status: 304 };
        if (declarative.isLoading()) {
          return { ...message(429, "Currently loading previous configuration"), headers: [["Retry-After", "1"]] };
        }
        const faults = await declarative.load(config);
        if (faults) return invalid(faults, isOn(call, "flatten_errors"));
        const rows = await shownRows();
        return json(
          201,
          Object.fromEntries(
            rows.map(([{ name }, of]) => [name, Object.fromEntries(of.map((row) => [row.id, row]))] as const),
          ),
        );
      },
    },
  };
}

/** The body itself when it is one, else its member `config`; undefined when there is neither. */
function configOf({ body: { input } }: Call): unknown {
  if ("_format_version" in input) return input;
  const { config } = input;
  return config === "" || config === null || config === true ? undefined : config;
}

const isOn = (call: Call, name: string): boolean =>
  ["1", "true", "on", "yes"].includes(String(argument(call, name)).toLowerCase());

function invalid({ fields, flattened, rest }: DeclarativeFaults, isFlat: boolean): Answer {
  const { code, name } = entityErrors.DECLARATIVE_CONFIG;
  const shown = isFlat ? rest : fields;
  const text = `declarative config is invalid: ${dump(shown)}`;
  return json(400, { code, name, fields: shown, message: text, ...(isFlat && { flattened_errors: flattened }) });
}

/** The rows as a file that says the same: references are ids, an expiry is a time. */
async function asYaml(rows: readonly (readonly [Entity, readonly Row[]])[]): Promise<string> {
  const { stringify } = await import("yaml");
  const now = Math.floor(Date.now() / 1000);
  const collections = rows.map(([entity, of]) => [entity.name, of.map((row) => flat(entity, row, now))]);
  const document = { _format_version: "3.0", _transform: false, ...Object.fromEntries(collections) };
  const style = { nullStr: "~", singleQuote: true, indentSeq: false, lineWidth: 0, version: "1.1" } as const;
  return stringify(document, { ...style, aliasDuplicateObjects: false });
}

function flat({ fields }: Entity, row: Row, now: number): object {
  const entries = Object.entries(row).map(([name, value]) => {
    if (name === "ttl") return [name, Number(value) + now];
    return [name, fields[name]?.type === "foreign" && isRecord(value) ? value["id"] : value];
  });
  return Object.fromEntries(entries);
}
