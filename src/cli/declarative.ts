import { createHash } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import type { Declarative } from "../admin/index.ts";
import { allEntities, type Database, replaceRows } from "../database/index.ts";
import type { Stores } from "../entities/index.ts";
import { type Log, type Plugin, validateRouteRegex } from "../gateway/index.ts";
import { type Entity, isConfiguration, type Row } from "../schema/index.ts";
import { type Settings, SettingsError } from "../settings.ts";
import { CommandError } from "./command.ts";
import { type Fault, flatten, linesOf, treeOf } from "./declarative-faults.ts";
import { type Reading, readDeclarative } from "./declarative-read.ts";
import { parseAside } from "./document-thread.ts";
import { type Plain, readTextFile } from "./kong-document.ts";

/** A declarative configuration as the operator gives it; `what` names it in messages. */
export interface Given {
  readonly what: string;
  readonly text: string;
}

/** What the settings name; undefined when nothing. Throws CommandError when it cannot be read. */
export async function readGiven(settings: Settings): Promise<Given | undefined> {
  const { declarative_config: file, declarative_config_string: text } = settings;
  if (file !== undefined) return { what: file, text: await readTextFile(file) };
  return text === undefined ? undefined : { what: "declarative_config_string", text };
}

/** Throws SettingsError, with a line for each fault, or CommandError. */
export async function checkGiven({ what, text }: Given, plugins: readonly Plugin[]): Promise<void> {
  const entities = allEntities({ plugins, regexFault: validateRouteRegex }).filter(isConfiguration);
  const document = await parseAside(text, what);
  refuseFaults(what, await readDeclarative(document, { entities, now: Math.floor(Date.now() / 1000) }));
}

const MOST_LINES = 100;

function refuseFaults(what: string, reading: Reading): void {
  if (!("faults" in reading)) return;
  const lines = linesOf(what, reading.faults);
  const more = lines.length > MOST_LINES ? [`${what}: and ${lines.length - MOST_LINES} more faults`] : [];
  throw new SettingsError([...lines.slice(0, MOST_LINES), ...more]);
}

/** 32 zeros: no configuration is in effect. */
const NONE = "0".repeat(32);

/** The configuration of a gateway without a database. */
export interface DeclarativeConfiguration extends Declarative {
  /** Put what the settings name in effect. Throws as `checkGiven`, and what was in effect stays so. */
  start(settings: Settings): Promise<void>;
  /** The same while the gateway runs: what is wrong is logged. */
  reload(settings: Settings): Promise<void>;
}

export function createDeclarative(database: Database, stores: Stores, log: Log): DeclarativeConfiguration {
  const entities = stores.entities.filter(isConfiguration);
  let hash = NONE;
  /** The end of the last replacement; undefined when there is none under way. */
  let busy: Promise<unknown> | undefined;

  /** Read a document and, when nothing is wrong with it, have it in effect when this is done. */
  async function replace(document: Plain, newHash: string): Promise<Reading> {
    const before = await allRows();
    const current = (entity: Entity, id: string) => before.get(entity)?.get(id);
    const reading = await readDeclarative(document, { entities, now: Math.floor(Date.now() / 1000), current });
    if ("faults" in reading) return reading;
    await replaceRows(database, stores.entities, reading.rows);
    hash = newHash;
    await tellEverybody();
    for (const { id } of reading.withoutSecret) {
      log.warn(`the session plugin ${id} has no secret in the declarative configuration: a restart logs everybody out`);
    }
    return reading;
  }

  /** Replacements wait for each other. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = (busy ?? Promise.resolve()).then(work);
    const end = done
      .catch(() => undefined)
      .then(() => {
        if (busy === end) busy = undefined;
      });
    busy = end;
    return done;
  }

  async function allRows(): Promise<Map<Entity, Map<string, Row>>> {
    const rows = new Map<Entity, Map<string, Row>>();
    for (const entity of entities) {
      const all = await stores.named(entity.name)!.all();
      rows.set(entity, new Map(all.map((row) => [row.id, row])));
    }
    return rows;
  }

  /** A worker that ends meanwhile makes it fail; those that are left are told again. */
  async function tellEverybody(attempts = 3): Promise<void> {
    try {
      await stores.reset();
    } catch (error) {
      if (attempts === 1) throw error;
      await pause(100);
      await tellEverybody(attempts - 1);
    }
  }

  async function load(given: Given): Promise<void> {
    const document = await parseAside(given.text, given.what);
    refuseFaults(given.what, await replace(document, hashOf(given.text)));
  }

  return {
    hash: () => hash,
    hashOf,
    isLoading: () => busy !== undefined,
    load: (config) =>
      inTurn(async () => {
        const reading = await parsed(config).then(
          (document) => replace(document, hashOf(config)),
          (error) => ({ faults: [unreadable(error)] }),
        );
        if (!("faults" in reading)) return undefined;
        const { flattened, rest } = flatten(reading.faults);
        return { fields: treeOf(reading.faults), flattened, rest: treeOf(rest) };
      }),
    start: (settings) =>
      inTurn(async () => {
        const given = await readGiven(settings);
        if (given) await load(given);
        else await replaceRows(database, stores.entities, new Map(entities.map((entity) => [entity, []])));
      }),
    async reload(settings) {
      try {
        const given = await readGiven(settings);
        if (!given) return log.notice("there is no declarative_config to read again");
        await inTurn(() => load(given));
        log.notice("the declarative configuration was read again", { declarative_config: given.what, hash });
      } catch (error) {
        const lines = linesOfRefusal(error);
        for (const line of lines) log.error(`the declarative configuration stays as it is: ${line}`);
        if (lines.length === 0) log.error("the declarative configuration could not be replaced", { error });
      }
    },
  };
}

/** What the operator can mend; nothing when it is something else. */
function linesOfRefusal(error: unknown): readonly string[] {
  if (error instanceof SettingsError) return error.problems;
  return error instanceof CommandError ? [error.message] : [];
}

const hashOf = (config: unknown): string =>
  createHash("md5")
    .update(typeof config === "string" ? config : JSON.stringify(config))
    .digest("hex");

const UNREADABLE = "failed parsing declarative configuration";

const parsed = async (config: unknown): Promise<Plain> =>
  typeof config === "string" ? parseAside(config, UNREADABLE) : (config as Plain);

function unreadable(error: unknown): Fault {
  if (!(error instanceof CommandError)) throw error;
  return { place: ["error"], fault: error.message };
}
