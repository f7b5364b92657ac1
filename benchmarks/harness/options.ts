import { parseArgs } from "node:util";
import { settingsTable } from "../../src/settings.ts";

const { one_of: engines, default: usual } = settingsTable.http_engine;
export type Engine = (typeof engines)[number];

/** What `npm run bench` was asked for. */
export interface Options {
  /** Names of rows; undefined: all that are not extra. */
  readonly only: readonly string[] | undefined;
  /** Peers beside Sesame and nginx: `fastify`, `express`, `iron-session`, `kong=URL`. */
  readonly versus: readonly string[];
  /** Seconds of one run. */
  readonly seconds: number;
  readonly rounds: number;
  /** Requests per second of the rows that measure latency. */
  readonly rate: number;
  readonly connections: number;
  /** Part of the results' file names. */
  readonly name: string;
  /** The value of `http_engine`. */
  readonly engine: Engine;
  readonly profile: boolean;
  /** Address of an Admin API that shall get the routes, and nothing be measured. */
  readonly configure: string | undefined;
  /** Where the upstream for `configure` is. */
  readonly upstream: string | undefined;
  readonly help: boolean;
}

export const usage = `npm run bench -- [options]

  --only ROW,ROW       these rows only; --only help lists them
  --vs PEER            one more peer, again for others: fastify, express, iron-session, kong=URL (nginx always takes part)
  --seconds N          length of a run (1)
  --rounds N           runs of each, in turns; medians are shown (9)
  --rate N             requests per second of the latency row (15000)
  --connections N      connections of the load (64)
  --engine ENGINE      Sesame's http_engine: ${engines.join(" or ")} (${usual})
  --name NAME          part of the results' file names (bench)
  --profile            record the gateway's CPU under the session row: results/flame.svg and results/profile.md
  --configure URL      give the Admin API there the routes of this benchmark, with --upstream URL, and end
`;

/** Read the arguments. Throws Error with a line for the operator. */
export function parseOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: "string" },
      vs: { type: "string", multiple: true, default: [] },
      seconds: { type: "string", default: "1" },
      rounds: { type: "string", default: "9" },
      rate: { type: "string", default: "15000" },
      connections: { type: "string", default: "64" },
      engine: { type: "string", default: usual },
      name: { type: "string", default: "bench" },
      profile: { type: "boolean", default: false },
      configure: { type: "string" },
      upstream: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (!/^[\w.-]+$/.test(values.name)) throw new Error("--name: expected letters, digits, dots and dashes");
  const engine = engines.find((name) => name === values.engine);
  if (engine === undefined) throw new Error(`--engine: expected ${engines.join(" or ")}, got '${values.engine}'`);
  if ((values.configure === undefined) !== (values.upstream === undefined)) {
    throw new Error("--configure and --upstream go together");
  }
  return {
    only: values.only?.split(",").filter(Boolean),
    versus: values.vs.flatMap((names) => names.split(",")).filter((name) => name !== "nginx"),
    seconds: whole("seconds", values.seconds, 60),
    rounds: whole("rounds", values.rounds, 100),
    rate: whole("rate", values.rate, 1_000_000),
    connections: whole("connections", values.connections, 10_000),
    engine,
    name: values.name,
    profile: values.profile,
    configure: values.configure,
    upstream: values.upstream,
    help: values.help,
  };
}

function whole(name: string, text: string, most: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw new Error(`--${name}: expected a whole number from 1 to ${most}, got '${text}'`);
}
